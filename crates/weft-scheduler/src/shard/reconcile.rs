//! When live attempts are reconciled with the broker, and which ones it did not know.

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
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            next: Instant::now() + RECONCILE_INTERVAL,
            unknown: HashMap::new(),
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

    pub(crate) fn clear_unknown(&mut self) {
        self.unknown.clear();
    }

    /// Begins to take in an answer of the broker; returns what was unknown before.
    pub(crate) fn take_unknown(&mut self) -> Unknown {
        Unknown(std::mem::take(&mut self.unknown))
    }

    /// Records that the broker does not know a started attempt; whether it has been unknown for
    /// longer than `grace`, and is lost.
    pub(crate) fn record_unknown(
        &mut self,
        before: &Unknown,
        key: AttemptKey,
        now: Instant,
        grace: Duration,
    ) -> bool {
        let since = before.0.get(&key).copied().unwrap_or(now);
        let is_lost = now.duration_since(since) >= grace;
        if !is_lost {
            self.unknown.insert(key, since);
        }
        is_lost
    }
}

/// The attempts that were unknown in the round before.
#[derive(Debug)]
pub(crate) struct Unknown(HashMap<AttemptKey, Instant>);
