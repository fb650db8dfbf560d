//! Delays between the tries of a call to the database.

use crate::limits::{MAX_RETRY_DELAY, MIN_RETRY_DELAY};
use backon::{BackoffBuilder, ExponentialBuilder};
use std::time::Duration;

/// An endless sequence of delays, each twice the one before up to [`MAX_RETRY_DELAY`].
#[derive(Debug)]
pub(crate) struct RetryDelays(<ExponentialBuilder as BackoffBuilder>::Backoff);

impl Default for RetryDelays {
    fn default() -> Self {
        let builder = ExponentialBuilder::new()
            .with_min_delay(MIN_RETRY_DELAY)
            .with_max_delay(MAX_RETRY_DELAY)
            .without_max_times();
        Self(builder.build())
    }
}

impl RetryDelays {
    /// The delay before the next try.
    pub(crate) fn next_delay(&mut self) -> Duration {
        self.0.next().unwrap_or(MAX_RETRY_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_never_end() {
        let mut delays = RetryDelays::default();
        let millis: Vec<u128> = (0..10)
            .map(|_| (delays.next_delay() + Duration::from_micros(500)).as_millis())
            .collect();
        assert_eq!(millis, [20, 40, 80, 160, 320, 640, 1280, 2000, 2000, 2000]);
    }
}
