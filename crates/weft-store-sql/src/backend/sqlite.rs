//! SQLite: one connection that writes, a few that read, in a folder that one process holds.
//!
//! A commit is on disk when it returns (`synchronous = FULL`), and readers see the
//! last commit without waiting for the writer (`journal_mode = WAL`). A transaction
//! that was dropped half-way stays open until the next one begins by rolling it
//! back: no other transaction writes meanwhile, and readers don't see it.

mod log;
mod readers;
mod session;
mod statement;

use super::{Purpose, Row, Value};
use crate::{
    data_folder::{DATABASE_FILE, DataFolderLock},
    error::OpenError,
};
use readers::{Open, Readers, closed};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use session::Session;
use sqlx::SqlStr;
use statement::{classify, run};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use weft_store::StoreError;

/// Readers at once; more only take turns on the same cores.
const READERS: u32 = 4;
/// Only a backup or a person's own tool ever holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// All statements that there are, with all their numbers of rows.
const CACHED_STATEMENTS: usize = 400;
/// What the writer keeps of the file in memory, in KiB, as SQLite counts it; readers keep a quarter.
const WRITER_CACHE_KIB: i32 = 16 * 1024;
/// Pages of the log before it is brought into the file: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4_000;
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// The data folder's database.
pub(crate) struct Sqlite {
    writer: Arc<Mutex<Writer>>,
    readers: Readers,
    /// One reader beside them, so that no other read delays the renewal of a lease.
    lease_reader: Readers,
    /// Released when the last clone is gone; none where the database is only read.
    lock: Option<DataFolderLock>,
}

struct Writer {
    /// None when it was closed.
    session: Option<Session>,
    /// A transaction was begun and may not have ended.
    dirty: bool,
}

/// A transaction; it holds the writer.
pub(crate) struct Tx {
    writer: OwnedMutexGuard<Writer>,
}

impl Sqlite {
    pub(super) async fn open(folder: &Path) -> Result<Self, OpenError> {
        let lock = DataFolderLock::take(folder)?;
        let file = folder.join(DATABASE_FILE);
        let to_open = file.clone();
        let open = move || open_to_write(&to_open).map_err(classify);
        let writer = Session::open("weft-db-writer".into(), open).await?;
        log::preallocate(&file, CHECKPOINT_PAGES);
        Ok(Self::over(writer, file, Some(lock)))
    }

    /// A file that others may work with: this one writes nothing, and whatever would is refused.
    pub(super) async fn open_read_only(file: &Path) -> Result<Self, OpenError> {
        // Opened first, since what the system says of a file is clearer than what SQLite says.
        File::open(file).map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => OpenError::Missing { file: file.into() },
            _ => OpenError::File {
                file: file.into(),
                why,
            },
        })?;
        let to_open = file.to_owned();
        let open = move || {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
            open(&to_open, flags).map_err(classify)
        };
        let writer = Session::open("weft-db-writer".into(), open).await?;
        Ok(Self::over(writer, file.into(), None))
    }

    fn over(writer: Session, file: PathBuf, lock: Option<DataFolderLock>) -> Self {
        let open: Open = Arc::new(move || open_to_read(&file).map_err(classify));
        Self {
            writer: Arc::new(Mutex::new(Writer {
                session: Some(writer),
                dirty: false,
            })),
            readers: Readers::new("weft-db-reader", READERS, Arc::clone(&open)),
            lease_reader: Readers::new("weft-db-lease", 1, open),
            lock,
        }
    }

    pub(super) const fn holds_folder(&self) -> bool {
        self.lock.is_some()
    }

    pub(super) async fn read(
        &self,
        purpose: Purpose,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let readers = match purpose {
            Purpose::Lease => &self.lease_reader,
            Purpose::General => &self.readers,
        };
        readers.read(sql, args).await
    }

    pub(super) async fn write(
        &self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let writer = self.clean_writer().await?;
        writer.run(sql, args).await
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let mut writer = self.clean_writer().await?;
        writer.dirty = true;
        writer.command(BEGIN).await?;
        Ok(Tx { writer })
    }

    /// Writes everything in one message, if the first statement changes a row; otherwise nothing.
    pub(super) async fn write_batch(
        &self,
        writes: Vec<(Arc<str>, Vec<Value>)>,
    ) -> Result<bool, StoreError> {
        let mut writer = self.clean_writer().await?;
        writer.dirty = true;
        let write_all = move |connection: &mut Connection| {
            run(connection, BEGIN, &[])?;
            for (at, (text, values)) in writes.iter().enumerate() {
                run(connection, text, values)?;
                if at == 0 && connection.changes() == 0 {
                    run(connection, ROLLBACK, &[])?;
                    return Ok(false);
                }
            }
            run(connection, COMMIT, &[])?;
            Ok(true)
        };
        let written = writer.session()?.call(write_all).await?;
        writer.dirty = false;
        Ok(written)
    }

    /// The writer, with no transaction open.
    async fn clean_writer(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.dirty {
            // It fails where the transaction ended after all; one that stays open fails the next BEGIN.
            let rolled_back = writer.command(ROLLBACK).await;
            drop(rolled_back);
            writer.dirty = false;
        }
        Ok(writer)
    }

    pub(super) async fn prepare(&self, sql: SqlStr) -> Result<(), StoreError> {
        let writer = self.clean_writer().await?;
        let prepare = move |connection: &mut Connection| {
            let prepared = connection.prepare(sql.as_str()).map_err(classify)?;
            drop(prepared);
            Ok(())
        };
        writer.session()?.call(prepare).await
    }

    pub(super) async fn close(&self) {
        self.lease_reader.close().await;
        self.readers.close().await;
        // The last connection brings the log into the file and removes it.
        if let Some(session) = self.writer.lock().await.session.take() {
            session.close().await;
        }
    }
}

impl Writer {
    fn session(&self) -> Result<&Session, StoreError> {
        self.session.as_ref().ok_or_else(closed)
    }

    async fn run(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let work = move |connection: &mut Connection| run(connection, sql.as_str(), &args);
        self.session()?.call(work).await
    }

    async fn command(&self, sql: &'static str) -> Result<(), StoreError> {
        let work = move |connection: &mut Connection| run(connection, sql, &[]).map(drop);
        self.session()?.call(work).await
    }
}

impl Tx {
    pub(super) async fn run(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        self.writer.run(sql, args).await
    }

    pub(super) async fn run_script(&self, script: &'static str) -> Result<(), StoreError> {
        let work = |connection: &mut Connection| connection.execute_batch(script).map_err(classify);
        self.writer.session()?.call(work).await
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.writer.command(COMMIT).await?;
        self.writer.dirty = false;
        Ok(())
    }
}

fn open_to_write(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let connection = open(file, flags)?;
    // The answer is the mode.
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_row| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection
        .pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_row| Ok(()))?;
    Ok(connection)
}

fn open_to_read(file: &Path) -> rusqlite::Result<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB / 4)?;
    Ok(connection)
}

/// A connection stays on one thread, so that it needs no lock.
fn open(file: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(file, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Otherwise a statement over a table with partial indexes is compiled anew for each value that is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}
