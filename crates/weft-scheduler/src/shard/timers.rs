//! Timers of runs. A timer is never removed: the run rejects one that no longer fits.

use std::{cmp::Reverse, collections::BinaryHeap};
use weft_core::{run::Timer, run_id::RunId, time::Timestamp};

/// The timers of all runs of a shard.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Timestamp, RunId, Timer)>>);

impl Timers {
    /// Sets a timer that is due at `at`.
    pub(crate) fn set(&mut self, at: Timestamp, run: RunId, timer: Timer) {
        self.0.push(Reverse((at, run, timer)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, ..))| *at)
    }

    /// Removes one that is due by now.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(RunId, Timer)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse((_, run, timer))| (run, timer))
    }
}
