//! How long to wait before the same thing is tried again: one bounded
//! exponential for every call and report.

use crate::clock::BootInstant;
use std::time::Duration;

/// The first wait after a call that failed.
pub(crate) const FIRST: Duration = Duration::from_millis(50);
/// No wait is longer, but for a quarter more at random.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// The wait after the `failures`th failure in a row, counted from 1: `first`
/// doubled each time, up to [`LONGEST`]. Up to a quarter more is added at random,
/// so that workers which lost the same broker don't all come back at once.
pub(crate) fn wait(first: Duration, failures: u32) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(20));
    let wait = doubled.min(LONGEST);
    wait + wait.mul_f64(fastrand::f64() / 4.0)
}

/// When a call may be made again.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    not_before: BootInstant,
}

impl Backoff {
    /// At once.
    pub(crate) const fn new() -> Self {
        Self {
            failures: 0,
            not_before: BootInstant::START,
        }
    }

    pub(crate) fn is_over(&self, now: BootInstant) -> bool {
        self.not_before <= now
    }

    pub(crate) fn succeeded(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn failed(&mut self, now: BootInstant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + wait(FIRST, self.failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_longest() {
        for (failures, shortest) in [(1, FIRST), (2, 2 * FIRST), (4, 8 * FIRST), (99, LONGEST)] {
            let wait = wait(FIRST, failures);
            assert!(
                wait >= shortest && wait <= shortest.mul_f64(1.26),
                "{wait:?}"
            );
        }
    }

    #[test]
    fn a_success_forgets_the_failures() {
        let now = BootInstant::now();
        let mut backoff = Backoff::new();
        assert!(backoff.is_over(now));
        backoff.failed(now);
        assert!(!backoff.is_over(now));
        assert!(backoff.is_over(now + 2 * FIRST));
        backoff.succeeded();
        assert!(backoff.is_over(now));
    }
}
