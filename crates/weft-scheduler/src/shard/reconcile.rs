//! When live attempts are reconciled with the broker, which ones it did not know, and how long
//! workers have had the others.

use crate::limits::RECONCILE_INTERVAL;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;
use weft_broker::AttemptKey;

/// The state of the reconciliation between its rounds.
#[derive(Debug)]
pub(crate) struct Reconcile {
    next: Instant,
    /// Started attempts that the broker did not know, and since when.
    unknown: HashMap<AttemptKey, Instant>,
    /// Started attempts that the broker knew, and since when.
    running: HashMap<AttemptKey, Instant>,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            next: Instant::now() + RECONCILE_INTERVAL,
            unknown: HashMap::new(),
            running: HashMap::new(),
        }
    }
}

impl Reconcile {
    /// Whether a round is due; the next one is due an interval later.
    pub(crate) fn start_round(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next = now + RECONCILE_INTERVAL;
        true
    }

    /// No attempt is live.
    pub(crate) fn clear(&mut self) {
        self.unknown.clear();
        self.running.clear();
    }

    /// Records that a worker released an attempt: the time of its next holder begins with its claim.
    pub(crate) fn record_released(&mut self, key: &AttemptKey) {
        self.running.remove(key);
    }

    /// Begins to take in an answer of the broker; returns the round before.
    pub(crate) fn take_round(&mut self) -> Round {
        Round {
            unknown: std::mem::take(&mut self.unknown),
            running: std::mem::take(&mut self.running),
        }
    }

    /// Records that the broker does not know a started attempt; whether it has been unknown for
    /// longer than `grace`, and is lost.
    pub(crate) fn record_unknown(
        &mut self,
        before: &Round,
        key: AttemptKey,
        now: Instant,
        grace: Duration,
    ) -> bool {
        let since = before.unknown.get(&key).copied().unwrap_or(now);
        let is_lost = now.duration_since(since) >= grace;
        if !is_lost {
            self.unknown.insert(key, since);
        }
        is_lost
    }

    /// Records that the broker knows a started attempt; whether its worker has had it for longer
    /// than `most`, as far as this scheduler has seen.
    pub(crate) fn record_running(
        &mut self,
        before: &Round,
        key: AttemptKey,
        now: Instant,
        most: Duration,
    ) -> bool {
        let since = before.running.get(&key).copied().unwrap_or(now);
        let is_overdue = now.duration_since(since) > most;
        if !is_overdue {
            self.running.insert(key, since);
        }
        is_overdue
    }
}

/// What a round of reconciliation found.
#[derive(Debug)]
pub(crate) struct Round {
    unknown: HashMap<AttemptKey, Instant>,
    running: HashMap<AttemptKey, Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::{
        document::TaskIndex,
        run::{Attempt, Instance},
        run_id::RunId,
        time::Timestamp,
    };
    use weft_store::ShardId;

    #[test]
    fn a_worker_has_an_attempt_for_its_time_and_no_longer() {
        let key = crate::shard::attempt_key(
            ShardId(1),
            RunId::new(Timestamp(1), 1),
            Attempt {
                instance: Instance {
                    task: TaskIndex(0),
                    index: 0,
                },
                number: 1,
                nonce: 1,
            },
        );
        let (start, most) = (Instant::now(), Duration::from_mins(1));
        let mut reconcile = Reconcile::default();
        for (seconds, is_overdue) in [
            (0, false),
            (59, false),
            (60, false),
            (61, true),
            (62, false),
        ] {
            let before = reconcile.take_round();
            let now = start + Duration::from_secs(seconds);
            assert_eq!(
                reconcile.record_running(&before, key, now, most),
                is_overdue,
                "after {seconds} s"
            );
        }
        // A round in which the broker did not know it begins its time anew.
        let _forgotten = reconcile.take_round();
        let before = reconcile.take_round();
        let now = start + Duration::from_secs(200);
        assert!(!reconcile.record_running(&before, key, now, most));
        // So does a release, between two rounds in which the broker knew it.
        reconcile.record_released(&key);
        let before = reconcile.take_round();
        let now = start + Duration::from_mins(5);
        assert!(!reconcile.record_running(&before, key, now, most));
    }
}
