//! Attempts that the broker may know nothing of any more: it is asked.
//!
//! A broker is transport. It may lose a dispatch that it accepted, the news
//! that a lease ran out, or everything. So attempts that are under way for some
//! time are asked after, and all of them when a shard was taken over: what no
//! worker had is handed out again as it is; what one had is lost, once its
//! worker had the time to announce it to a broker that lost everything.

use crate::{
    fault::planted,
    options::{RECONCILE_AFTER, RECONCILE_EVERY, millis},
    shard::{Context, Shard},
};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::time::Instant;
use weft_broker::{AttemptKey, BrokerError};
use weft_core::{
    run::{InstanceState, Phase},
    time::Timestamp,
};
use weft_store::StoreError;

/// What is to be asked next, and what was answered.
#[derive(Debug)]
pub(crate) struct Reconcile {
    next: Instant,
    /// Attempts that have started and that the broker didn't know, and since when.
    unknown: HashMap<AttemptKey, Instant>,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            next: Instant::now() + RECONCILE_EVERY,
            unknown: HashMap::new(),
        }
    }
}

impl Shard {
    /// Asks after attempts that are under way for some time.
    pub(crate) async fn reconcile_attempts(&mut self, cx: &mut Context) -> Result<(), StoreError> {
        let now = Instant::now();
        if now < self.reconcile.next || planted!(cx, LossOfBrokerUnseen) {
            return Ok(());
        }
        self.reconcile.next = now + RECONCILE_EVERY;
        let mut released = std::mem::take(&mut self.released);
        released.retain(|key| self.is_running(key));
        self.released = released;
        let suspects = self.suspects(cx.now());
        if suspects.is_empty() {
            self.reconcile.unknown.clear();
            return Ok(());
        }
        match self.reconcile_with_broker(cx, suspects).await {
            Err(Unanswered::Broker(error)) => {
                tracing::warn!(%error, "the broker was asked what it knows");
                Ok(())
            }
            Err(Unanswered::Store(error)) => Err(error),
            Ok(()) => Ok(()),
        }
    }

    /// Attempts that are under way for some time, and were handed out.
    fn suspects(&self, now: Timestamp) -> Vec<(AttemptKey, Phase)> {
        let patience = millis(RECONCILE_AFTER);
        let waiting: HashSet<AttemptKey> = self
            .to_publish
            .iter()
            .chain(&self.changes.publish)
            .map(|dispatch| dispatch.key)
            .chain(
                self.to_prepare
                    .iter()
                    .map(|(run, attempt)| self.key(*run, *attempt)),
            )
            .collect();
        let mut suspects = Vec::new();
        for active in self.runs.values() {
            for instance in &active.live {
                let (attempt, phase) = match active.run.instance(*instance) {
                    Some(InstanceState::Queued { attempt }) => (attempt, Phase::Queued),
                    Some(InstanceState::Running { attempt }) => (attempt, Phase::Running),
                    Some(_) | None => continue,
                };
                let facts = active.records.get(instance);
                let since = facts
                    .and_then(|record| record.attempt.as_ref())
                    .and_then(|attempt| attempt.queued);
                let key = self.key(active.id, attempt);
                let phase = if self.released.contains(&key) {
                    Phase::Queued
                } else {
                    phase
                };
                if since.is_none_or(|since| since.plus(patience) <= now) && !waiting.contains(&key)
                {
                    suspects.push((key, phase));
                }
            }
        }
        // Memory has them in no order, and the same questions are to have the same effects.
        suspects.sort_unstable_by_key(|(key, _)| (key.run, key.attempt.instance));
        suspects
    }

    /// Attempts that the broker doesn't know: those that no worker had are
    /// handed out again, those that one had are lost.
    pub(crate) async fn reconcile_with_broker(
        &mut self,
        cx: &mut Context,
        live: Vec<(AttemptKey, Phase)>,
    ) -> Result<(), Unanswered> {
        if live.is_empty() {
            return Ok(());
        }
        let keys: Vec<AttemptKey> = live.iter().map(|(key, _)| *key).collect();
        let known = self.broker.find_known(&keys).await?;
        let known: HashSet<AttemptKey> = known.into_iter().collect();
        let grace = if planted!(cx, LossDeclaredAtOnce) {
            Duration::ZERO
        } else {
            self.broker.announcement_window()
        };
        let now = Instant::now();
        let before = std::mem::take(&mut self.reconcile.unknown);
        let mut failed = None;
        for (key, phase) in live.into_iter().filter(|(key, _)| !known.contains(key)) {
            match phase {
                Phase::Queued => {
                    if let Err(error) = self.hand_out(cx, key.run, key.attempt).await {
                        failed = Some(error);
                    }
                }
                Phase::Running => {
                    let since = before.get(&key).copied().unwrap_or(now);
                    if now.duration_since(since) >= grace {
                        self.lost(cx, key);
                    } else {
                        self.reconcile.unknown.insert(key, since);
                    }
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(Unanswered::Store(error)))
    }
}

/// Who didn't answer when attempts were asked after.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error(transparent)]
    Broker(#[from] BrokerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Unanswered> for StoreError {
    /// Whoever can't go on without an answer asks again, as with a database that doesn't answer.
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Broker(error) => Self::Unavailable(error.to_string()),
            Unanswered::Store(error) => error,
        }
    }
}
