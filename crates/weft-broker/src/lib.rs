//! How dispatches reach workers and outcomes come back.
//!
//! A broker is transport, never truth: losing everything in it costs latency,
//! never work. What always holds, for every implementation (`conformance`):
//!
//! - An attempt is handed to at most one worker at a time. A claim is a lease;
//!   a worker that doesn't renew it in time has lost it, by the broker's clock.
//! - A report is handed to the scheduler again and again until it is confirmed,
//!   and a worker keeps it until it hears of the confirmation.
//! - Every queue and every channel is bounded; what doesn't fit is refused, and
//!   the scheduler keeps it.
//! - Nothing secret is ever in a dispatch.
//!
//! Delays, retries, limits and fairness are the scheduler's: here a queue is
//! first in, first out, within a priority.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod direct_worker;
pub mod in_process;
pub mod message;

mod dispatch;
mod error;
mod lease;
mod operator_side;
mod report;
mod scheduler_side;
mod switchable;
mod worker_side;

pub use {
    dispatch::{AttemptKey, Dispatch},
    error::BrokerError,
    lease::{Claim, LeaseTerms},
    operator_side::{OperatorBroker, QueueLoad, RegisteredWorker, Survey},
    report::{Failure, Output, Report, ReportedOutcome, Usage},
    scheduler_side::{Demand, Notice, SchedulerBroker},
    switchable::SwitchableBroker,
    worker_side::{Signal, WorkerBroker, WorkerInfo},
};
