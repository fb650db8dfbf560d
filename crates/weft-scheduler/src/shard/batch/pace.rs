//! How large the portions of large runs are.
//!
//! While nothing else happens, a portion fills its turn. Others wait for the commit of a portion
//! that is in progress, so that portions are short while others work, and the turns of others carry
//! none, unless the last one was long ago.

use super::changes::Changes;
use std::time::Duration;
use tokio::time::Instant;

/// How long others count as working after their last turn.
const WORK_LASTS: Duration = Duration::from_secs(2);
/// How long the commit of a portion may take while others work.
const SHORT_COMMIT: Duration = Duration::from_millis(4);
/// After so long a portion goes with a turn of others.
const MAX_PORTION_WAIT: Duration = Duration::from_millis(100);
/// Rows of the smallest portion.
const MIN_ROWS: usize = 64;

/// What decides on the next portion.
#[derive(Debug)]
pub(super) struct Pace {
    others_worked: Option<Instant>,
    last_portion: Option<Instant>,
    /// Rows whose commit takes about [`SHORT_COMMIT`].
    short_rows: usize,
    /// Rows of the portion that is being committed, if its turn has nothing else.
    alone: Option<usize>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            others_worked: None,
            last_portion: None,
            short_rows: 4 * MIN_ROWS,
            alone: None,
        }
    }
}

impl Pace {
    /// The rows of the next portion, which goes with these changes.
    pub(super) fn rows(&mut self, others: &Changes, max_rows: usize, now: Instant) -> usize {
        let most = max_rows.max(1);
        let short = self.short_rows.min(most);
        let is_recent = |at: Option<Instant>, span| at.is_some_and(|at| now - at < span);
        let rows = if others.is_empty() {
            let is_busy = is_recent(self.others_worked, WORK_LASTS);
            if is_busy { short } else { most }
        } else {
            self.others_worked = Some(now);
            if is_recent(self.last_portion, MAX_PORTION_WAIT) {
                0
            } else {
                // However many other changes there are, the large runs advance.
                let left = max_rows.saturating_sub(others.rows());
                short.min(left.max(max_rows / 4).max(1))
            }
        };
        self.alone = others.is_empty().then_some(rows);
        if rows > 0 {
            self.last_portion = Some(now);
        }
        rows
    }

    /// Learns from the commit of a portion that was alone how many rows are committed in short
    /// time.
    pub(super) fn record_commit(&mut self, took: Duration) {
        let Some(rows) = self.alone.take() else {
            return;
        };
        let took = took.as_micros().max(1);
        let short = SHORT_COMMIT.as_micros();
        let rows = u128::try_from(rows).unwrap_or(u128::MAX);
        let fits = usize::try_from(rows.saturating_mul(short) / took).unwrap_or(usize::MAX);
        // A single slow commit is no reason for tiny portions.
        self.short_rows = fits
            .clamp(self.short_rows / 2, self.short_rows * 2)
            .max(MIN_ROWS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_broker::AttemptKey;
    use weft_core::{
        document::TaskIndex,
        run::{Attempt, Instance},
        run_id::RunId,
        time::Timestamp,
    };

    fn some_work() -> Changes {
        let attempt = Attempt {
            instance: Instance {
                task: TaskIndex(0),
                index: 0,
            },
            number: 1,
            nonce: 1,
        };
        let mut changes = Changes::default();
        changes.confirm.push(AttemptKey {
            shard: 1,
            run: RunId::new(Timestamp(1), 1),
            attempt,
        });
        changes
    }

    #[test]
    fn portions_are_short_while_others_work_and_keep_out_of_their_turns() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let none = Changes::default();
        assert_eq!(pace.rows(&none, 8_000, at(0)), 8_000, "no shard waits");
        assert_eq!(pace.rows(&some_work(), 8_000, at(1)), 0);
        assert_eq!(pace.rows(&none, 8_000, at(2)), 4 * MIN_ROWS);
        pace.record_commit(SHORT_COMMIT / 8);
        assert_eq!(pace.rows(&none, 8_000, at(3)), 8 * MIN_ROWS);
        pace.record_commit(SHORT_COMMIT * 8);
        assert_eq!(pace.rows(&none, 8_000, at(4)), 4 * MIN_ROWS);
        let mut portions = 0;
        for ms in 5..1_005 {
            portions += usize::from(pace.rows(&some_work(), 8_000, at(ms)) > 0);
        }
        assert!((9..=11).contains(&portions), "{portions} in a second");
        assert_eq!(pace.rows(&none, 8_000, at(10_000)), 8_000);
    }
}
