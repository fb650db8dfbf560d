//! The handle of the database: opening, migrating, closing.
//!
//! On SQLite the folder is locked for as long as a [`Database`] of it stands, so
//! that no second process writes beside this one. A database is used only
//! after [`Database::migrate`] or [`Database::check`] said that it fits.

use crate::StoreError;
use std::{fmt, path::PathBuf, sync::Arc};

/// Where the database lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// The file `weft.db` in this folder; both are made where they are missing.
    Sqlite {
        /// The data folder, which one process holds at a time.
        folder: PathBuf,
    },
    /// A Postgres server.
    Postgres {
        /// `postgres://user:password@host:port/name`; never shown.
        url: String,
    },
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { folder } => f.debug_struct("Sqlite").field("folder", folder).finish(),
            Self::Postgres { url: _secret } => f.write_str("Postgres"),
        }
    }
}

/// Why a database was not opened, migrated or found fit.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process works in the data folder.
    #[error(
        "the data folder {folder} is in use by another process (its lock is held): stop that one first, or name another folder"
    )]
    InUse {
        /// Which folder.
        folder: PathBuf,
    },
    /// The folder or its lock can't be made or opened.
    #[error("the data folder {folder} can't be used: {why}")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The address is none.
    #[error("the address of the database can't be read: {0}")]
    Address(String),
    /// A newer Weft wrote it.
    #[error(
        "the database has schema {found}, this version of Weft knows up to {known}: use the newer Weft that migrated it, or restore a backup from before"
    )]
    Newer {
        /// The schema that stands there.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// An older Weft wrote it, or nobody.
    #[error("the database lacks {} migration(s), the next is {:?}: run 'wfctl db migrate'", pending.len(), pending.first().map_or("", |migration| migration.name))]
    Pending {
        /// What is to be done, in order.
        pending: Vec<Migration>,
    },
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// From 1 on, without gaps.
    pub number: i64,
    /// What it does.
    pub name: &'static str,
}

/// SQLite or Postgres; cheap to clone, all clones are the same database.
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones share.
pub(crate) struct Shared {}

impl Database {
    /// Opens it, changing nothing in it.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        let _ = place;
        todo!()
    }

    /// Brings the schema to this version and tells what was done. Several processes may try at once.
    pub async fn migrate(&self) -> Result<Vec<Migration>, OpenError> {
        todo!()
    }

    /// Whether the schema is exactly this version's.
    pub async fn check(&self) -> Result<(), OpenError> {
        todo!()
    }

    /// Writes everything to a new file, consistent in itself, while others go on (SQLite only).
    pub async fn backup(&self, to: &std::path::Path) -> Result<(), BackupError> {
        let _ = to;
        todo!()
    }

    /// Waits for what is under way and closes. Dropping the last clone closes as well, without waiting.
    pub async fn close(&self) {
        todo!()
    }
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Postgres has tools of its own for this.
    #[error("Weft does not back Postgres up: use pg_dump, or your provider's snapshots")]
    UsePgDump,
    /// The target exists already.
    #[error("{0} exists already")]
    Exists(PathBuf),
    /// The target's folder can't be written.
    #[error("{path} can't be written: {why}")]
    Target {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}
