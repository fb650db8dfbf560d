//! A whole installation simulated: the real scheduler (`weft_scheduler`, one or
//! two of it) among a simulated database, broker, workers, clocks and people.
//!
//! One seed makes one world. It runs until enough events and faults have happened;
//! then faults stop, it has to come to rest, and its final state is audited. The
//! faults: a scheduler crashes at any await, is suspended, restarted,
//! deposed while it writes; commits fail before or after they are written; calls
//! stall; the database, the broker or the blob store is down, or slow each time; the broker
//! loses everything; the database loses what it acknowledged;
//! messages get lost, come twice or late; workers die or are cut off; the
//! database's clock runs wrong and jumps; a run's rows can't be written.
//!
//! The [`audit`] observes from outside and accepts only what is committed.

pub mod audit;
pub mod blobs;
pub mod broker;
pub mod broker_state;
pub mod call;
pub mod documents;
pub mod fates;
pub mod operators;
mod outcome;
pub mod past;
pub mod process;
pub mod random;
pub mod store;
pub mod tables;
pub mod truth;
pub mod worker;
pub mod workers;
mod world;

pub use outcome::{Finding, Options, Outcome};
pub use world::{EVENTS, FAULTS};

use world::World;

/// Simulates the installation of a seed to its end.
///
/// # Errors
/// What is wrong with it.
pub fn simulate(seed: u64, options: Options) -> Result<Outcome, Finding> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads or files");
    runtime.block_on(async { World::new(seed, options).live(seed).await })
}

/// What worlds with [`Options::crashes`] exercise beside that.
pub const CRASH_KINDS: &[&str] = &[
    "committed: failed for deaths of workers",
    "fault: a task took down its worker",
    "fault: news of crashes not written",
    "worker: reports what ran when it died",
];

/// Everything that a test run is sure to exercise, besides crashes.
pub const KINDS: &[&str] = &[
    "answer: run exists already",
    "answer: run's id is taken",
    "answer: turn written before",
    "answer: turns lost",
    "broker: lease ran out",
    "broker: report redelivered",
    "committed: branch",
    "committed: cancel",
    "committed: clear",
    "committed: run in portions",
    "committed: deferred",
    "committed: dispatched",
    "committed: ran ahead in a chain",
    "committed: ran ahead of its dispatch",
    "committed: due",
    "committed: expand failed",
    "committed: expanded",
    "committed: event ended a wait",
    "committed: failed",
    "committed: lost",
    "committed: mark",
    "committed: skipped",
    "committed: start",
    "committed: started",
    "committed: success",
    "committed: wait for an approval",
    "committed: woken",
    "fault: another run drew the same id",
    "fault: answer of the broker lost",
    "fault: blob store away",
    "fault: broker away",
    "fault: broker lost everything",
    "fault: call of the broker failed",
    "fault: call stalled",
    "fault: claim lost on its way",
    "fault: command visible after a later one",
    "fault: commit not written",
    "fault: commit not written for want of space",
    "fault: commit written and its answer lost",
    "fault: confirmation lost",
    "fault: database away",
    "fault: database lost what it acknowledged",
    "fault: database's clock set back",
    "fault: database's clock set forth",
    "fault: deposed scheduler writes",
    "fault: dispatch doubled",
    "fault: dispatch lost",
    "fault: notice doubled",
    "fault: notice late",
    "fault: notice lost",
    "fault: output not read",
    "fault: process suspended",
    "fault: read of the database failed",
    "fault: revocation lost",
    "fault: run can't be written",
    "fault: scheduler restarted",
    "fault: wake-up lost",
    "fault: worker cut off",
    "fault: worker killed",
    "operator: activates an earlier version",
    "operator: answers",
    "operator: backfills",
    "operator: changes a limit",
    "operator: commands",
    "operator: deploys",
    "operator: pauses or unpauses",
    "operator: sends an event",
    "operator: triggers",
    "operator: wants a run for later",
    "published: ahead of its commit",
    "task: asks",
    "task: output in the blob store",
    "worker: releases what it never started",
    "worker: kills all, since it can't renew",
    "worker: kills what it lost",
    "worker: kills what was revoked",
    "worker: registers",
];
