//! The delays between retries: exponential, bounded and with jitter, for calls,
//! reports and stores alike.

use crate::clock::BootInstant;
use backon::{BackoffBuilder as _, ExponentialBackoff, ExponentialBuilder};
use std::time::Duration;

/// The first delay after a failed call, before jitter.
pub(crate) const FIRST: Duration = Duration::from_millis(50);
/// The longest delay before jitter.
const MAX_DELAY: Duration = Duration::from_secs(15);

/// An endless iterator of delays: `first` doubled each time up to 15 seconds, plus up to as
/// much at random, so that workers which lost the same broker don't reconnect at once. No
/// delay exceeds 30 seconds.
pub(crate) fn delays(first: Duration) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(first.min(MAX_DELAY))
        .with_max_delay(MAX_DELAY)
        .without_max_times()
        .with_jitter()
        .build()
}

/// The next of [`delays`].
pub(crate) fn next_delay(delays: &mut ExponentialBackoff) -> Duration {
    delays.next().unwrap_or(2 * MAX_DELAY)
}

/// When a call may be repeated.
#[derive(Debug)]
pub(crate) struct Backoff {
    delays: ExponentialBackoff,
    not_before: BootInstant,
}

impl Backoff {
    /// A backoff without failures: the call may be made at once.
    pub(crate) fn new() -> Self {
        Self {
            delays: delays(FIRST),
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
        self.not_before = now + next_delay(&mut self.delays);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_maximum() {
        let delays: Vec<Duration> = delays(FIRST).take(20).collect();
        for (number, shortest) in [(0, FIRST), (1, 2 * FIRST), (3, 8 * FIRST), (19, MAX_DELAY)] {
            let delay = delays[number];
            assert!(delay >= shortest && delay <= 2 * shortest, "{delay:?}");
        }
    }

    #[test]
    fn a_success_resets_the_delays() {
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
