//! The scheduler: a loop that owns shards, takes events and commands, and commits turns.
//!
//! One task owns all state ([`Scheduler::run`]); nothing is locked, and nothing else decides. A
//! *turn* takes a bounded number of events, applies them to the runs in memory
//! (`weft_core::run`), decides what to dispatch (`weft_core::fair_queue`), commits all of it in one
//! transaction, and only then publishes dispatches and confirms reports. So:
//!
//! - A worker gets only attempts that are committed, and forgets only reports that are committed.
//! - Under load one commit serves hundreds of transitions; otherwise a transition is committed at
//!   once.
//! - A turn that can't be committed is retried unchanged until it is committed, or until another
//!   scheduler owns the shard.
//! - A run that breaks its turn fails alone.
//!
//! A `shard` consists of parts that own their data. The `steps` are synchronous functions over
//! the parts; only `scheduler` awaits the database, the blob store and the broker.
//!
//! The crate knows no sandbox and no HTTP. Wake-ups are hints: a sweep each second makes up for
//! lost ones.

mod active_run;
mod brokers;
mod clock;
mod completion_rate;
mod context;
mod faults;
mod feed;
mod grants;
mod handle;
mod heartbeat;
mod limits;
mod metrics;
mod options;
mod outputs;
mod ready_count;
mod retry;
mod scheduler;
mod shard;
mod steps;
mod versions;
mod why;

#[cfg(feature = "planted-bugs")]
pub use faults::Planted;
pub use {
    brokers::{Brokers, OneBroker},
    feed::{Change, Listen},
    handle::{Handle, Health, Wake, WhyError},
    options::{Deps, SchedulerOptions},
    ready_count::{ReadyCount, ReadyCounts},
    scheduler::{Scheduler, SchedulerError},
    why::Reason,
};
