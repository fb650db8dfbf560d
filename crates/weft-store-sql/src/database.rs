//! The handle of the database: opening, migrating, closing.
//!
//! On SQLite the folder is locked for as long as a [`Database`] of it stands, so
//! that no second process writes beside this one. A database is used only
//! after [`Database::migrate`] or [`Database::check`] said that it fits.

use crate::{
    backend::{Backend, all_statements, args},
    migration,
};
use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep};
use weft_core::time::Timestamp;
use weft_store::StoreError;

/// Where the database lies.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// The file `weft.db` in this folder; both are made where they are missing.
    Sqlite {
        /// The data folder, which one process holds at a time.
        folder: PathBuf,
    },
    /// A database file that is only read, whoever works with it meanwhile: the data folder's
    /// own, or a backup. Nothing is made, and no lock is taken.
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

impl fmt::Debug for Place {
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
        /// Which file.
        file: PathBuf,
    },
    /// The file can't be opened.
    #[error("the database {file} can't be read: {why}")]
    File {
        /// Which file.
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

/// How long a database that another process has is asked for.
pub const CLAIM_PATIENCE: Duration = Duration::from_secs(5);
/// How often.
const CLAIM_EACH: Duration = Duration::from_millis(100);

/// Where listing what is damaged stops.
pub const MAX_DAMAGES: u32 = 20;

/// SQLite or Postgres; cheap to clone, all clones are the same database.
#[derive(Clone)]
pub struct Database {
    pub(crate) shared: Arc<Shared>,
}

/// What all clones share.
pub(crate) struct Shared {
    backend: Backend,
}

impl Database {
    /// Opens it, changing nothing in it.
    pub async fn open(place: &Place) -> Result<Self, OpenError> {
        let backend = Backend::open(place).await?;
        Ok(Self {
            shared: Arc::new(Shared { backend }),
        })
    }

    /// Takes the database for this process alone, for as long as it is open: what an earlier
    /// process had of it is void. A folder is held by whoever opened it; a session of a
    /// Postgres server that ended may take [`CLAIM_PATIENCE`] to be noticed.
    pub async fn claim(&self) -> Result<(), OpenError> {
        patiently(|| self.backend().claim()).await
    }

    /// Takes the database together with other processes that do so, for as long as it is open:
    /// nobody can have it alone meanwhile. A folder can't be shared, and is held alone.
    pub async fn share(&self) -> Result<(), OpenError> {
        patiently(|| self.backend().share()).await
    }

    /// Brings the schema to this version and tells what was done. Several processes may try at once.
    pub async fn migrate(&self) -> Result<Vec<Migration>, OpenError> {
        let now = machine_clock();
        let done = migration::migrate(self.backend(), now.0).await?;
        self.forget_dead_leases().await?;
        Ok(done)
    }

    /// Whether the schema is exactly this version's.
    pub async fn check(&self) -> Result<(), OpenError> {
        migration::check(self.backend()).await?;
        self.forget_dead_leases().await?;
        Ok(())
    }

    /// The newest step of the schema that stands in the database; 0 where there is none.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        migration::stands(self.backend()).await
    }

    /// The newest step of the schema that this version of Weft knows.
    pub fn known_schema() -> i64 {
        migration::known()
    }

    /// What is damaged in the file itself, in the database's words, at most
    /// [`MAX_DAMAGES`] of them; empty where all is well. Postgres checks its pages itself.
    pub async fn damages(&self) -> Result<Vec<String>, StoreError> {
        let Some(statement) = self.backend().dialect().integrity() else {
            return Ok(Vec::new());
        };
        let rows = self.backend().read(statement, args![]).await?;
        let mut damages = Vec::new();
        for mut row in rows {
            let line: String = row.take()?;
            if line != "ok" {
                damages.push(line);
            }
        }
        Ok(damages)
    }

    /// Prepares every statement that there is, so that a mistake in one shows
    /// without running it; returns how many there are.
    pub async fn check_statements(&self) -> Result<usize, StatementError> {
        let mut count = 0;
        for sql in all_statements(self.backend().dialect()) {
            count += 1;
            let text = sql.as_str().to_owned();
            if let Err(error) = self.backend().prepare(sql).await {
                return Err(StatementError { text, error });
            }
        }
        Ok(count)
    }

    /// Writes everything to a new file, consistent in itself, while others go on (SQLite only;
    /// also of one that was opened as [`Place::SqliteReadOnly`]).
    pub async fn backup(&self, to: &Path) -> Result<(), BackupError> {
        let Some(statement) = self.backend().dialect().backup() else {
            return Err(BackupError::UsePgDump);
        };
        if to.exists() {
            return Err(BackupError::Exists(to.into()));
        }
        let refuse = |why| BackupError::Target {
            path: to.into(),
            why,
        };
        let folder = match to.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let text = to.to_str().ok_or_else(|| {
            refuse(std::io::Error::new(
                std::io::ErrorKind::InvalidFilename,
                "the path is not UTF-8",
            ))
        })?;
        // Opened first, since what the system says of a folder is clearer than what SQLite says.
        let folder = File::open(folder).map_err(refuse)?;
        self.backend().read(statement, args![text]).await?;
        File::open(to)
            .and_then(|file| file.sync_all())
            .and_then(|()| folder.sync_all())
            .map_err(refuse)
    }

    /// Waits for what is under way and closes. Dropping the last clone closes as well, without waiting.
    pub async fn close(&self) {
        self.backend().close().await;
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.shared.backend
    }

    /// Whoever holds the data folder is alone: leases of an earlier process are void, and
    /// waiting for their end would only delay the start.
    async fn forget_dead_leases(&self) -> Result<(), StoreError> {
        if self.backend().is_alone() {
            self.release_all().await?;
        }
        Ok(())
    }
}

/// What this machine's clock says.
pub(crate) fn machine_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
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

/// Asks until the answer is yes, for as long as a database that another process has is asked for.
async fn patiently<F>(mut take: impl FnMut() -> F) -> Result<(), OpenError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let begun = Instant::now();
    while !take().await? {
        if begun.elapsed() > CLAIM_PATIENCE {
            return Err(OpenError::InUseElsewhere);
        }
        sleep(CLAIM_EACH).await;
    }
    Ok(())
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
