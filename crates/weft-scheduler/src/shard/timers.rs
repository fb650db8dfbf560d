//! Timers of runs. A timer is never removed: the run rejects one that no longer fits.

use crate::limits::{LONG_WAIT, WAKE_INTERVAL};
use std::{cmp::Reverse, collections::BinaryHeap};
use weft_core::{
    run::Timer,
    run_id::RunId,
    time::{DurationMs, Timestamp},
};

/// When an instance wakes that waits until `at`. Those that wait long wake together at whole
/// [`WAKE_INTERVAL`]s, so that many sensors share turns and commits.
pub(crate) const fn wake_time(now: Timestamp, at: Timestamp) -> Timestamp {
    if at.0 < now.plus(LONG_WAIT).0 {
        return at;
    }
    let past = at.0.rem_euclid(WAKE_INTERVAL.0.cast_signed());
    if past == 0 {
        return at;
    }
    at.minus(DurationMs(past.cast_unsigned()))
        .plus(WAKE_INTERVAL)
}

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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_007);

    #[test]
    fn a_short_wait_ends_to_the_millisecond() {
        for ms in [0, 1, 999, 9_999] {
            let at = NOW.plus(DurationMs(ms));
            assert_eq!(wake_time(NOW, at), at);
        }
        assert_eq!(wake_time(NOW, Timestamp(3)), Timestamp(3), "it is over");
    }

    #[test]
    fn long_waits_end_together_and_never_early() {
        for ms in 10_000..10_300 {
            let at = NOW.plus(DurationMs(ms));
            let wake = wake_time(NOW, at);
            assert_eq!(wake.0 % 100, 0);
            assert!(wake >= at && wake.0 - at.0 < 100, "{wake:?} for {at:?}");
        }
    }
}
