//! Everything the in-process broker knows, and the changes that keep it whole.
//!
//! What always holds: an attempt is queued, or claimed by one registered worker,
//! or given back, or none of these; a worker's `held` counts its claims; a notice that waits is in
//! `notices` once. Nothing here waits, and nothing here reads the clock.

use super::{
    options::Bounds,
    queue::{Queue, QueuePosition},
};
use crate::{AttemptKey, Report, Signal, WorkerInfo};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};
use tokio::{sync::Notify, time::Instant};

/// Places of what was never given back come after this.
const FRESH: u64 = 1 << 63;

/// Names a registration: a worker that registers again gets another.
pub(super) type Session = u64;

/// How much the broker holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Attempts that wait, by queue, in the queues' order.
    pub queued: Vec<(Arc<str>, usize)>,
    /// Attempts that workers hold.
    pub claimed: usize,
    /// Reports that no scheduler confirmed.
    pub unconfirmed: usize,
    /// Notices that no scheduler received.
    pub notices: usize,
    /// Workers that are registered.
    pub workers: usize,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Queues that hold something.
    pub(super) queues: HashMap<Arc<str>, Queue>,
    pub(super) attempts: HashMap<AttemptKey, Phase>,
    pub(super) reports: HashMap<AttemptKey, Unconfirmed>,
    pub(super) workers: HashMap<Session, Worker>,
    /// Their registrations, by id.
    pub(super) sessions: HashMap<Arc<str>, Session>,
    /// What `receive` returns next; reports stay in `reports`.
    pub(super) notices: VecDeque<Pending>,
    /// One of `notices` wakes the scheduler at once.
    pub(super) is_pressing: bool,
    pub(super) has_demand_risen: bool,
    /// No lease and no redelivery falls due before.
    pub(super) due: Option<Instant>,
    /// Which scheduler's handle is the current one.
    pub(super) scheduler: u64,
    pub(super) last_session: Session,
    next_position: u64,
    fenced: Fenced,
}

/// Where an attempt is.
#[derive(Debug)]
pub(super) enum Phase {
    Queued {
        queue: Arc<str>,
        position: QueuePosition,
    },
    Claimed {
        session: Session,
        lease_ends: Instant,
        /// Its `Started` waits in `notices`.
        is_announced: bool,
    },
    /// Its worker never began it, and the scheduler has not published it again.
    Released {
        /// Then it is forgotten: a scheduler that doesn't publish it doesn't want it.
        until: Instant,
        /// Its notice waits in `notices`.
        is_announced: bool,
    },
}

/// A report that is kept until it is confirmed.
#[derive(Debug)]
pub(super) struct Unconfirmed {
    pub(super) report: Box<Report>,
    /// Who hears that it is confirmed.
    pub(super) worker: Arc<str>,
    /// Others that reported the same attempt meanwhile.
    pub(super) also: Vec<Arc<str>>,
    /// When it comes again; none while it waits in `notices`.
    pub(super) again: Option<Instant>,
}

/// What waits to be received.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    Started(AttemptKey),
    Finished(AttemptKey),
    Expired(AttemptKey),
    Released(AttemptKey),
}

/// A registered worker.
#[derive(Debug)]
pub(super) struct Worker {
    /// Each queue once.
    pub(super) info: WorkerInfo,
    pub(super) held: u32,
    pub(super) is_paused: bool,
    pub(super) registration_ends: Instant,
    pub(super) signals: VecDeque<Signal>,
    pub(super) wakers: Arc<Wakers>,
}

/// What wakes a worker's waiting calls.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    pub(super) claim: Notify,
    pub(super) signals: Notify,
}

impl Wakers {
    pub(super) fn wake(&self) {
        self.claim.notify_one();
        self.signals.notify_one();
    }
}

/// The newest attempts that workers lost.
#[derive(Debug, Default)]
struct Fenced {
    known: HashSet<AttemptKey>,
    order: VecDeque<AttemptKey>,
}

impl Unconfirmed {
    pub(super) fn is_from(&self, worker: &Arc<str>) -> bool {
        self.worker == *worker || self.also.contains(worker)
    }
}

impl Worker {
    pub(super) fn free_slots(&self) -> u32 {
        if self.is_paused {
            0
        } else {
            let capacity = self.info.slots.saturating_add(self.info.prefetch);
            capacity.saturating_sub(self.held)
        }
    }

    pub(super) fn serves(&self, queue: &str) -> bool {
        self.info.queues.iter().any(|served| **served == *queue)
    }

    pub(super) fn signal(&mut self, signal: Signal, bounds: &Bounds) {
        if self.signals.len() >= bounds.signals {
            self.signals.pop_front();
        }
        self.signals.push_back(signal);
        self.wakers.signals.notify_one();
    }
}

impl State {
    /// Whether the attempt is queued, claimed, released, or reported and unconfirmed.
    pub(super) fn knows(&self, key: &AttemptKey) -> bool {
        self.attempts.contains_key(key) || self.reports.contains_key(key)
    }

    /// The next position behind all others of the same priority.
    pub(super) fn next_position(&mut self, priority: i32) -> QueuePosition {
        self.next_position += 1;
        (std::cmp::Reverse(priority), FRESH | self.next_position)
    }

    /// The next position behind the released attempts of the same priority, before the others.
    pub(super) fn next_released_position(&mut self, priority: i32) -> QueuePosition {
        self.next_position += 1;
        (std::cmp::Reverse(priority), self.next_position)
    }

    /// Sets the time of the next expiry to this one if it is earlier.
    pub(super) fn falls_due(&mut self, at: Instant) {
        if self.due.is_none_or(|due| at < due) {
            self.due = Some(at);
        }
    }

    /// Takes an attempt out of its queue.
    pub(super) fn unqueue(&mut self, queue: &Arc<str>, position: &QueuePosition) {
        if let Some(waiting) = self.queues.get_mut(queue) {
            waiting.remove(position);
            if waiting.is_empty() {
                self.queues.remove(queue);
            }
        }
        self.has_demand_risen = true;
    }

    /// Ends a worker's claim, which frees a slot.
    pub(super) fn free_slot(&mut self, session: Session) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.held -= 1;
            if !worker.is_paused {
                self.has_demand_risen = true;
                worker.wakers.claim.notify_one();
            }
        }
    }

    /// The worker holds the attempt from now on. The notice to the scheduler does not wake it (see
    /// `STARTED_WITHIN`).
    pub(super) fn hold(&mut self, key: AttemptKey, session: Session, lease_ends: Instant) {
        if let Some(worker) = self.workers.get_mut(&session) {
            worker.held += 1;
        }
        self.attempts.insert(
            key,
            Phase::Claimed {
                session,
                lease_ends,
                is_announced: true,
            },
        );
        self.notices.push_back(Pending::Started(key));
        self.falls_due(lease_ends);
    }

    /// Expires a claim: the scheduler gets one notice, and the worker can no longer announce the
    /// attempt.
    pub(super) fn expire(&mut self, key: AttemptKey, bounds: &Bounds) {
        if let Some(Phase::Claimed { session, .. }) = self.attempts.remove(&key) {
            self.free_slot(session);
            self.press(Pending::Expired(key));
            self.fence(key, bounds);
        }
    }

    /// Undoes the claim of an attempt that never started, and notifies the scheduler.
    pub(super) fn release(&mut self, key: AttemptKey, session: Session, until: Instant) {
        if !matches!(self.attempts.get(&key), Some(Phase::Claimed { session: holder, .. }) if *holder == session)
        {
            return;
        }
        self.free_slot(session);
        // Another worker's report of the attempt takes precedence.
        if self.reports.contains_key(&key) {
            self.attempts.remove(&key);
            return;
        }
        let released = Phase::Released {
            until,
            is_announced: true,
        };
        self.attempts.insert(key, released);
        self.falls_due(until);
        self.press(Pending::Released(key));
    }

    pub(super) fn fence(&mut self, key: AttemptKey, bounds: &Bounds) {
        if self.fenced.known.insert(key) {
            self.fenced.order.push_back(key);
        }
        if self.fenced.order.len() > bounds.fenced
            && let Some(oldest) = self.fenced.order.pop_front()
        {
            self.fenced.known.remove(&oldest);
        }
    }

    pub(super) fn is_fenced(&self, key: &AttemptKey) -> bool {
        self.fenced.known.contains(key)
    }

    /// Ends the registration: its attempts expire.
    pub(super) fn drop_worker(&mut self, session: Session, bounds: &Bounds) {
        let held: Vec<AttemptKey> = self.held_by(session);
        if let Some(worker) = self.workers.remove(&session) {
            if self.sessions.get(&worker.info.id) == Some(&session) {
                self.sessions.remove(&worker.info.id);
            }
            worker.wakers.wake();
        }
        for key in held {
            self.expire(key, bounds);
        }
    }

    /// Moves the announced claims of a registration to another one.
    pub(super) fn hand_over(
        &mut self,
        from: Session,
        to: Session,
        lease_ends: Instant,
        announced: &HashSet<&AttemptKey>,
    ) {
        let mut count = 0;
        for (key, phase) in &mut self.attempts {
            if let Phase::Claimed {
                session,
                lease_ends: ends,
                ..
            } = phase
                && *session == from
                && announced.contains(key)
            {
                *session = to;
                *ends = lease_ends;
                count += 1;
            }
        }
        if let Some(worker) = self.workers.get_mut(&from) {
            worker.held -= count;
        }
        if let Some(worker) = self.workers.get_mut(&to) {
            worker.held += count;
        }
    }

    /// The attempts that a registration holds.
    pub(super) fn held_by(&self, session: Session) -> Vec<AttemptKey> {
        if self
            .workers
            .get(&session)
            .is_none_or(|worker| worker.held == 0)
        {
            return Vec::new();
        }
        let is_its = |phase: &Phase| matches!(phase, Phase::Claimed { session: holder, .. } if *holder == session);
        self.attempts
            .iter()
            .filter(|(_key, phase)| is_its(phase))
            .map(|(key, _phase)| *key)
            .collect()
    }

    /// Repeats the notices of these claimed or released attempts, and of every unconfirmed report.
    pub(super) fn repeat(&mut self, claims: impl Iterator<Item = AttemptKey>) {
        for key in claims {
            let notice = match self.attempts.get_mut(&key) {
                Some(Phase::Claimed { is_announced, .. }) if !*is_announced => {
                    *is_announced = true;
                    Pending::Started(key)
                }
                Some(Phase::Released { is_announced, .. }) if !*is_announced => {
                    *is_announced = true;
                    Pending::Released(key)
                }
                Some(_) | None => continue,
            };
            self.press(notice);
        }
        for (key, unconfirmed) in &mut self.reports {
            if unconfirmed.again.take().is_some() {
                self.notices.push_back(Pending::Finished(*key));
                self.is_pressing = true;
            }
        }
    }

    /// Adds a notice that wakes the scheduler.
    pub(super) fn press(&mut self, notice: Pending) {
        self.notices.push_back(notice);
        self.is_pressing = true;
    }

    pub(super) fn wake_all_workers(&self) {
        for worker in self.workers.values() {
            worker.wakers.wake();
        }
    }

    /// Wakes the claims of workers with free slots that serve the queue.
    pub(super) fn wake_claims(&self, queue: &str) {
        for worker in self.workers.values() {
            if worker.free_slots() > 0 && worker.serves(queue) {
                worker.wakers.claim.notify_one();
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        let mut queued: Vec<_> = self
            .queues
            .iter()
            .map(|(name, queue)| (name.clone(), queue.len()))
            .collect();
        queued.sort();
        let is_claimed = |phase: &&Phase| matches!(phase, Phase::Claimed { .. });
        Stats {
            queued,
            claimed: self.attempts.values().filter(is_claimed).count(),
            unconfirmed: self.reports.len(),
            notices: self.notices.len(),
            workers: self.workers.len(),
        }
    }
}
