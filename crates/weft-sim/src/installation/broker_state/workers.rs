//! The workers' side of the simulated broker.

use super::{BrokerState, Claim, LEASE, REDELIVER, Registration, Unconfirmed};
use crate::{coverage::Coverage, installation::random::Randomness};
use std::{collections::BTreeSet, sync::Arc};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Dispatch, Notice, Report, Signal};

impl BrokerState {
    /// Whether a worker is registered.
    pub fn has_worker(&self, id: &Arc<str>) -> bool {
        self.workers.contains_key(id)
    }

    /// Announces a worker and what it still holds. What was claimed under its
    /// name before and isn't announced is given up.
    pub fn register(
        &mut self,
        id: &Arc<str>,
        queues: &[Arc<str>],
        slots: u32,
        holding: &[AttemptKey],
        now: Instant,
        (random, coverage): (&mut Randomness, &mut Coverage),
    ) {
        for claim in &mut self.claims {
            if claim.worker == *id {
                claim.ends = if holding.contains(&claim.key) {
                    now + LEASE
                } else {
                    now
                };
            }
        }
        let registration = Registration {
            queues: queues.to_vec(),
            slots,
            ends: now + LEASE,
            signals: Vec::new(),
        };
        self.workers.insert(Arc::clone(id), registration);
        for key in holding {
            let claimed = self.claims.iter().any(|claim| claim.key == *key);
            let reported = self.reports.iter().any(|known| known.report.key == *key);
            let released = self.is_released(key);
            if claimed || reported || released || self.fenced.contains(key) {
                continue;
            }
            for queue in self.queues.values_mut() {
                queue.retain(|waiting| waiting.key != *key);
            }
            self.hold(*key, id, now);
            let started = Notice::Started {
                key: *key,
                worker: Arc::clone(id),
            };
            self.notify(started, now, random, coverage);
        }
        self.demand_risen += 1;
    }

    /// Prolongs a registration and these claims; returns those that the worker has to kill.
    pub fn renew(&mut self, id: &Arc<str>, held: &[AttemptKey], now: Instant) -> Vec<AttemptKey> {
        if let Some(worker) = self.workers.get_mut(id) {
            worker.ends = now + LEASE;
        }
        let mut lost = Vec::new();
        for key in held {
            let claim = self
                .claims
                .iter_mut()
                .find(|claim| claim.key == *key && claim.worker == *id);
            match claim {
                Some(claim) => claim.ends = now + LEASE,
                None => lost.push(*key),
            }
        }
        lost
    }

    /// Gives attempts to workers, as many as there are free slots.
    pub fn claim(
        &mut self,
        id: &Arc<str>,
        now: Instant,
        random: &mut Randomness,
        coverage: &mut Coverage,
    ) -> Vec<Dispatch> {
        let mut claimed = Vec::new();
        let queues = self.workers.get(id).map(|worker| worker.queues.clone());
        for name in queues.unwrap_or_default() {
            while self.room(id) > 0
                && let Some(queue) = self.queues.get_mut(&name)
                && !queue.is_empty()
            {
                let dispatch = queue.remove(0);
                let key = dispatch.key;
                claimed.push(dispatch);
                self.hold(key, id, now);
                let started = Notice::Started {
                    key,
                    worker: Arc::clone(id),
                };
                self.notify(started, now, random, coverage);
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
        claimed
    }

    /// Undoes a claim: the worker never began the attempt.
    pub fn release(
        &mut self,
        id: &Arc<str>,
        key: AttemptKey,
        now: Instant,
        (random, coverage): (&mut Randomness, &mut Coverage),
    ) {
        let before = self.claims.len();
        self.claims
            .retain(|claim| claim.key != key || claim.worker != *id);
        let reported = self.reports.iter().any(|known| known.report.key == key);
        if self.claims.len() < before && !reported {
            self.released.push((key, now + LEASE));
            self.notify(Notice::Released { key }, now, random, coverage);
        }
    }

    /// Takes a report over; its claim ends.
    pub fn report(
        &mut self,
        id: &Arc<str>,
        report: Report,
        now: Instant,
        random: &mut Randomness,
        coverage: &mut Coverage,
    ) {
        let key = report.key;
        self.claims
            .retain(|claim| claim.key != key || claim.worker != *id);
        for queue in self.queues.values_mut() {
            queue.retain(|waiting| waiting.key != key);
        }
        self.released.retain(|(other, _)| *other != key);
        self.demand_risen += 1;
        if let Some(known) = self
            .reports
            .iter_mut()
            .find(|known| known.report.key == key)
        {
            known.from.insert(Arc::clone(id));
            return;
        }
        self.reports.push(Unconfirmed {
            report: report.clone(),
            from: BTreeSet::from([Arc::clone(id)]),
            again: now + REDELIVER,
        });
        self.notify(Notice::Finished(Box::new(report)), now, random, coverage);
    }

    /// The signals for a worker.
    pub fn signals(&mut self, id: &Arc<str>) -> Vec<Signal> {
        let worker = self.workers.get_mut(id);
        worker.map_or_else(Vec::new, |worker| std::mem::take(&mut worker.signals))
    }

    fn hold(&mut self, key: AttemptKey, id: &Arc<str>, now: Instant) {
        self.claims.push(Claim {
            key,
            worker: Arc::clone(id),
            ends: now + LEASE,
        });
    }
}
