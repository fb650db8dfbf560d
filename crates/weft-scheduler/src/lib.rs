//! The scheduler: it owns shards, takes events and commands, and commits turns.
//!
//! Each shard has a task that owns its state; nothing is locked, and nothing else decides. A
//! supervisor ([`Scheduler::run`]) renews the leases beside them, so that no turn and no recovery
//! delays a renewal or another shard. A
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
mod output_blobs;
mod output_memory;
mod outputs;
mod progress;
mod ready_count;
mod retry;
mod scheduler;
mod shard;
mod steps;
mod tenure;
mod versions;
mod why;

#[cfg(feature = "planted-bugs")]
pub use faults::Planted;
pub use {
    brokers::{Brokers, OneBroker},
    feed::{Change, Listen},
    handle::{Handle, Health, Wake, WhyError},
    options::{Deps, SchedulerOptions},
    output_blobs::OutputBlobs,
    ready_count::{ReadyCount, ReadyCounts},
    scheduler::{Executor, Scheduler, SchedulerError, SchedulerTask, TaskGuard},
    why::Reason,
};
