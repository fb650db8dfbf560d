//! Runs attempts: claims them from a broker, holds their leases, runs each in
//! the sandbox, and reports what came of it until somebody confirms it.
//!
//! The way in is [`Worker`]: made of [`WorkerOptions`] and [`Services`], it is
//! run once and watched and drained through its [`WorkerHandle`]. One task owns
//! all of its state and selects over one closed set of events; attempts run in
//! tasks of their own, each in a fresh sandbox.
//!
//! What always holds:
//! - An attempt whose lease was not renewed in time is killed before the lease
//!   runs out, by a clock that goes on while the machine sleeps.
//! - A report is kept, and handed over again, until it is confirmed.
//! - A component is fetched and compiled once, however many attempts wait for it.
//! - Nothing that a guest does, and no defect in one attempt's task, ends the worker.
//!
//! It knows no database and no HTTP; secrets come through [`Secrets`], one by
//! one, for an attempt that holds a live claim.

mod artifacts;
mod attempt;
mod backoff;
mod clock;
mod code;
mod components;
mod driver;
mod failure;
mod fatal;
mod figures;
mod handle;
mod held;
mod journal;
mod load;
mod log;
mod options;
mod outbox;
mod outcome;
mod secrets;
mod span;
mod surroundings;
mod worker;

pub use {
    code::CodeStore,
    fatal::notice_fatal_signals,
    handle::{WorkerHandle, WorkerPhase, WorkerStats},
    log::log_name,
    options::{OptionError, WorkerOptions},
    secrets::{SecretError, Secrets},
    worker::{Drained, Services, Worker, WorkerError},
};
