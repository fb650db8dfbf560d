//! The worker gateway: the broker over HTTP, for workers that reach the broker only through
//! the server.
//!
//! The crate has both ends and no transport. [`GatewayBroker`] is a worker's handle over any
//! [`GatewayTransport`]; [`WorkerSessions`] answers its calls with handles of the server's
//! broker, which keeps the contract of [`weft_broker::WorkerBroker`].
//!
//! [`WorkerSessions`] also records which attempts each worker holds and what they were granted
//! ([`WorkerSessions::find_held`]): a worker may read a secret or a blob only for an attempt
//! that it holds.

mod sessions;
mod wire;
mod worker;

pub use {
    sessions::{HeldAttempt, MAX_NAME_IDLE, SessionOwner, WorkerNames, WorkerSessions},
    worker::{GatewayBroker, GatewayTransport},
};

use std::time::Duration;

/// How long a call waits at the server before it returns empty: shorter than the idle timeouts
/// of proxies.
pub const MAX_WAIT: Duration = Duration::from_secs(20);
