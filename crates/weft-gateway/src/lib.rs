//! The way in for workers that don't reach the broker themselves: what a worker
//! asks of it travels as messages through somebody who does, the server.
//!
//! Both ends stand here and nothing of how messages are carried:
//! [`GatewayBroker`] is a worker's handle over any [`GatewayTransport`], and [`WorkerSessions`] answers
//! with handles of the broker behind it. So every promise of [`weft_broker::WorkerBroker`]
//! is kept by the broker behind, whichever it is.
//!
//! The gate remembers which attempts each worker holds and what they were
//! granted ([`WorkerSessions::find_held`]), since who asks for a secret or a blob through the
//! same door has to hold the attempt that needs it.

mod sessions;
mod wire;
mod worker;

pub use {
    sessions::{HeldAttempt, SessionOwner, WorkerSessions},
    worker::{GatewayBroker, GatewayTransport},
};

use std::time::Duration;

/// The longest that a call waits behind the gate before it answers that there is
/// nothing: shorter than what proxies take for a dead connection.
pub const MAX_WAIT: Duration = Duration::from_secs(20);
