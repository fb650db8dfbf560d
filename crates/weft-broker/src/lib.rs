//! The broker: how dispatches reach workers and reports reach the scheduler.
//!
//! This crate has the traits, the messages and the in-process broker; `weft-broker-redis` has
//! the broker of several machines, `weft-gateway` the broker over HTTP.
//!
//! A broker is transport, never truth: losing its state costs latency, never work. The contract
//! of every implementation (`conformance`):
//!
//! - At most one worker holds an attempt at a time. A claim is a lease; a worker that doesn't
//!   renew it in time, by the broker's clock, has lost the attempt.
//! - The broker delivers a report until the scheduler confirms it, and a worker keeps the report
//!   until it receives the confirmation.
//! - A worker that is not trusted proves each attempt that it names (`ClaimSecret`,
//!   `VerifyingBroker`).
//! - Every queue and channel is bounded; the broker refuses what does not fit, and the scheduler
//!   keeps it.
//! - A dispatch contains no secrets.
//!
//! The scheduler implements delays, retries, limits and fairness: within a priority, a broker's
//! queue is first in, first out.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod direct_worker;
pub mod in_process;
pub mod message;

mod ahead;
mod claim_secret;
mod dispatch;
mod error;
mod lease;
mod operator_side;
mod report;
mod scheduler_side;
mod switchable;
mod verifying;
mod worker_side;

pub use {
    ahead::{Ahead, AheadReport},
    claim_secret::{ClaimKeys, ClaimSecret, HeldClaim},
    dispatch::{AttemptKey, Dispatch},
    error::BrokerError,
    lease::{Claim, LeaseTerms},
    operator_side::{OperatorBroker, QueueLoad, RegisteredWorker, Survey},
    report::{Failure, Output, Report, ReportedOutcome, Usage},
    scheduler_side::{CommittedTurns, Demand, Notice, SchedulerBroker},
    switchable::SwitchableBroker,
    verifying::VerifyingBroker,
    worker_side::{MAX_TIME_TO_START, Signal, WorkerBroker, WorkerInfo},
};
