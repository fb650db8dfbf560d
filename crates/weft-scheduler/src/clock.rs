//! The database's time, carried on by this machine's monotonic clock.

use tokio::time::Instant;
use weft_core::time::Timestamp;

/// Due times and leases go by the database's clock; this says what it shows
/// without asking for it each time. A jump of the machine's wall clock is not seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    shown: Timestamp,
    at: Instant,
}

impl Clock {
    /// The database's clock just showed this.
    pub(crate) fn set(shown: Timestamp) -> Self {
        Self {
            shown,
            at: Instant::now(),
        }
    }

    /// What it shows now.
    pub(crate) fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.shown.0.saturating_add(passed))
    }

    /// When it will show this, at the earliest now.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let wait = u64::try_from(at.0.saturating_sub(self.shown.0)).unwrap_or(0);
        self.at + std::time::Duration::from_millis(wait)
    }

    /// The database's clock shows this by now. Time never goes back here: if
    /// the database's clock was set back, this one goes on from where it is.
    pub(crate) fn adjust(&mut self, shown: Timestamp) {
        let now = self.now();
        *self = Self::set(if shown < now { now } else { shown });
    }
}
