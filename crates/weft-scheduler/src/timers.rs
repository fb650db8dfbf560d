//! What is due when. Timers are never taken back: one that no longer fits is
//! rejected by its run when it is due.

use std::{cmp::Reverse, collections::BinaryHeap};
use weft_core::{run::Timer, run_id::RunId, time::Timestamp};

/// Timers of all runs of a shard.
#[derive(Debug, Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<(Timestamp, RunId, Timer)>>);

impl Timers {
    /// Hands `timer` back at or after `at`.
    pub(crate) fn set(&mut self, at: Timestamp, run: RunId, timer: Timer) {
        self.0.push(Reverse((at, run, timer)));
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.0.peek().map(|Reverse((at, ..))| *at)
    }

    /// One that is due by now.
    pub(crate) fn due(&mut self, now: Timestamp) -> Option<(RunId, Timer)> {
        self.next().filter(|at| *at <= now)?;
        self.0.pop().map(|Reverse((_, run, timer))| (run, timer))
    }
}
