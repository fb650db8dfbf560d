//! The loop that owns shards: events and commands in, transactions and
//! dispatches out.
//!
//! One task owns all state ([`Scheduler::run`]); nothing is locked and nothing
//! else decides. A *turn* takes what has happened (bounded), applies it to the
//! runs in memory (`weft_core::run`), decides what to dispatch
//! (`weft_core::fair_queue`), commits all of it in one transaction, and only then
//! publishes dispatches and confirms reports. So:
//!
//! - What a worker is told is committed; what a worker may forget is committed.
//! - Under load one commit serves hundreds of transitions; under none a
//!   transition commits at once.
//! - A turn that can't be committed is committed again, unchanged, until it is,
//!   or until somebody else owns the shard.
//! - A run that breaks its turn is failed, not its shard.
//!
//! It knows no engine and no HTTP. Wake-ups are hints: a sweep each second
//! bounds a lost one.

mod actions;
mod active_run;
mod brokers;
mod calendar;
mod changes;
mod clock;
mod command;
mod commit;
mod completion_rate;
mod crash;
mod dispatch;
mod fault;
mod feed;
mod grants;
mod handle;
mod metrics;
mod notice;
mod options;
mod outputs;
mod reconcile;
mod recovery;
mod rows;
mod scheduler;
mod shard;
mod start;
mod timers;
mod versions;
mod why;

#[cfg(feature = "planted-bugs")]
pub use fault::Planted;
pub use {
    brokers::{Brokers, OneBroker},
    feed::{Change, Listen},
    handle::{Handle, Health, Wake, WhyError},
    options::{Deps, SchedulerOptions},
    scheduler::{Scheduler, SchedulerError},
    why::Reason,
};
