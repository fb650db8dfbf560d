//! The handle of the database: opening, migrating, closing.
//!
//! On SQLite the folder is locked while a [`Database`] of it is open, so that no
//! second process writes to it. A database is used only after
//! [`Database::migrate`] or [`Database::check`] found that its schema fits.

use crate::{
    backend::{Backend, all_statements, args},
    error::{BackupError, OpenError, StatementError},
    location::DatabaseLocation,
    migration,
    schema::{self, Migration},
};
use std::{
    fs::File,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep};
use weft_core::time::Timestamp;
use weft_store::StoreError;

/// How long to wait for a lock that another process holds.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the lock is tried.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// The most damage reports that are listed.
pub const MAX_DAMAGE_REPORTS: u32 = 20;

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
    pub async fn open(location: &DatabaseLocation) -> Result<Self, OpenError> {
        let backend = Backend::open(location).await?;
        Ok(Self {
            shared: Arc::new(Shared { backend }),
        })
    }

    /// Locks the database for this process alone while it is open: leases of an earlier
    /// process are void. Opening a folder locks it already; a Postgres server may take up to
    /// [`LOCK_TIMEOUT`] to notice that a session ended.
    pub async fn lock_exclusive(&self) -> Result<(), OpenError> {
        retry_until_locked(|| self.backend().lock_exclusive()).await
    }

    /// Locks the database beside other processes that lock it so, while it is open: no process
    /// can lock it alone meanwhile. A folder can't be shared; its lock is exclusive.
    pub async fn lock_shared(&self) -> Result<(), OpenError> {
        retry_until_locked(|| self.backend().lock_shared()).await
    }

    /// Brings the schema to this version and returns the applied steps. Several processes may try at the same time.
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

    /// The newest step of the schema that was applied to the database; 0 if there is none.
    pub async fn schema(&self) -> Result<i64, StoreError> {
        migration::applied(self.backend()).await
    }

    /// The newest step of the schema that this version of Weft knows.
    pub fn known_schema() -> i64 {
        schema::known()
    }

    /// Checks the file for damage and returns the database's own reports, at most
    /// [`MAX_DAMAGE_REPORTS`]; none if the file is sound. Postgres checks its pages itself.
    pub async fn find_damage(&self) -> Result<Vec<String>, StoreError> {
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
    /// also of one that was opened as [`crate::DatabaseLocation::SqliteReadOnly`]).
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

    /// Waits for what is in progress and closes. Dropping the last clone closes as well, without waiting.
    pub async fn close(&self) {
        self.backend().close().await;
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.shared.backend
    }

    /// A process that holds the lock is alone: leases of an earlier process are void, and
    /// waiting for their end would only delay the start.
    async fn forget_dead_leases(&self) -> Result<(), StoreError> {
        if self.backend().is_exclusive() {
            self.release_all().await?;
        }
        Ok(())
    }
}

/// The time by this machine's clock.
pub(crate) fn machine_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// Tries to lock the database until it succeeds or [`LOCK_TIMEOUT`] is over.
async fn retry_until_locked<F>(mut lock: impl FnMut() -> F) -> Result<(), OpenError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let begun = Instant::now();
    while !lock().await? {
        if begun.elapsed() > LOCK_TIMEOUT {
            return Err(OpenError::InUseElsewhere);
        }
        sleep(LOCK_RETRY_INTERVAL).await;
    }
    Ok(())
}
