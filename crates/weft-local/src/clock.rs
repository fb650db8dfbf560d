//! The one clock of a run: wall-clock time that never runs backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use weft_core::time::Timestamp;

/// Microseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Micros(pub(crate) i64);

impl Micros {
    /// Milliseconds with three digits behind the point, as JSON events carry them.
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of this century fit into 53 bits"
    )]
    pub(crate) fn as_millis(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The span since an earlier point.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }
}

/// Reads the wall clock once and the monotonic one from then on, so that a
/// step of the machine's clock neither stretches nor shrinks a duration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
    origin_micros: i64,
}

impl Clock {
    /// Starts now.
    pub(crate) fn start() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            origin: Instant::now(),
            origin_micros: i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        }
    }

    /// The time now.
    pub(crate) fn now(&self) -> Micros {
        let elapsed = i64::try_from(self.origin.elapsed().as_micros()).unwrap_or(i64::MAX);
        Micros(self.origin_micros.saturating_add(elapsed))
    }

    /// The time now in the unit of the run's state machine.
    pub(crate) fn timestamp(&self) -> Timestamp {
        Timestamp(self.now().0 / 1000)
    }

    /// How long until a point in time; zero when it is past.
    pub(crate) fn until(&self, at: Timestamp) -> Duration {
        let left = at.0.saturating_mul(1000).saturating_sub(self.now().0);
        Duration::from_micros(u64::try_from(left).unwrap_or(0))
    }
}
