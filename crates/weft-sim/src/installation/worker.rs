//! Simulated workers: they claim, run, renew, report until they are confirmed,
//! kill what they lost, are cut off, and die.

use super::{broker_state::LEASE, random::Randomness};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Dispatch, Report};
use weft_core::{run::Attempt, run_id::RunId, suspicion::Evidence};

/// How often a worker renews its leases.
pub(super) const RENEW: Duration = Duration::from_millis(1_200);

/// One worker.
#[derive(Debug)]
pub struct Worker {
    /// Unique over all workers and all their lives.
    pub id: Arc<str>,
    pub(super) queues: Vec<Arc<str>>,
    pub(super) slots: u32,
    /// What it runs, and when that ends.
    pub(super) running: Vec<(Dispatch, Instant)>,
    /// Unconfirmed reports.
    pub(super) outbox: Vec<Report>,
    /// The last time that a message of it arrived.
    pub(super) last_contact: Instant,
    /// Until when it is cut off.
    pub(crate) cut_until: Option<Instant>,
    pub(super) next: Instant,
}

impl Worker {
    /// A worker that holds nothing.
    pub fn new(id: Arc<str>, queues: Vec<Arc<str>>, slots: u32) -> Self {
        Self {
            id,
            queues,
            slots,
            running: Vec::new(),
            outbox: Vec::new(),
            last_contact: Instant::now(),
            cut_until: None,
            next: Instant::now(),
        }
    }

    /// The same machine after its process died: another worker, that knows nothing.
    #[must_use]
    pub(super) fn restart(&self, life: u64) -> Self {
        let name = self.id.split('.').next().unwrap_or_default();
        Self::new(
            format!("{name}.{life}").into(),
            self.queues.clone(),
            self.slots,
        )
    }

    /// The next process finds out which attempts were in guest code, and whether the process
    /// was killed from outside. If not, each attempt was alone or not, at random.
    pub(super) fn suspects(&self, random: &mut Randomness) -> Vec<(Dispatch, Evidence)> {
        if !random.percent(50) {
            return Vec::new();
        }
        let others = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        let is_from_outside = random.percent(20);
        let running = self.running.iter().map(|(dispatch, _)| dispatch.clone());
        running
            .map(|dispatch| {
                let evidence = if is_from_outside {
                    Evidence::Outside
                } else if random.percent(70) {
                    Evidence::Alone
                } else {
                    Evidence::Among { others }
                };
                (dispatch, evidence)
            })
            .collect()
    }

    /// When it does something next.
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// It does something at this time at the latest.
    pub fn look_at(&mut self, at: Instant) {
        self.next = self.next.min(at);
    }

    /// What an attempt is called that it runs and can be sure that it may.
    pub fn certainly_runs(&self, run: RunId, attempt: Attempt, now: Instant) -> Option<AttemptKey> {
        let running = self.running.iter().map(|(dispatch, _)| dispatch.key);
        let mut of_it = running.filter(|key| key.run == run && key.attempt == attempt);
        of_it.next().filter(|_key| now < self.last_contact + LEASE)
    }

    /// What it has not got rid of.
    pub fn leftovers(&self) -> Option<String> {
        let (running, reports) = (self.running.len(), self.outbox.len());
        (running + reports > 0).then(|| {
            format!(
                "worker {} still has {running} attempts and {reports} reports",
                self.id
            )
        })
    }

    pub(super) fn keys(&self) -> Vec<AttemptKey> {
        self.running
            .iter()
            .map(|(dispatch, _)| dispatch.key)
            .collect()
    }

    pub(super) fn kill(&mut self, key: &AttemptKey) {
        self.running.retain(|(dispatch, _)| dispatch.key != *key);
    }
}
