//! The options of a simulated world, and its outcome.

use super::audit::Work;
use crate::coverage::Coverage;
use weft_scheduler::Planted;

/// How to simulate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A bug to plant in the scheduler.
    pub bug: Option<Planted>,
    /// Keep a trace, line by line.
    pub trace: bool,
    /// Runs that ended before the world began.
    pub history: u64,
    /// Killed workers report which attempts were in guest code.
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
    /// The trace, if it was kept.
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
    /// The trace, if it was kept.
    pub trace: Vec<String>,
}
