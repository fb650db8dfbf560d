//! Where a database is: a folder, a file or a server.

use std::{fmt, path::PathBuf};

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// The file `weft.db` in this folder; both are created if they are missing.
    Sqlite {
        /// The data folder, which one process holds at a time.
        folder: PathBuf,
    },
    /// A database file that is only read, even while another process writes it: the data
    /// folder's own, or a backup. Nothing is created, and no lock is taken.
    SqliteReadOnly {
        /// The file itself.
        file: PathBuf,
    },
    /// A Postgres server.
    Postgres {
        /// `postgres://user:password@host:port/name`; never shown.
        url: String,
    },
}

impl fmt::Debug for DatabaseLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { folder } => f.debug_struct("Sqlite").field("folder", folder).finish(),
            Self::SqliteReadOnly { file } => f
                .debug_struct("SqliteReadOnly")
                .field("file", file)
                .finish(),
            Self::Postgres { url: _secret } => f.write_str("Postgres"),
        }
    }
}
