//! Postgres: a few connections and one for leases, each statement prepared once on each of them.

mod batch;
mod connections;

use super::{Bulk, Purpose, Row, Value, error_kind::ErrorKind};
use crate::error::OpenError;
use connections::{Connections, MAX_CALL_TIME, Session};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Encode,
    Error, Executor as _, Row as _, SqlStr, Type, TypeInfo as _, ValueRef as _,
    encode::IsNull,
    error::BoxDynError,
    postgres::{
        PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgRow, PgTypeInfo,
        types::Oid,
    },
};
use std::str::FromStr as _;
use tokio::{
    sync::{Mutex, OnceCell},
    time::timeout,
};
use weft_store::StoreError;

/// All statements that there are, with all their numbers of rows.
const CACHED_STATEMENTS: usize = 400;

/// A server's database.
pub(crate) struct Postgres {
    connections: Connections,
    /// Beside them, so that no other call delays the renewal of a lease.
    lease_connections: Connections,
    /// The session that locks the database for this process alone.
    exclusive: OnceCell<Mutex<PgConnection>>,
    /// The session that keeps other processes from locking the database alone.
    shared: OnceCell<Mutex<PgConnection>>,
}

/// A transaction; it holds a connection.
pub(crate) struct Tx {
    session: Session,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| OpenError::Address(error.to_string()))?
            .application_name("weft")
            .statement_cache_capacity(CACHED_STATEMENTS)
            // A commit that was acknowledged survives, whatever the server's default is;
            // a transaction of a stalled process releases its locks before a lease ends.
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
        let connections = Connections::new(options);
        // One connection made first reports at once what is wrong with the address, the password
        // or the server; later ones are retried.
        let first = connections.connect_once().await?;
        first.close().await.map_err(classify)?;
        Ok(Self {
            lease_connections: connections.for_leases(),
            connections,
            exclusive: OnceCell::new(),
            shared: OnceCell::new(),
        })
    }

    /// Locks the database for this process alone; `false` if another process holds a lock.
    pub(super) async fn lock_exclusive(&self, lock: SqlStr) -> Result<bool, StoreError> {
        self.lock(&self.exclusive, lock).await
    }

    /// Locks the database beside others; `false` if another process holds it alone.
    pub(super) async fn lock_shared(&self, lock: SqlStr) -> Result<bool, StoreError> {
        self.lock(&self.shared, lock).await
    }

    /// Takes a lock in a session of its own, which the cell keeps.
    async fn lock(
        &self,
        cell: &OnceCell<Mutex<PgConnection>>,
        lock: SqlStr,
    ) -> Result<bool, StoreError> {
        if cell.initialized() {
            return Ok(true);
        }
        let mut connection = self.connections.connect_once().await?;
        let locked = timeout(MAX_CALL_TIME, connection.fetch_all(sqlx::query(lock)))
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable(format!("no answer within {MAX_CALL_TIME:?}"))
            })?
            .map_err(classify)?;
        // If another task of this process was faster, this connection is dropped.
        Ok(!locked.is_empty() && cell.set(Mutex::new(connection)).is_ok())
    }

    pub(super) fn is_exclusive(&self) -> bool {
        self.exclusive.initialized()
    }

    pub(super) async fn run(
        &self,
        purpose: Purpose,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let connections = match purpose {
            Purpose::Lease => &self.lease_connections,
            Purpose::General => &self.connections,
        };
        let rows = connections.acquire().await?.fetch(sql, args).await?;
        rows.iter().map(decode).collect()
    }

    /// Writes everything in one statement; `false` where the first write would change nothing,
    /// and so nothing was done.
    pub(super) async fn write_batch<'w>(
        &self,
        writes: impl Iterator<Item = &'w (&'static Bulk, Vec<Value>)>,
    ) -> Result<bool, StoreError> {
        let (text, arguments, values) = batch::statement(writes)?;
        let mut session = self.connections.acquire().await?;
        let statement = sqlx::query_with(AssertSqlSafe(text), arguments);
        match session.execute(statement, values).await? {
            Ok(()) => Ok(true),
            Err(sqlx::Error::Database(error))
                if error.code().as_deref() == Some(batch::NOTHING_CHANGED) =>
            {
                Ok(false)
            }
            Err(error) => Err(classify(error)),
        }
    }

    pub(super) async fn begin(&self) -> Result<Tx, StoreError> {
        let mut session = self.connections.acquire().await?;
        session.begin().await?;
        Ok(Tx { session })
    }

    pub(super) async fn prepare(&self, sql: SqlStr) -> Result<(), StoreError> {
        self.connections.acquire().await?.prepare(sql).await
    }

    pub(super) async fn close(&self) {
        self.lease_connections.close().await;
        self.connections.close().await;
        for held in [&self.exclusive, &self.shared]
            .into_iter()
            .filter_map(OnceCell::get)
        {
            // The lock goes with the session; where this fails, with the connection.
            let mut held = held.lock().await;
            let released = held.execute("SELECT pg_advisory_unlock_all()");
            drop(timeout(MAX_CALL_TIME, released).await);
        }
    }
}

impl Tx {
    pub(super) async fn run(
        &mut self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.session.fetch(sql, args).await?;
        rows.iter().map(decode).collect()
    }

    pub(super) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        self.session.run_script(script).await
    }

    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.session.commit().await
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
        let raw = row.try_get_raw(at).map_err(classify)?;
        if raw.is_null() {
            values.push(Value::Null);
            continue;
        }
        values.push(match column.type_info().name() {
            "INT8" => Value::Int(row.try_get_unchecked(at).map_err(classify)?),
            "INT4" => Value::Int(
                row.try_get_unchecked::<i32, _>(at)
                    .map_err(classify)?
                    .into(),
            ),
            "INT2" => Value::Int(
                row.try_get_unchecked::<i16, _>(at)
                    .map_err(classify)?
                    .into(),
            ),
            "BOOL" => Value::Int(
                row.try_get_unchecked::<bool, _>(at)
                    .map_err(classify)?
                    .into(),
            ),
            "TEXT" | "VARCHAR" => Value::Text(
                row.try_get_unchecked::<&str, _>(at)
                    .map_err(classify)?
                    .into(),
            ),
            "BYTEA" => Value::Bytes(row.try_get_unchecked(at).map_err(classify)?),
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
    match &error {
        Error::Database(of_database) => {
            let kind = kind_of_sqlstate(&of_database.code().unwrap_or_default());
            kind.error(of_database.message().to_owned())
        }
        Error::Io(_)
        | Error::Tls(_)
        | Error::Configuration(_)
        | Error::PoolTimedOut
        | Error::PoolClosed
        | Error::WorkerCrashed
        | Error::BeginFailed => ErrorKind::Unavailable.error(error.to_string()),
        // The enum is open-ended; any other error lies in the call itself.
        _ => ErrorKind::Defect.error(error.to_string()),
    }
}

/// See <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn kind_of_sqlstate(code: &str) -> ErrorKind {
    match code {
        // disk_full; read_only_sql_transaction, as on a standby
        "53100" | "25006" => ErrorKind::Full,
        // lock_not_available, query_canceled; a transaction that was idle or open for too long;
        // a database that is missing or accepts no connections, as while it is replaced, and
        // refused sign-ins, which their operator can mend
        "55P03" | "57014" | "25P03" | "25P04" | "3D000" | "55000" | "28000" | "28P01" => {
            ErrorKind::Unavailable
        }
        // Connections, transactions that were rolled back, resources, operators, the system.
        code if ["08", "40", "53", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class)) =>
        {
            ErrorKind::Unavailable
        }
        code if code.starts_with("XX") => ErrorKind::Corrupt,
        _ => ErrorKind::Defect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_the_server_ended_is_tried_again() {
        for code in [
            "08006", "25P03", "25P04", "40001", "40003", "40P01", "57P01",
        ] {
            let kind = kind_of_sqlstate(code);
            assert!(matches!(kind, ErrorKind::Unavailable), "{code}");
        }
        for code in ["22021", "23505", "25P02", "42703"] {
            let kind = kind_of_sqlstate(code);
            assert!(matches!(kind, ErrorKind::Defect), "{code}");
        }
    }
}
