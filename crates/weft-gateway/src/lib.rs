//! The way in for workers that don't reach the broker themselves: what a worker
//! asks of it travels as messages through somebody who does, the server.
//!
//! Both ends stand here and nothing of how messages are carried:
//! [`GateWorker`] is a worker's handle over any [`Carrier`], and [`Gate`] answers
//! with handles of the broker behind it. So every promise of [`weft_broker::WorkerBroker`]
//! is kept by the broker behind, whichever it is.
//!
//! The gate remembers which attempts each worker holds and what they were
//! granted ([`Gate::held`]), since who asks for a secret or a blob through the
//! same door has to hold the attempt that needs it.

mod gatekeeper;
mod wire;
mod worker;

pub use {
    gatekeeper::{Gate, HeldAttempt, SessionOwner},
    worker::{Carrier, GateWorker},
};

use std::time::Duration;

/// The longest that a call waits behind the gate before it answers that there is
/// nothing: shorter than what proxies take for a dead connection.
pub const LONGEST_WAIT: Duration = Duration::from_secs(20);
