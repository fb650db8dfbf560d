//! The state of the simulated broker: queued attempts, claims, unconfirmed
//! reports, and messages on their way to a scheduler.
//!
//! It behaves as `weft_broker` promises, except that messages are lost, doubled
//! and reordered, and that everything may be lost at any moment.

mod workers;

use super::random::{MessageFate, Randomness};
use crate::coverage::Coverage;
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Demand, Dispatch, Notice, Report, Signal};

/// How long a claim holds without a renewal.
pub const LEASE: Duration = Duration::from_secs(4);
/// After how long an unconfirmed report comes again.
const REDELIVER: Duration = Duration::from_secs(2);

/// The broker's state.
#[derive(Debug, Default)]
pub struct BrokerState {
    queues: BTreeMap<Arc<str>, Vec<Dispatch>>,
    claims: Vec<Claim>,
    reports: Vec<Unconfirmed>,
    /// Attempts that their worker never began, and that are not published again; and when
    /// they are forgotten.
    released: Vec<(AttemptKey, Instant)>,
    workers: BTreeMap<Arc<str>, Registration>,
    notices: Vec<(Instant, Notice)>,
    /// Attempts that were taken from a worker.
    fenced: HashSet<AttemptKey>,
    /// Attempts whose lease ran out, whose worker left, or that were revoked: for the auditor, so
    /// never forgotten.
    expired: HashSet<AttemptKey>,
    /// How often there were more free slots.
    demand_risen: u64,
    /// When everything was lost.
    losses: Vec<Instant>,
}

#[derive(Debug)]
struct Claim {
    key: AttemptKey,
    worker: Arc<str>,
    ends: Instant,
}

#[derive(Debug)]
struct Unconfirmed {
    report: Report,
    /// The workers that reported it.
    from: BTreeSet<Arc<str>>,
    again: Instant,
}

#[derive(Debug)]
struct Registration {
    queues: Vec<Arc<str>>,
    slots: u32,
    ends: Instant,
    signals: Vec<Signal>,
}

impl BrokerState {
    /// It forgets everything.
    pub fn lose_everything(&mut self, now: Instant) {
        let expired = std::mem::take(&mut self.expired);
        let demand_risen = self.demand_risen;
        let mut losses = std::mem::take(&mut self.losses);
        losses.push(now);
        *self = Self {
            expired,
            demand_risen,
            losses,
            ..Self::default()
        };
    }

    /// Whether an attempt's worker was ever given up; or whether it may seem so,
    /// since everything was lost twice while workers had to announce themselves.
    pub fn may_have_lost_lease(&self, key: &AttemptKey, now: Instant) -> bool {
        let recent = self.losses.iter().filter(|at| **at + LEASE * 4 > now);
        self.expired.contains(key) || recent.count() > 1
    }

    /// What is still there once everything has ended.
    pub fn leftovers(&self) -> Option<String> {
        let queued: usize = self.queues.values().map(Vec::len).sum();
        let (claims, reports) = (self.claims.len(), self.reports.len());
        let released = self.released.len();
        (queued + claims + released + reports > 0).then(|| {
            format!("the broker still holds {queued} queued, {claims} claimed, {released} released attempts and {reports} reports")
        })
    }

    /// Leases and registrations run out, reports come again.
    pub fn pass_time(&mut self, now: Instant, random: &mut Randomness, coverage: &mut Coverage) {
        let gone: Vec<Arc<str>> = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.ends <= now)
            .map(|(id, _)| Arc::clone(id))
            .collect();
        for id in gone {
            self.workers.remove(&id);
            for claim in &mut self.claims {
                if claim.worker == id {
                    claim.ends = now;
                }
            }
        }
        let over: Vec<AttemptKey> = self
            .claims
            .iter()
            .filter(|claim| claim.ends <= now)
            .map(|claim| claim.key)
            .collect();
        for key in over {
            self.claims.retain(|claim| claim.key != key);
            self.fenced.insert(key);
            self.expired.insert(key);
            coverage.add("broker: lease ran out");
            self.notify(Notice::Expired { key }, now, random, coverage);
        }
        self.released.retain(|(_, until)| *until > now);
        let again: Vec<Report> = self
            .reports
            .iter_mut()
            .filter(|unconfirmed| unconfirmed.again <= now)
            .map(|unconfirmed| {
                unconfirmed.again = now + REDELIVER;
                unconfirmed.report.clone()
            })
            .collect();
        for report in again {
            coverage.add("broker: report redelivered");
            self.notify(Notice::Finished(Box::new(report)), now, random, coverage);
        }
    }

    /// When time changes something next, of a shard's notices or for all.
    pub fn next_change(&self, shard: u32) -> Option<Instant> {
        let leases = self.claims.iter().map(|claim| claim.ends);
        let workers = self.workers.values().map(|worker| worker.ends);
        let reports = self.reports.iter().map(|report| report.again);
        let own = |notice: &Notice| shard_of(notice) == Some(shard);
        let notices = self.notices.iter().filter(|(_, notice)| own(notice));
        let notices = notices.map(|(at, _)| *at);
        let released = self.released.iter().map(|(_, until)| *until);
        let times = leases.chain(workers).chain(reports).chain(notices);
        times.chain(released).min()
    }

    /// Sends a notice to whichever scheduler listens.
    fn notify(
        &mut self,
        notice: Notice,
        now: Instant,
        random: &mut Randomness,
        coverage: &mut Coverage,
    ) {
        match random.message() {
            MessageFate::Lost => {
                coverage.add("fault: notice lost");
                return;
            }
            MessageFate::Doubled => {
                coverage.add("fault: notice doubled");
                let later = now + random.delay();
                self.notices.push((later, notice.clone()));
            }
            MessageFate::Arrives => {}
        }
        let at = now + random.delay();
        if at > now {
            coverage.add("fault: notice late");
        }
        self.notices.push((at, notice));
    }
}

/// The shard whose scheduler is notified.
fn shard_of(notice: &Notice) -> Option<u32> {
    match notice {
        Notice::Started { key, worker: _ } | Notice::Expired { key } | Notice::Released { key } => {
            Some(key.shard)
        }
        Notice::Finished(report) => Some(report.key.shard),
        Notice::Demand => None,
    }
}

/// The scheduler's side.
impl BrokerState {
    /// Takes the notices of a shard that have arrived; `risen` is how often its scheduler was
    /// notified of more free slots.
    pub fn receive(
        &mut self,
        shard: u32,
        risen: &mut u64,
        max: usize,
        now: Instant,
    ) -> Vec<Notice> {
        let mut taken = Vec::new();
        if std::mem::replace(risen, self.demand_risen) != self.demand_risen {
            taken.push(Notice::Demand);
        }
        let mut at = 0;
        while at < self.notices.len() && taken.len() < max {
            let (arrives, notice) = &self.notices[at];
            if *arrives <= now && shard_of(notice) == Some(shard) {
                taken.push(self.notices.remove(at).1);
            } else {
                at += 1;
            }
        }
        taken
    }

    /// Queues an attempt that is not known.
    pub fn publish(&mut self, dispatch: Dispatch) {
        let is_released = self.is_released(&dispatch.key);
        self.released.retain(|(key, _)| *key != dispatch.key);
        if self.knows(&dispatch.key) {
            return;
        }
        let queue = self.queues.entry(Arc::clone(&dispatch.queue)).or_default();
        let at = queue.partition_point(|waiting| {
            waiting.priority > dispatch.priority
                || (waiting.priority == dispatch.priority && !is_released)
        });
        queue.insert(at, dispatch);
    }

    /// Takes an attempt back.
    pub fn revoke(&mut self, key: &AttemptKey) {
        self.released.retain(|(other, _)| other != key);
        for queue in self.queues.values_mut() {
            queue.retain(|waiting| waiting.key != *key);
        }
        if let Some(at) = self.claims.iter().position(|claim| claim.key == *key) {
            let claim = self.claims.swap_remove(at);
            self.fenced.insert(*key);
            // The database may lose what it was revoked for.
            self.expired.insert(*key);
            self.signal(&claim.worker, Signal::Revoked(*key));
        }
        self.demand_risen += 1;
    }

    /// Lets those who reported an attempt forget it.
    pub fn confirm(&mut self, key: &AttemptKey) {
        let Some(at) = self
            .reports
            .iter()
            .position(|known| known.report.key == *key)
        else {
            return;
        };
        let confirmed = self.reports.swap_remove(at);
        for worker in confirmed.from {
            self.signal(&worker, Signal::Confirmed(*key));
        }
    }

    /// Free slots of each queue.
    pub fn demand(&self) -> Vec<Demand> {
        let mut places: BTreeMap<&Arc<str>, (u32, u32)> =
            self.queues.keys().map(|queue| (queue, (0, 0))).collect();
        for (id, worker) in &self.workers {
            for queue in &worker.queues {
                let (room, workers) = places.entry(queue).or_default();
                *room += self.room(id);
                *workers += 1;
            }
        }
        places
            .into_iter()
            .map(|(queue, (room, workers))| {
                let waiting = self.queues.get(queue).map_or(0, Vec::len);
                let waiting = u32::try_from(waiting).unwrap_or(u32::MAX);
                Demand::new(Arc::clone(queue), room, waiting, workers, None)
            })
            .collect()
    }

    /// Which of these it knows; their latest notices are sent again.
    pub fn known(
        &mut self,
        keys: &[AttemptKey],
        now: Instant,
        random: &mut Randomness,
        coverage: &mut Coverage,
    ) -> Vec<AttemptKey> {
        let known: Vec<AttemptKey> = keys.iter().filter(|key| self.knows(key)).copied().collect();
        let started: Vec<Notice> = self
            .claims
            .iter()
            .filter(|claim| known.contains(&claim.key))
            .map(|claim| Notice::Started {
                key: claim.key,
                worker: Arc::clone(&claim.worker),
            })
            .collect();
        let released = self.released.iter().map(|(key, _)| *key);
        let released: Vec<Notice> = released
            .filter(|key| known.contains(key))
            .map(|key| Notice::Released { key })
            .collect();
        for notice in started.into_iter().chain(released) {
            self.notify(notice, now, random, coverage);
        }
        for unconfirmed in &mut self.reports {
            unconfirmed.again = now;
        }
        known
    }

    /// Everything of a shard that is queued, claimed or released.
    pub fn list(&self, shard: u32) -> Vec<AttemptKey> {
        let queued = self.queues.values().flatten().map(|waiting| waiting.key);
        let claimed = self.claims.iter().map(|claim| claim.key);
        let released = self.released.iter().map(|(key, _)| *key);
        let all = queued.chain(claimed).chain(released);
        all.filter(|key| key.shard == shard).collect()
    }

    fn knows(&self, key: &AttemptKey) -> bool {
        self.claims.iter().any(|claim| claim.key == *key)
            || self.is_released(key)
            || self.reports.iter().any(|known| known.report.key == *key)
            || self
                .queues
                .values()
                .flatten()
                .any(|waiting| waiting.key == *key)
    }

    fn is_released(&self, key: &AttemptKey) -> bool {
        self.released.iter().any(|(other, _)| other == key)
    }

    fn signal(&mut self, worker: &Arc<str>, signal: Signal) {
        if let Some(worker) = self.workers.get_mut(worker) {
            worker.signals.push(signal);
        }
    }

    fn room(&self, worker: &Arc<str>) -> u32 {
        let held = self.claims.iter().filter(|claim| claim.worker == *worker);
        let held = u32::try_from(held.count()).unwrap_or(u32::MAX);
        self.workers
            .get(worker)
            .map_or(0, |worker| worker.slots.saturating_sub(held))
    }
}
