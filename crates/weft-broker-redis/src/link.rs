//! A connection that reconnects when it breaks.
//!
//! A failed call is not repeated here: only the caller knows whether that is sound. After a
//! failed connection attempt the next one waits for a growing delay, in which calls fail at
//! once.

use crate::endpoint::{Connection, Endpoint, Purpose};
use ::redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use weft_broker::BrokerError;

/// The delays between connection attempts: doubled from 25 ms to 1 s, plus up to as much at
/// random, so that a thousand workers don't reconnect at once.
const DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(25))
    .with_max_delay(Duration::from_secs(1))
    .without_max_times()
    .with_jitter();

/// A connection that reconnects.
pub(super) struct Link {
    endpoint: Arc<Endpoint>,
    purpose: Purpose,
    call_timeout: Duration,
    state: Mutex<State>,
}

struct State {
    connection: Option<Connection>,
    /// Counts connections, so that a late failure of one doesn't end the next.
    generation: u64,
    failures: u32,
    delays: ExponentialBackoff,
    /// The time of the next connection attempt.
    retry_at: Option<Instant>,
}

/// The commands of one call.
#[derive(Clone, Copy)]
pub(super) enum Command<'a> {
    One(&'a Cmd),
    /// Several commands; the answer is a list.
    Several(&'a Pipeline),
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// The server does not have the script.
    NoScript,
    /// The server refuses the command, for this user or for all.
    Denied(String),
    /// Any other error.
    Broker(BrokerError),
}

impl From<CallError> for BrokerError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoScript => {
                Self::Unavailable("Redis lost a script that was just sent".to_owned())
            }
            CallError::Denied(why) => Self::Unavailable(why),
            CallError::Broker(error) => error,
        }
    }
}

fn unavailable(why: impl Into<String>) -> CallError {
    CallError::Broker(BrokerError::Unavailable(why.into()))
}

impl Link {
    pub(super) fn new(endpoint: Arc<Endpoint>, purpose: Purpose, call_timeout: Duration) -> Self {
        Self {
            endpoint,
            purpose,
            call_timeout,
            state: Mutex::new(State {
                connection: None,
                generation: 0,
                failures: 0,
                delays: DELAYS.build(),
                retry_at: None,
            }),
        }
    }

    /// Makes one call, within the timeout and the time that it may block in the server.
    pub(super) async fn call(
        &self,
        command: Command<'_>,
        wait: Duration,
    ) -> Result<Value, CallError> {
        let (mut connection, generation) = self.connection().await?;
        let call = async {
            match command {
                Command::One(command) => connection.call(command).await,
                Command::Several(commands) => connection.call_all(commands).await.map(Value::Array),
            }
        };
        let answer = timeout(self.call_timeout + wait, call).await;
        match answer {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if is_broken(&error) {
                    self.drop_connection(generation, &error.to_string()).await;
                }
                Err(describe(&error))
            }
            Err(_elapsed) => {
                let why = format!("Redis did not answer within {:?}", self.call_timeout);
                self.drop_connection(generation, &why).await;
                Err(unavailable(why))
            }
        }
    }

    async fn connection(&self) -> Result<(Connection, u64), CallError> {
        let mut state = self.state.lock().await;
        if let Some(connection) = &state.connection {
            return Ok((connection.clone(), state.generation));
        }
        if let Some(at) = state.retry_at
            && Instant::now() < at
        {
            return Err(unavailable(
                "Redis is not reachable; the next connection attempt follows soon",
            ));
        }
        let connect = self.endpoint.connect(self.purpose, self.call_timeout);
        let made = within(self.call_timeout, connect).await;
        match made {
            Ok(connection) => {
                state.generation += 1;
                state.connection = Some(connection.clone());
                state.retry_at = None;
                if state.failures > 0 || state.generation > 1 {
                    tracing::info!(redis = %self.endpoint.address, purpose = ?self.purpose, failures = state.failures, operation = "connect", "reconnected to Redis");
                }
                state.failures = 0;
                state.delays = DELAYS.build();
                Ok((connection, state.generation))
            }
            Err(why) => {
                state.delay();
                self.endpoint.failed.notify_one();
                tracing::warn!(redis = %self.endpoint.address, purpose = ?self.purpose, failures = state.failures, error = why, operation = "connect", "Redis is not reachable; retrying");
                Err(unavailable(format!("Redis is not reachable: {why}")))
            }
        }
    }

    async fn drop_connection(&self, generation: u64, why: &str) {
        let mut state = self.state.lock().await;
        if state.generation == generation && state.connection.take().is_some() {
            tracing::warn!(redis = %self.endpoint.address, purpose = ?self.purpose, error = why, operation = "call Redis", "the connection to Redis broke; reconnecting with the next call");
        }
    }
}

impl State {
    fn delay(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.retry_at = self.delays.next().map(|delay| Instant::now() + delay);
    }
}

async fn within<T>(
    span: Duration,
    call: impl Future<Output = RedisResult<T>>,
) -> Result<T, String> {
    match timeout(span, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_elapsed) => Err(format!("no connection within {span:?}")),
    }
}

/// Whether another connection may succeed: the server is gone, or is not the primary.
fn is_broken(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Io
        | ErrorKind::Parse
        | ErrorKind::AuthenticationFailed
        | ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::Server(
            ServerErrorKind::ReadOnly
            | ServerErrorKind::MasterDown
            | ServerErrorKind::BusyLoading
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::Moved,
        ) => true,
        _other => error.is_unrecoverable_error(),
    }
}

fn describe(error: &RedisError) -> CallError {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoScript) => CallError::NoScript,
        _ if error.code() == Some("OOM") => {
            unavailable("Redis is out of memory (its maxmemory is reached)")
        }
        ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError) => {
            CallError::Denied(error.to_string())
        }
        _ => unavailable(error.to_string()),
    }
}
