//! How often and how late a failed attempt is followed by another.

use crate::time::DurationMs;

/// What follows an author's failure. Losses of infrastructure are counted
/// apart and never use up these retries.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    /// Attempts beyond the first.
    pub retries: u32,
    /// The wait before the first retry.
    pub delay: DurationMs,
    /// Each further wait is this many times the one before; 1.0 keeps it constant.
    pub backoff: f64,
    /// No wait is longer.
    pub max_delay: DurationMs,
    /// The share of a wait that is random, 0.0 to 1.0.
    pub jitter: f64,
}
