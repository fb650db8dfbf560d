//! The database's clock, continued by this machine's monotonic clock.

use std::time::Duration;
use tokio::time::Instant;
use weft_core::time::Timestamp;

/// A clock that is ahead goes so many times slower until the database's has caught up: after 80
/// seconds where it was a minute ahead. A delay that begins meanwhile takes longer.
const SLOWER: i64 = 4;

/// Due times follow the database's clock; this predicts it without a query each time. A jump of
/// the machine's wall clock has no effect.
///
/// It never goes back. If the database's clock was set back, this one goes on slowly until the
/// database's has caught up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// What it showed at `at`.
    now: Timestamp,
    at: Instant,
    /// By how many milliseconds it was ahead of the database's clock at `at`.
    ahead_ms: i64,
}

impl Clock {
    /// A clock for a database whose clock just showed `now`.
    pub(crate) fn set(now: Timestamp) -> Self {
        Self {
            now,
            at: Instant::now(),
            ahead_ms: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let slow = self.now.0.saturating_add(passed / SLOWER);
        let right = self
            .now
            .0
            .saturating_sub(self.ahead_ms)
            .saturating_add(passed);
        Timestamp(slow.max(right))
    }

    /// When the clock will show `at`; the past for a time that has passed.
    pub(crate) fn instant(&self, at: Timestamp) -> Instant {
        let left = at.0.saturating_sub(self.now.0).max(0);
        let right = left.saturating_add(self.ahead_ms);
        let wait = left.saturating_mul(SLOWER).min(right);
        let wait = if left == 0 { 0 } else { wait };
        self.at + Duration::from_millis(u64::try_from(wait).unwrap_or(0))
    }

    /// Follows the database's clock, which just showed `now`.
    pub(crate) fn adjust(&mut self, now: Timestamp) {
        let shown = self.now();
        *self = Self {
            now: now.max(shown),
            at: Instant::now(),
            ahead_ms: shown.0.saturating_sub(now.0).max(0),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const RENEWAL: Duration = Duration::from_secs(3);

    /// Lets `span` pass, and returns how far the clock is ahead of the database's then.
    async fn follow(clock: &mut Clock, database: &mut i64, span: Duration) -> i64 {
        let mut left = span;
        while !left.is_zero() {
            let step = RENEWAL.min(left);
            let before = clock.now();
            let begun = Instant::now();
            advance(step).await;
            let passed = i64::try_from(begun.elapsed().as_millis()).expect("it is short");
            *database += passed;
            let after = clock.now();
            assert!(after >= before, "it never goes back");
            assert!(
                after.0 - before.0 <= passed + 1,
                "it goes no faster than time"
            );
            clock.adjust(Timestamp(*database));
            assert!(clock.now() >= after, "nor when it is adjusted");
            left -= step;
        }
        clock.now().0 - *database
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_minutes_ahead_at_the_start_converges_within_minutes() {
        let mut database = 1_000_000_000;
        let mut clock = Clock::set(Timestamp(database + 3 * 60_000));
        let ahead = follow(&mut clock, &mut database, Duration::from_mins(2)).await;
        assert!((80_000..100_000).contains(&ahead), "{ahead} ms");
        let ahead = follow(&mut clock, &mut database, Duration::from_mins(3)).await;
        assert_eq!(ahead, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_an_hour_ahead_converges_without_going_back() {
        let mut database = 1_000_000_000;
        let mut clock = Clock::set(Timestamp(database + 3_600_000));
        let ahead = follow(&mut clock, &mut database, Duration::from_mins(81)).await;
        assert_eq!(ahead, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_behind_is_right_at_once() {
        let mut clock = Clock::set(Timestamp(1_000));
        clock.adjust(Timestamp(3_601_000));
        assert_eq!(clock.now(), Timestamp(3_601_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_due_time_is_reached_when_its_instant_is() {
        for ahead in [0, 10, 1_000, 60_000, 3_600_000] {
            let mut clock = Clock::set(Timestamp(10_000_000 + ahead));
            clock.adjust(Timestamp(10_000_000));
            for due in [1, 999, 50_000, 400_000, 9_000_000] {
                let at = Timestamp(10_000_000 + ahead + due);
                let instant = clock.instant(at);
                let wait = instant.saturating_duration_since(Instant::now());
                advance(wait.saturating_sub(Duration::from_millis(2))).await;
                assert!(clock.now() < at, "{ahead} ms ahead, due in {due} ms");
                advance(Duration::from_millis(3)).await;
                assert!(clock.now() >= at, "{ahead} ms ahead, due in {due} ms");
            }
        }
    }
}
