//! How often and how late a failed attempt is followed by another.
//!
//! Pure arithmetic: randomness comes in as bits, and nothing here knows a clock.

use crate::time::DurationMs;

/// No retry waits longer, whatever a policy or a task asks for.
pub const MAX_RETRY_WAIT: DurationMs = DurationMs(7 * 24 * 3600 * 1000);

/// What follows an author's failure. Losses of infrastructure are counted
/// apart and never use up these retries.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Attempts beyond the first.
    pub retries: u32,
    /// The wait before the first retry.
    pub delay: DurationMs,
    /// Each further wait is this many times the one before; 1.0 leaves it constant.
    pub backoff: f64,
    /// No wait is longer, but for what `retry_after` asks.
    pub max_delay: DurationMs,
    /// The share of a wait that is random, 0.0 to 1.0: a wait is shortened by
    /// up to this share of it.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    /// No retries; where a task asks for some, 30 s apart, at most an hour.
    fn default() -> Self {
        Self {
            retries: 0,
            delay: DurationMs(30_000),
            backoff: 1.0,
            max_delay: DurationMs(3_600_000),
            jitter: 0.0,
        }
    }
}

impl RetryPolicy {
    /// How long to wait after the `failures`-th failure (from 1 on) before the
    /// next attempt, or `None` when there is none. `entropy` is 64 uniform
    /// random bits; `retry_after` is what the task requested, a lower bound
    /// that jitter doesn't shorten.
    pub fn wait(
        &self,
        failures: u32,
        retry_after: Option<DurationMs>,
        entropy: u64,
    ) -> Option<DurationMs> {
        if failures > self.retries {
            return None;
        }
        let longest = self.max_delay.min(MAX_RETRY_WAIT).0;
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        // A policy out of its ranges must not make the machine misbehave:
        // casts of floats saturate, and NaN becomes 0.
        let grown = (as_float(self.delay.0) * self.backoff.powi(exponent)).min(as_float(longest));
        let random = as_float(entropy >> 11) / as_float(1 << 53);
        let shortened = grown * (1.0 - self.jitter.clamp(0.0, 1.0) * random);
        let policy = DurationMs(as_millis(shortened).min(longest));
        Some(policy.max(retry_after.unwrap_or_default().min(MAX_RETRY_WAIT)))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a wait is below 2^53 ms, and a rounded one is as good"
)]
fn as_float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is what is wanted"
)]
fn as_millis(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> RetryPolicy {
        RetryPolicy {
            retries: 5,
            delay: DurationMs(1000),
            backoff: 2.0,
            max_delay: DurationMs(6000),
            jitter: 0.0,
        }
    }

    #[test]
    fn waits_grow_by_the_factor_up_to_the_longest() {
        let waits: Vec<_> = (1..=6)
            .map(|failures| policy().wait(failures, None, 7).map(|wait| wait.0))
            .collect();
        assert_eq!(
            waits,
            [
                Some(1000),
                Some(2000),
                Some(4000),
                Some(6000),
                Some(6000),
                None
            ]
        );
    }

    #[test]
    fn jitter_shortens_by_at_most_its_share() {
        let policy = RetryPolicy {
            jitter: 0.5,
            ..policy()
        };
        assert_eq!(policy.wait(1, None, 0), Some(DurationMs(1000)));
        assert_eq!(policy.wait(1, None, u64::MAX), Some(DurationMs(500)));
        assert_eq!(policy.wait(1, None, u64::MAX / 2), Some(DurationMs(750)));
    }

    #[test]
    fn retry_after_is_a_lower_bound_that_the_longest_wait_does_not_cut() {
        assert_eq!(
            policy().wait(1, Some(DurationMs(10)), 0),
            Some(DurationMs(1000))
        );
        assert_eq!(
            policy().wait(1, Some(DurationMs(9000)), u64::MAX),
            Some(DurationMs(9000))
        );
        assert_eq!(
            policy().wait(1, Some(DurationMs(u64::MAX)), 0),
            Some(MAX_RETRY_WAIT)
        );
        assert_eq!(policy().wait(6, Some(DurationMs(9000)), 0), None);
    }

    #[test]
    fn absurd_policies_stay_within_bounds() {
        for (backoff, jitter) in [
            (f64::NAN, 0.0),
            (f64::INFINITY, 1.0),
            (-3.0, 9.0),
            (1e300, -1.0),
            (0.0, f64::NAN),
        ] {
            let policy = RetryPolicy {
                backoff,
                jitter,
                retries: u32::MAX,
                ..policy()
            };
            for failures in [1, 2, 1000, u32::MAX] {
                let wait = policy
                    .wait(failures, None, 1 << 60)
                    .expect("it may retry for ever");
                assert!(
                    wait <= DurationMs(6000),
                    "{backoff} {jitter} {failures}: {wait}"
                );
            }
        }
    }
}
