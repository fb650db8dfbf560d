//! The worker: claims attempts from a broker, renews their leases, runs each in the sandbox, and
//! reports its outcome until the report is confirmed.
//!
//! A [`Worker`] is made of [`WorkerOptions`] and [`Services`], runs once, and is watched and
//! drained through its [`WorkerHandle`]. One task owns all of its state and selects over one
//! closed set of events; each attempt runs in a task of its own, in a fresh sandbox.
//!
//! Invariants:
//! - An attempt whose lease was not renewed in time is killed before the lease expires, by a clock
//!   that advances while the machine sleeps.
//! - A report is kept, and sent again, until it is confirmed.
//! - A component is fetched and compiled once for all attempts that wait for it.
//! - Neither a guest nor a defect in one attempt's task ends the worker.
//!
//! The crate knows no database and no HTTP; [`Secrets`] provides the secrets, one by one, for an
//! attempt with a live claim.

mod ahead;
mod artifacts;
mod attempt;
mod backoff;
mod clock;
mod code;
mod components;
mod deps;
mod driver;
mod failure;
mod fatal;
mod handle;
mod held;
mod journal;
mod live_lines;
mod load;
mod log;
mod metrics;
mod options;
mod outbox;
mod outcome;
mod secrets;
mod span;
mod worker;

pub use {
    code::CodeStore,
    fatal::notice_fatal_signals,
    handle::{WorkerHandle, WorkerPhase, WorkerStats},
    live_lines::LiveLines,
    log::log_name,
    options::{OptionError, WorkerOptions},
    secrets::{SecretError, Secrets},
    worker::{Drained, Services, Worker, WorkerError},
};
