//! One connection that is made again when it breaks.
//!
//! A call that fails is not made again here: only its caller knows whether that
//! is sound. After a failure the next connection is made with a growing pause
//! between, and calls in a pause fail at once.

use super::endpoint::{Connection, Endpoint, Purpose};
use ::redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use weft_broker::BrokerError;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A connection and how it is kept.
pub(super) struct Link {
    endpoint: Arc<Endpoint>,
    purpose: Purpose,
    call_timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// Counts connections, so that a late failure of one doesn't end the next.
    generation: u64,
    failures: u32,
    /// No try before.
    retry_at: Option<Instant>,
}

/// What is sent at once.
#[derive(Clone, Copy)]
pub(super) enum Command<'a> {
    One(&'a Cmd),
    /// Answered by a list of their answers.
    Several(&'a Pipeline),
}

/// Why a call failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// The server doesn't have the script (any more).
    NoScript,
    /// The server doesn't do this, for this user or at all.
    Denied(String),
    /// For the caller's caller.
    Broker(BrokerError),
}

impl From<CallError> for BrokerError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NoScript => Self::Unavailable("Redis forgot a script at once".to_owned()),
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
            state: Mutex::default(),
        }
    }

    /// One command, answered within the timeout and the time that it may wait in the server.
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
                    self.broke(generation, &error.to_string()).await;
                }
                Err(describe(&error))
            }
            Err(_elapsed) => {
                let why = format!("Redis did not answer within {:?}", self.call_timeout);
                self.broke(generation, &why).await;
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
                "Redis can't be reached; it is tried again soon",
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
                    tracing::info!(redis = %self.endpoint.address, purpose = ?self.purpose, failures = state.failures, "connected to Redis again");
                }
                state.failures = 0;
                Ok((connection, state.generation))
            }
            Err(why) => {
                state.pause();
                self.endpoint.trouble.notify_one();
                tracing::warn!(redis = %self.endpoint.address, purpose = ?self.purpose, failures = state.failures, error = why, "Redis can't be reached; it is tried again");
                Err(unavailable(format!("Redis can't be reached: {why}")))
            }
        }
    }

    async fn broke(&self, generation: u64, why: &str) {
        let mut state = self.state.lock().await;
        if state.generation == generation && state.connection.take().is_some() {
            tracing::warn!(redis = %self.endpoint.address, purpose = ?self.purpose, error = why, "the connection to Redis broke");
        }
    }
}

impl State {
    fn pause(&mut self) {
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST_PAUSE);
        // Half of it by chance, so that a thousand workers don't come back at once.
        let pause = pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(Instant::now() + pause);
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

/// Whether another connection may do better: the server is gone, or isn't the one that takes writes.
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
