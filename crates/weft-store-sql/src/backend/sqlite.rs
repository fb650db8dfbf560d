//! SQLite: one connection that writes, a few that read, in a folder that one process holds.
//!
//! A commit is on disk when it returns (`synchronous = FULL`), and readers see the
//! last commit without waiting for the writer (`journal_mode = WAL`). A transaction
//! that was dropped half-way stays open until the next one begins by rolling it
//! back: no other transaction writes meanwhile, and readers don't see it.

mod log;

use super::{
    Purpose, Row, Value,
    error_kind::{self, ErrorKind},
};
use crate::{
    data_folder::{DATABASE_FILE, DataFolderLock},
    error::OpenError,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _,
    Executor as _, Row as _, SqlSafeStr as _, SqlStr, TypeInfo as _, ValueRef as _,
    error::DatabaseError,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
        SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use std::{fs::File, io, path::Path, sync::Arc, time::Duration};
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

/// Up to so many values, a transaction goes to the connection's thread as one message:
/// waking it costs more than small writes do. Longer ones would push others out of the
/// prepared statements, and cost more than a wake-up.
pub(super) const MAX_BATCH_VALUES: usize = 256;
const BEGIN: &str = "BEGIN IMMEDIATE";
const COMMIT: &str = "COMMIT";
/// Ends a message, before its COMMIT, where the statement before changed no row. An error is
/// the only thing that does, and the absolute value of the least integer is one
/// (<https://www.sqlite.org/lang_corefunc.html#abs>).
const CHANGED_OR_FAIL: &str = "SELECT CASE changes() WHEN 0 THEN abs(-9223372036854775808) END";
const NOTHING_CHANGED: &str = "integer overflow";

/// The data folder's database.
pub(crate) struct Sqlite {
    writer: Arc<Mutex<Writer>>,
    readers: SqlitePool,
    /// One reader beside them, so that no other read delays the renewal of a lease.
    lease_reader: SqlitePool,
    /// Released when the last clone is gone; none where the database is only read.
    lock: Option<DataFolderLock>,
}

struct Writer {
    /// None when it was closed.
    connection: Option<SqliteConnection>,
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
        let options = options(&file);
        let connection = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES.to_string())
            .pragma("cache_size", (-WRITER_CACHE_KIB).to_string())
            .thread_name(|_number| "weft-db-writer".into())
            .connect()
            .await
            .map_err(classify)?;
        log::preallocate(&file, CHECKPOINT_PAGES);
        Ok(Self::over(connection, options, Some(lock)))
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
        let options = options(file).read_only(true);
        let connection = options.clone().connect().await.map_err(classify)?;
        Ok(Self::over(connection, options, None))
    }

    fn over(
        connection: SqliteConnection,
        options: SqliteConnectOptions,
        lock: Option<DataFolderLock>,
    ) -> Self {
        let options = options
            .read_only(true)
            .pragma("cache_size", (-WRITER_CACHE_KIB / 4).to_string());
        let pool = |readers, options| {
            SqlitePoolOptions::new()
                .max_connections(readers)
                .test_before_acquire(false)
                .max_lifetime(None)
                .connect_lazy_with(options)
        };
        let lease_options = options
            .clone()
            .thread_name(|_number| "weft-db-lease".into());
        let options = options.thread_name(|number| format!("weft-db-read-{number}"));
        Self {
            writer: Arc::new(Mutex::new(Writer {
                connection: Some(connection),
                dirty: false,
            })),
            readers: pool(READERS, options),
            lease_reader: pool(1, lease_options),
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
        let rows = readers
            .fetch_all(sqlx::query_with(sql, bind(args)?))
            .await
            .map_err(classify)?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn write(
        &self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut writer = self.clean_writer().await?;
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
        let mut texts = vec![BEGIN];
        for (text, _values) in &writes {
            texts.push(text);
            if texts.len() == 2 {
                texts.push(CHANGED_OR_FAIL);
            }
        }
        texts.push(COMMIT);
        let sql = joined(&texts);
        let values = writes.into_iter().flat_map(|(_text, values)| values);
        let values = bind(values.collect())?;
        let mut writer = self.clean_writer().await?;
        writer.dirty = true;
        let query = sqlx::query_with(sql, values);
        match writer.connection()?.fetch_all(query).await {
            Ok(_rows) => {
                writer.dirty = false;
                Ok(true)
            }
            Err(sqlx::Error::Database(error)) if error.message() == NOTHING_CHANGED => Ok(false),
            Err(error) => Err(classify(error)),
        }
    }

    /// The writer, with no transaction open.
    async fn clean_writer(&self) -> Result<OwnedMutexGuard<Writer>, StoreError> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        if writer.dirty {
            // It fails where the transaction ended after all; one that stays open fails the next BEGIN.
            let rolled_back = writer.command("ROLLBACK").await;
            drop(rolled_back);
            writer.dirty = false;
        }
        Ok(writer)
    }

    pub(super) async fn prepare(&self, sql: SqlStr) -> Result<(), StoreError> {
        let mut writer = self.clean_writer().await?;
        writer.connection()?.prepare(sql).await.map_err(classify)?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.lease_reader.close().await;
        self.readers.close().await;
        // The last connection brings the log into the file and removes it.
        if let Some(connection) = self.writer.lock().await.connection.take() {
            let closed = connection.close().await;
            // What was committed is on disk already.
            drop(closed);
        }
    }
}

impl Writer {
    fn connection(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.connection
            .as_mut()
            .ok_or_else(|| StoreError::Unavailable("it was closed".into()))
    }

    async fn run(&mut self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        // All rows are fetched, even of a statement that has one: a statement that is
        // left before its end commits without telling whether it could.
        let rows = self
            .connection()?
            .fetch_all(sqlx::query_with(sql, bind(args)?))
            .await
            .map_err(classify)?;
        rows.iter().map(decode).collect()
    }

    async fn command(&mut self, sql: &'static str) -> Result<(), StoreError> {
        // With (no) arguments, so that it stays prepared.
        self.connection()?
            .execute(sqlx::query_with(
                sql.into_sql_str(),
                SqliteArguments::default(),
            ))
            .await
            .map_err(classify)?;
        Ok(())
    }
}

impl Tx {
    pub(super) async fn run(
        &mut self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.writer.run(sql, args).await
    }

    pub(super) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        self.writer
            .connection()?
            .execute(sqlx::raw_sql(script))
            .await
            .map_err(classify)?;
        Ok(())
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.writer.command(COMMIT).await?;
        self.writer.dirty = false;
        Ok(())
    }
}

/// Several statements as one text: each takes its nameless parameters where the one before ended.
fn joined(statements: &[&str]) -> SqlStr {
    let mut text = String::new();
    for statement in statements {
        text.push_str(statement);
        text.push(';');
    }
    AssertSqlSafe(text).into_sql_str()
}

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(CACHED_STATEMENTS)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .disable_statement_logging()
}

fn bind(values: Vec<Value>) -> Result<SqliteArguments, StoreError> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(values.len(), 0);
    for value in values {
        match value {
            Value::Null => arguments.add(None::<i64>),
            Value::Int(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(|error| StoreError::Defect(error.to_string()))?;
    }
    Ok(arguments)
}

fn decode(row: &SqliteRow) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let value = row.try_get_raw(at).map_err(classify)?;
        if value.is_null() {
            values.push(Value::Null);
            continue;
        }
        let of = value.type_info();
        values.push(match of.name() {
            "INTEGER" => Value::Int(row.try_get_unchecked(at).map_err(classify)?),
            "TEXT" => Value::Text(
                row.try_get_unchecked::<&str, _>(at)
                    .map_err(classify)?
                    .into(),
            ),
            "BLOB" => Value::Bytes(row.try_get_unchecked(at).map_err(classify)?),
            other => {
                return Err(StoreError::Defect(format!(
                    "the column {} has the type {other}",
                    column.name()
                )));
            }
        });
    }
    Ok(Row::new(values))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` is given"
)]
fn classify(error: sqlx::Error) -> StoreError {
    error_kind::classify(&error, kind_of_code)
}

/// By SQLite's extended result codes (<https://www.sqlite.org/rescode.html>).
fn kind_of_code(error: &dyn DatabaseError) -> ErrorKind {
    /// Writing, syncing, truncating and growing files.
    const WRITING: [i32; 5] = [778, 1034, 1290, 1546, 4874];
    let Some(code) = error.code().and_then(|code| code.parse::<i32>().ok()) else {
        return ErrorKind::Defect;
    };
    if WRITING.contains(&code) {
        return ErrorKind::Full;
    }
    match code & 0xff {
        // READONLY, FULL
        8 | 13 => ErrorKind::Full,
        // BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, CANTOPEN
        5 | 6 | 7 | 9 | 10 | 14 => ErrorKind::Unavailable,
        // CORRUPT, NOTADB
        11 | 26 => ErrorKind::Corrupt,
        _ => ErrorKind::Defect,
    }
}
