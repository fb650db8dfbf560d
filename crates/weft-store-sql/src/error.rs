//! Why a database is not opened, checked or backed up.

use crate::schema::Migration;
use std::path::PathBuf;
use weft_store::StoreError;

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
    /// Another process has the Postgres database for itself.
    #[error(
        "the database is in use by another process, of this machine or another one: stop that one first, or name another database"
    )]
    InUseElsewhere,
    /// The folder or its lock can't be made or opened.
    #[error("the data folder {folder} can't be used: {why}")]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// There is no such database.
    #[error("there is no database {file}")]
    Missing {
        /// The file that does not exist.
        file: PathBuf,
    },
    /// The file can't be opened.
    #[error("the database {file} can't be read: {why}")]
    File {
        /// The database file.
        file: PathBuf,
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
        /// The schema of the database.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// It is empty, or an older Weft wrote it.
    #[error("the database lacks {} migration(s), the next is {:?}: run 'wfctl db migrate'", pending.len(), pending.first().map_or("", |migration| migration.name))]
    Pending {
        /// What is to be done, in order.
        pending: Vec<Migration>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A statement that does not fit the database.
#[derive(Debug, thiserror::Error)]
#[error("{error} (in: {text})")]
pub struct StatementError {
    /// The statement.
    pub text: String,
    /// What the database said.
    pub error: StoreError,
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
        /// The target of the backup.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
