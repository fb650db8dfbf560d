//! The database's clock, continued by this machine's monotonic clock.

use tokio::time::Instant;
use weft_core::time::Timestamp;

/// Due times and leases follow the database's clock; this predicts it without a query each time.
/// A jump of the machine's wall clock has no effect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    now: Timestamp,
    at: Instant,
}

impl Clock {
    /// A clock for a database whose clock just showed `now`.
    pub(crate) fn set(now: Timestamp) -> Self {
        Self {
            now,
            at: Instant::now(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.now.0.saturating_add(passed))
    }

    /// When the clock will show `at`; the past for a time that has passed.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let wait = u64::try_from(at.0.saturating_sub(self.now.0)).unwrap_or(0);
        self.at + std::time::Duration::from_millis(wait)
    }

    /// Follows the database's clock. Time never goes back here: if the database's clock was set
    /// back, this one continues from where it is.
    pub(crate) fn adjust(&mut self, now: Timestamp) {
        *self = Self::set(now.max(self.now()));
    }
}
