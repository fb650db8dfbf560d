//! The connections of one process, and an end to every call over them.
//!
//! A server that vanishes without closing its connections never answers and never fails. A call
//! that exceeds its time closes its connection, and no connection that was made before is used
//! again. What became of a commit that was not answered is unknown: the caller has to read it, or
//! to repeat what changes nothing the second time.
//!
//! This is not sqlx's pool, because that one pings each connection that comes back to it and
//! waits for the answer without end: connections to a vanished server would fill it.

use super::{bind, classify};
use crate::backend::Value;
use futures_util::TryStreamExt as _;
use sqlx::{
    ConnectOptions as _, Connection as _, Error, Executor as _, Postgres, SqlStr,
    postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow},
    query::Query,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, error::Elapsed, sleep, timeout, timeout_at},
};
use weft_store::StoreError;

/// Connections of one process; a scheduler needs one for each shard that commits, people the rest.
const MAX_CONNECTIONS: u32 = 10;
/// Connections beside those for the calls that renew leases, one after another.
const MAX_LEASE_CONNECTIONS: u32 = 1;
/// How long a call waits for a connection, and a new connection may take. Shorter than a lease,
/// so that a server that returns finds its schedulers trying.
pub(super) const MAX_CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long the server may take to begin its answer, and for each row after that: a hundred
/// times what a commit takes on a slow disk.
pub(super) const MAX_CALL_TIME: Duration = Duration::from_secs(10);
/// A statement that carries many values takes longer: a second more for so many of them.
const VALUES_PER_SECOND: usize = 10_000;
/// How long a step of the schema may take, which may rewrite a large table, and how long another
/// process waits for it.
const MAX_SCRIPT_TIME: Duration = Duration::from_hours(1);
/// How long the end of a process waits for calls in progress and for each connection's farewell.
const MAX_CLOSE_TIME: Duration = Duration::from_secs(2);
/// How long a connection stays open unused.
const MAX_IDLE_TIME: Duration = Duration::from_mins(10);
/// How long a connection is used, so that a server's memory for it does not grow without end.
const MAX_AGE: Duration = Duration::from_mins(30);
/// The pause between attempts to connect to a server that refuses, as one does that starts.
const CONNECT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Connections that are open, and permits for those that may be.
pub(super) struct Connections {
    options: PgConnectOptions,
    max: u32,
    permits: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What connections in use return to.
struct Shared {
    idle: Mutex<Vec<Idle>>,
    breakage: Arc<Breakage>,
}

/// When a connection to the server broke; those that were made before may be broken as well.
#[derive(Default)]
struct Breakage {
    at: Mutex<Option<Instant>>,
}

struct Idle {
    connection: PgConnection,
    made: Instant,
    since: Instant,
}

impl Connections {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self::bounded(options, MAX_CONNECTIONS, Arc::default())
    }

    /// Connections to the same server for the calls that renew leases, which must not wait for
    /// any other call.
    pub(super) fn for_leases(&self) -> Self {
        let breakage = Arc::clone(&self.shared.breakage);
        Self::bounded(self.options.clone(), MAX_LEASE_CONNECTIONS, breakage)
    }

    fn bounded(options: PgConnectOptions, max: u32, breakage: Arc<Breakage>) -> Self {
        let idle = Mutex::default();
        Self {
            options,
            max,
            permits: Arc::new(Semaphore::new(max as usize)),
            shared: Arc::new(Shared { idle, breakage }),
        }
    }

    /// A connection for one caller.
    pub(super) async fn acquire(&self) -> Result<Session, StoreError> {
        let deadline = Instant::now() + MAX_CONNECT_TIME;
        let permits = Arc::clone(&self.permits);
        let permit = timeout_at(deadline, permits.acquire_owned())
            .await
            .map_err(|_elapsed| {
                StoreError::Unavailable(format!(
                    "all connections ({}) were in use for {MAX_CONNECT_TIME:?}",
                    self.max
                ))
            })?
            .map_err(|_closed| StoreError::Unavailable("the database was closed".into()))?;
        let (connection, made) = match self.shared.pop() {
            Some(idle) => (idle.connection, idle.made),
            None => (self.connect(deadline).await?, Instant::now()),
        };
        Ok(Session {
            connection: Some(connection),
            made,
            is_busy: false,
            in_transaction: false,
            shared: Arc::clone(&self.shared),
            permit: Some(permit),
        })
    }

    /// A connection that belongs to no pool: for the checks at the start, and for a lock.
    pub(super) async fn connect_once(&self) -> Result<PgConnection, StoreError> {
        timeout(MAX_CONNECT_TIME, self.options.connect())
            .await
            .map_err(no_connection)?
            .map_err(classify)
    }

    /// Connects; a server that starts or restarts is waited for until the deadline.
    async fn connect(&self, deadline: Instant) -> Result<PgConnection, StoreError> {
        loop {
            let made = timeout_at(deadline, self.options.connect()).await;
            let error = match made.map_err(no_connection)? {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if !is_starting(&error) || Instant::now() + CONNECT_RETRY_DELAY >= deadline {
                return Err(classify(error));
            }
            sleep(CONNECT_RETRY_DELAY).await;
        }
    }

    /// Waits for calls in progress and closes every connection. Later calls fail.
    pub(super) async fn close(&self) {
        let all = Arc::clone(&self.permits).acquire_many_owned(self.max);
        // Calls that take longer lose their connection with the process.
        drop(timeout(MAX_CLOSE_TIME, all).await);
        self.permits.close();
        let idle = std::mem::take(&mut *self.shared.idle());
        for Idle { connection, .. } in idle {
            // A server that doesn't take the farewell notices the end of the connection.
            drop(timeout(MAX_CLOSE_TIME, connection.close()).await);
        }
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Each change of it is one call on a list.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection that was used last; connections that are no longer trusted are closed.
    fn pop(&self) -> Option<Idle> {
        let mut idle = self.idle();
        self.drop_stale(&mut idle);
        idle.pop()
    }

    fn push(&self, connection: PgConnection, made: Instant) {
        let mut idle = self.idle();
        let since = Instant::now();
        idle.push(Idle {
            connection,
            made,
            since,
        });
        self.drop_stale(&mut idle);
    }

    fn drop_stale(&self, idle: &mut Vec<Idle>) {
        let broken_at = self.breakage.last();
        idle.retain(|idle| {
            idle.since.elapsed() < MAX_IDLE_TIME
                && idle.made.elapsed() < MAX_AGE
                && broken_at.is_none_or(|at| idle.made > at)
        });
    }
}

impl Breakage {
    fn last(&self) -> Option<Instant> {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}

/// A connection in use. One that is dropped during a call is closed, since the rest of the answer
/// is still to come; one that is dropped in a transaction rolls it back.
pub(super) struct Session {
    /// Taken when the session ends.
    connection: Option<PgConnection>,
    made: Instant,
    is_busy: bool,
    in_transaction: bool,
    shared: Arc<Shared>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// Runs a statement and returns its rows.
    pub(super) async fn fetch(
        &mut self,
        sql: SqlStr,
        args: Vec<Value>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let within = call_time(args.len());
        let query = sqlx::query_with(sql, bind(args)?);
        let answer = read_rows(self.start()?, query, within).await;
        self.end(answer, within)?.map_err(classify)
    }

    /// Runs a statement that carries so many values, and returns the database's own error.
    pub(super) async fn execute(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        values: usize,
    ) -> Result<Result<(), Error>, StoreError> {
        let within = call_time(values);
        let answer = timeout(within, self.start()?.execute(query)).await;
        self.end(answer.map(|done| done.map(drop)), within)
    }

    /// Runs several statements without values, as migrations are.
    pub(super) async fn run_script(&mut self, script: &'static str) -> Result<(), StoreError> {
        self.run_raw(script, MAX_SCRIPT_TIME).await
    }

    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        self.run_raw("BEGIN", MAX_CALL_TIME).await?;
        self.in_transaction = true;
        Ok(())
    }

    pub(super) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run_raw("COMMIT", MAX_CALL_TIME).await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Whether the statement is right, without running it.
    pub(super) async fn prepare(&mut self, sql: SqlStr) -> Result<(), StoreError> {
        let answer = timeout(MAX_CALL_TIME, self.start()?.prepare(sql)).await;
        let prepared = self.end(answer.map(|done| done.map(drop)), MAX_CALL_TIME)?;
        prepared.map_err(classify)
    }

    async fn run_raw(&mut self, text: &'static str, within: Duration) -> Result<(), StoreError> {
        let answer = timeout(within, self.start()?.execute(sqlx::raw_sql(text))).await;
        let done = self.end(answer.map(|done| done.map(drop)), within)?;
        done.map_err(classify)
    }

    fn start(&mut self) -> Result<&mut PgConnection, StoreError> {
        self.is_busy = true;
        let broken = || StoreError::Unavailable("the connection broke in an earlier call".into());
        self.connection.as_mut().ok_or_else(broken)
    }

    /// Ends a call; a connection that did not answer or broke is closed.
    fn end<T>(
        &mut self,
        answer: Result<Result<T, Error>, Elapsed>,
        within: Duration,
    ) -> Result<Result<T, Error>, StoreError> {
        let is_usable = match &answer {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => leaves_usable(error),
            Err(_elapsed) => false,
        };
        if is_usable {
            self.is_busy = false;
        } else {
            self.shared.breakage.record();
            drop(self.connection.take());
        }
        answer.map_err(|_elapsed| {
            StoreError::Unavailable(format!("the database did not answer within {within:?}"))
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.is_busy {
            return;
        }
        if !self.in_transaction {
            self.shared.push(connection, self.made);
            return;
        }
        // Without a runtime the connection is closed, which rolls back as well.
        if let Ok(runtime) = Handle::try_current() {
            let (shared, made, permit) = (Arc::clone(&self.shared), self.made, self.permit.take());
            runtime.spawn(async move {
                let mut connection = connection;
                let rollback = connection.execute(sqlx::raw_sql("ROLLBACK"));
                if let Ok(Ok(_done)) = timeout(MAX_CALL_TIME, rollback).await {
                    shared.push(connection, made);
                }
                drop(permit);
            });
        }
    }
}

/// All rows of an answer. The first may take `within`, each further one [`MAX_CALL_TIME`].
async fn read_rows(
    connection: &mut PgConnection,
    query: Query<'_, Postgres, PgArguments>,
    within: Duration,
) -> Result<Result<Vec<PgRow>, Error>, Elapsed> {
    let mut answer = connection.fetch(query);
    let mut rows = Vec::new();
    let mut within = within;
    loop {
        match timeout(within, answer.try_next()).await? {
            Ok(Some(row)) => rows.push(row),
            Ok(None) => return Ok(Ok(rows)),
            Err(error) => return Ok(Err(error)),
        }
        within = MAX_CALL_TIME;
    }
}

/// How long a statement with so many values may take.
fn call_time(values: usize) -> Duration {
    MAX_CALL_TIME + Duration::from_secs((values / VALUES_PER_SECOND) as u64)
}

fn no_connection(_elapsed: Elapsed) -> StoreError {
    StoreError::Unavailable(format!("no connection within {MAX_CONNECT_TIME:?}"))
}

/// Whether the connection can be used after this error: the server refused a statement.
fn leaves_usable(error: &Error) -> bool {
    match error {
        // Connection exceptions, and sessions that an operator or a shutdown ended.
        Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            !(code.starts_with("08") || code.starts_with("57P") || code == "25P03")
        }
        Error::ColumnDecode { .. } | Error::Decode(_) | Error::Encode(_) | Error::RowNotFound => {
            true
        }
        _ => false,
    }
}

/// Whether a server starts, stops, or is replaced by another one.
fn is_starting(error: &Error) -> bool {
    match error {
        Error::Io(error) => matches!(
            error.kind(),
            std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::NotFound
        ),
        // cannot_connect_now, too_many_connections
        Error::Database(error) => matches!(error.code().as_deref(), Some("57P03" | "53300")),
        _ => false,
    }
}
