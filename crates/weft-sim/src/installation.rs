//! A whole installation simulated: the real scheduler (`weft_scheduler`, one or
//! two of it) among a simulated database, broker, workers, clocks and people.
//!
//! One seed makes one world. It goes on until enough has happened and enough has
//! gone wrong; then it is healed, has to come to rest, and is looked through.
//! What can go wrong: a scheduler crashes at any await, is suspended, restarted,
//! deposed while it writes; commits fail before or after they are written; calls
//! stall; the database or the broker is away; the broker loses everything;
//! messages get lost, come twice or late; workers die or are cut off; the
//! database's clock runs wrong and jumps; a run's rows can't be written.
//!
//! The [`audit`] looks on from outside and believes only what is committed.

pub mod audit;
pub mod broker;
pub mod call;
pub mod dice;
pub mod documents;
pub mod operators;
pub mod process;
pub mod store;
pub mod switchboard;
pub mod tables;
pub mod truth;
pub mod worker;
mod world;

pub use world::{EVENTS, FAULTS};

use crate::coverage::Coverage;
use audit::Work;
use weft_scheduler::Planted;
use world::World;

/// How to simulate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A bug to plant in the scheduler.
    pub bug: Option<Planted>,
    /// Keep what happened, line by line.
    pub trace: bool,
    /// Runs that ended before the world began.
    pub history: u64,
    /// Workers tell who was in guest code when they were killed.
    pub crashes: bool,
}

/// A world without a finding.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it exercised, and how often.
    pub coverage: Coverage,
    /// Events that were committed.
    pub events: u64,
    /// Faults that it suffered.
    pub faults: u64,
    /// What everything cost.
    pub work: Work,
    /// What happened, if it was kept.
    pub trace: Vec<String>,
}

/// What the auditor found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "seed {seed}: {what}\nrun it again: cargo run -p weft-sim -- installation --seed {seed} --trace"
)]
pub struct Finding {
    /// The seed that makes this world.
    pub seed: u64,
    /// What is wrong.
    pub what: String,
    /// What happened, if it was kept.
    pub trace: Vec<String>,
}

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
    "worker: tells who was there when it died",
];

/// Everything that a test run is sure to exercise, besides crashes.
pub const KINDS: &[&str] = &[
    "answer: run exists already",
    "answer: run's id is taken",
    "answer: turn written before",
    "broker: lease ran out",
    "broker: report told again",
    "committed: branch",
    "committed: cancel",
    "committed: clear",
    "committed: deferred",
    "committed: dispatched",
    "committed: due",
    "committed: expand failed",
    "committed: expanded",
    "committed: failed",
    "committed: lost",
    "committed: mark",
    "committed: skipped",
    "committed: start",
    "committed: started",
    "committed: success",
    "committed: woken",
    "fault: another run drew the same id",
    "fault: answer of the broker lost",
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
    "fault: database's clock set back",
    "fault: database's clock set forth",
    "fault: deposed scheduler writes",
    "fault: dispatch doubled",
    "fault: dispatch lost",
    "fault: notice doubled",
    "fault: notice late",
    "fault: notice lost",
    "fault: process suspended",
    "fault: read of the database failed",
    "fault: revocation lost",
    "fault: run can't be written",
    "fault: scheduler restarted",
    "fault: wake-up lost",
    "fault: worker cut off",
    "fault: worker killed",
    "operator: activates an earlier version",
    "operator: backfills",
    "operator: changes a limit",
    "operator: commands",
    "operator: deploys",
    "operator: pauses or unpauses",
    "operator: triggers",
    "operator: wants a run for later",
    "worker: gives back what it never began",
    "worker: kills all, since it can't renew",
    "worker: kills what it lost",
    "worker: kills what was revoked",
    "worker: registers",
];
