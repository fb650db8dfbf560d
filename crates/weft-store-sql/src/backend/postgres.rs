//! Postgres: a pool of connections, each statement prepared once on each of them.

mod at_once;

use super::{
    Bulk, Row, Value,
    fault::{self, Fault},
};
use crate::database::OpenError;
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Encode,
    Executor as _, Row as _, SqlStr, Transaction, Type, TypeInfo as _, ValueRef as _,
    encode::IsNull,
    error::{BoxDynError, DatabaseError},
    postgres::{
        PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions,
        PgRow, PgTypeInfo, types::Oid,
    },
};
use std::{str::FromStr as _, time::Duration};
use tokio::sync::{Mutex, OnceCell};
use weft_store::StoreError;

/// Connections of one process; a scheduler needs one, people the rest.
const CONNECTIONS: u32 = 10;
/// How long a call waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// All statements that there are, with all their numbers of rows.
const CACHED_STATEMENTS: usize = 400;

/// A server's database.
pub(crate) struct Postgres {
    pool: PgPool,
    /// The session that has the database for itself, where this process asked for that.
    alone: OnceCell<Mutex<PgConnection>>,
    /// The session that keeps everybody from having it for themselves.
    shared: OnceCell<Mutex<PgConnection>>,
}

/// A transaction; it holds a connection.
pub(crate) struct Tx {
    transaction: Transaction<'static, sqlx::Postgres>,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| OpenError::Address(error.to_string()))?
            .application_name("weft")
            .statement_cache_capacity(CACHED_STATEMENTS)
            // A commit that was acknowledged survives, whatever the server's default is;
            // a transaction whose process stands still gives its locks back before a lease ends.
            .options([
                ("synchronous_commit", "on"),
                ("idle_in_transaction_session_timeout", "5s"),
                ("default_transaction_isolation", "read committed"),
                // A machine that vanished gives back what it had within a minute.
                ("tcp_keepalives_idle", "30"),
                ("tcp_keepalives_interval", "10"),
                ("tcp_keepalives_count", "3"),
            ])
            .disable_statement_logging();
        // A pool tries until its patience ends, and then says only that: one connection tells
        // at once what is wrong with the address, the password or the server.
        let first = tokio::time::timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options))
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable(format!("no answer within {ACQUIRE_TIMEOUT:?}"))
            })?;
        first.map_err(sort)?.close().await.map_err(sort)?;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            alone: OnceCell::new(),
            shared: OnceCell::new(),
        })
    }

    /// Takes the database for this process; `false` where another one has it.
    pub(super) async fn claim(&self, claim: SqlStr) -> Result<bool, StoreError> {
        self.lock(&self.alone, claim).await
    }

    /// Takes the database as others may, too; `false` where one has it for itself.
    pub(super) async fn share(&self, share: SqlStr) -> Result<bool, StoreError> {
        self.lock(&self.shared, share).await
    }

    /// Takes a lock by a session of its own, and keeps that in the cell.
    async fn lock(
        &self,
        cell: &OnceCell<Mutex<PgConnection>>,
        lock: SqlStr,
    ) -> Result<bool, StoreError> {
        if cell.initialized() {
            return Ok(true);
        }
        let options = self.pool.connect_options();
        let mut connection = PgConnection::connect_with(&options).await.map_err(sort)?;
        let mine = connection
            .fetch_all(sqlx::query(lock))
            .await
            .map_err(sort)?;
        // Where somebody of this process was faster, this connection is not needed.
        Ok(!mine.is_empty() && cell.set(Mutex::new(connection)).is_ok())
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.alone.initialized()
    }

    pub(super) async fn run(&self, sql: SqlStr, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let rows = self
            .pool
            .fetch_all(sqlx::query_with(sql, bind(args)?))
            .await
            .map_err(sort)?;
        rows.iter().map(decode).collect()
    }

    /// Writes everything in one statement; `false` where the first write would change nothing,
    /// and so nothing was done.
    pub(super) async fn write_at_once<'w>(
        &self,
        writes: impl Iterator<Item = &'w (&'static Bulk, Vec<Value>)>,
    ) -> Result<bool, StoreError> {
        let (text, arguments) = at_once::statement(writes)?;
        let written = self
            .pool
            .execute(sqlx::query_with(AssertSqlSafe(text), arguments));
        match written.await {
            Ok(_done) => Ok(true),
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some(at_once::NOTHING_CHANGED) =>
            {
                Ok(false)
            }
            Err(error) => Err(sort(error)),
        }
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let transaction = self.pool.begin().await.map_err(sort)?;
        Ok(Tx { transaction })
    }

    pub(super) async fn prepare(&self, sql: SqlStr) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await.map_err(sort)?;
        connection.prepare(sql).await.map_err(sort)?;
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
        for held in [&self.alone, &self.shared]
            .into_iter()
            .filter_map(OnceCell::get)
        {
            // The lock goes with the session; where this fails, with the connection.
            let released = held
                .lock()
                .await
                .execute("SELECT pg_advisory_unlock_all()")
                .await;
            drop(released);
        }
    }
}

impl Tx {
    pub(super) async fn run(
        &mut self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self
            .transaction
            .fetch_all(sqlx::query_with(sql, bind(args)?))
            .await
            .map_err(sort)?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        self.transaction
            .execute(sqlx::raw_sql(script))
            .await
            .map_err(sort)?;
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(sort)
    }
}

/// NULL of whatever type the statement means: a statement is prepared with the types of its
/// first values, and stays so.
struct Untyped;

impl Type<sqlx::Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, sqlx::Postgres> for Untyped {
    fn encode_by_ref(&self, _to: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

fn bind(values: Vec<Value>) -> Result<PgArguments, StoreError> {
    let mut arguments = PgArguments::default();
    arguments.reserve(values.len(), values.len() * size_of::<i64>());
    for value in values {
        match value {
            Value::Null => arguments.add(Untyped),
            Value::Int(number) => arguments.add(number),
            Value::Text(text) => arguments.add(&*text),
            Value::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(|error| StoreError::Defect(error.to_string()))?;
    }
    Ok(arguments)
}

fn decode(row: &PgRow) -> Result<Row, StoreError> {
    let mut values = Vec::with_capacity(row.len());
    for column in row.columns() {
        let at = column.ordinal();
        let raw = row.try_get_raw(at).map_err(sort)?;
        if raw.is_null() {
            values.push(Value::Null);
            continue;
        }
        values.push(match column.type_info().name() {
            "INT8" => Value::Int(row.try_get_unchecked(at).map_err(sort)?),
            "INT4" => Value::Int(row.try_get_unchecked::<i32, _>(at).map_err(sort)?.into()),
            "INT2" => Value::Int(row.try_get_unchecked::<i16, _>(at).map_err(sort)?.into()),
            "BOOL" => Value::Int(row.try_get_unchecked::<bool, _>(at).map_err(sort)?.into()),
            "TEXT" | "VARCHAR" => {
                Value::Text(row.try_get_unchecked::<&str, _>(at).map_err(sort)?.into())
            }
            "BYTEA" => Value::Bytes(row.try_get_unchecked(at).map_err(sort)?),
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
fn sort(error: sqlx::Error) -> StoreError {
    fault::sort(&error, judge)
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn judge(error: &dyn DatabaseError) -> Fault {
    let code = error.code().unwrap_or_default();
    match &*code {
        // disk_full; read_only_sql_transaction, as on a standby
        "53100" | "25006" => Fault::Full,
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled;
        // invalid_catalog_name and refused sign-ins, which their operator can mend
        "40001" | "40P01" | "55P03" | "57014" | "3D000" | "28000" | "28P01" => Fault::Unavailable,
        code if ["08", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            Fault::Unavailable
        }
        code if code.starts_with("XX") => Fault::Corrupt,
        _ => Fault::Defect,
    }
}
