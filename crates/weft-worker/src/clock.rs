//! The machine's clock that goes on while it sleeps: leases are measured by it,
//! and are never compared with another machine's.

use rustix::time::{ClockId, clock_gettime};
use std::{ops::Add, time::Duration};

/// On Linux this clock counts sleep and `Monotonic` doesn't; elsewhere `Monotonic` counts it.
#[cfg(target_os = "linux")]
const CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const CLOCK: ClockId = ClockId::Monotonic;

/// A point in time since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BootInstant(Duration);

impl BootInstant {
    /// The machine's start.
    pub(crate) const START: Self = Self(Duration::ZERO);

    /// Reads the clock.
    pub(crate) fn now() -> Self {
        let time = clock_gettime(CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
        Self(Duration::new(seconds, nanos))
    }

    /// How long this is after an earlier point; nothing where it is before it.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for BootInstant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}
