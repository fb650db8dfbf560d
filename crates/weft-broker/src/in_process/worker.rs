//! A worker's handle.

use super::{
    broker::InProcess,
    state::{Pending, Phase, Session, State, Unconfirmed, Wakers, Worker},
};
use crate::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
};
use async_trait::async_trait;
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::time::Instant;

/// One worker's handle.
#[derive(Debug)]
pub struct InProcessWorker {
    broker: Arc<InProcess>,
    /// The registration; 0 before the first.
    session: AtomicU64,
    wakers: Arc<Wakers>,
}

impl InProcess {
    /// A handle for one worker, which registers with it.
    pub fn worker(self: &Arc<Self>) -> InProcessWorker {
        InProcessWorker::new(self.clone())
    }
}

impl InProcessWorker {
    pub(super) fn new(broker: Arc<InProcess>) -> Self {
        Self {
            broker,
            session: AtomicU64::new(0),
            wakers: Arc::new(Wakers::default()),
        }
    }

    /// The state as it is now and this worker's registration, which the call prolongs.
    fn state(&self, now: Instant) -> Result<(MutexGuard<'_, State>, Session), BrokerError> {
        let (mut state, session) = self.registered(now)?;
        if let Some(worker) = state.workers.get_mut(&session) {
            worker.registration_ends = now + self.broker.options.terms.lease;
        }
        Ok((state, session))
    }

    /// As [`Self::state`], for a call that does not extend the registration.
    fn registered(&self, now: Instant) -> Result<(MutexGuard<'_, State>, Session), BrokerError> {
        let options = &self.broker.options;
        let mut state = self.broker.lock();
        if self.broker.is_closed() {
            return Err(BrokerError::Closed);
        }
        state.pass_time(now, &options.bounds);
        self.tell_scheduler(&state);
        let session = self.session.load(Ordering::Acquire);
        if !state.workers.contains_key(&session) {
            return Err(BrokerError::Unregistered);
        }
        Ok((state, session))
    }

    fn tell_scheduler(&self, state: &State) {
        if state.has_demand_risen || state.is_pressing {
            self.broker.notices.notify_one();
        }
    }

    /// Claims what there is now.
    fn take(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let now = Instant::now();
        let options = &self.broker.options;
        let (mut state, session) = self.state(now)?;
        let lease_ends = now + options.terms.lease;
        let mut claims = Vec::new();
        let (queues, mut room, memory_bytes) = match state.workers.get(&session) {
            Some(worker) => (
                worker.info.queues.clone(),
                worker.free_slots().min(max),
                worker.info.memory_bytes.unwrap_or(u64::MAX),
            ),
            None => return Err(BrokerError::Unregistered),
        };
        for queue in queues {
            while room > 0
                && state.notices.len() < options.bounds.notices
                && let Some(waiting) = state.queues.get_mut(&queue)
                && let Some((dispatch, since)) = waiting.pop(memory_bytes)
            {
                if waiting.is_empty() {
                    state.queues.remove(&queue);
                }
                state.hold(dispatch.key, session, lease_ends);
                room -= 1;
                claims.push(Claim {
                    dispatch,
                    secret: None,
                    lease: options.terms.lease,
                    waited: now.saturating_duration_since(since),
                });
            }
        }
        self.tell_scheduler(&state);
        Ok(claims)
    }
}

fn without_doubles(queues: &[Arc<str>]) -> Vec<Arc<str>> {
    let mut seen = HashSet::new();
    queues
        .iter()
        .filter(|queue| seen.insert(*queue))
        .cloned()
        .collect()
}

impl State {
    /// What the registration may go on holding: what it held before, what waits in
    /// a queue, and what no broker knows since another one was lost.
    fn adopt(&mut self, key: AttemptKey, session: Session, lease_ends: Instant) {
        match self.attempts.get(&key) {
            Some(Phase::Claimed { .. } | Phase::Released { .. }) => return,
            Some(Phase::Queued { queue, position }) => {
                let (queue, position) = (queue.clone(), *position);
                self.unqueue(&queue, &position);
            }
            None if self.is_fenced(&key) || self.reports.contains_key(&key) => return,
            None => {}
        }
        self.hold(key, session, lease_ends);
        self.is_pressing = true;
    }

    fn id_of(&self, session: Session) -> Arc<str> {
        let worker = self.workers.get(&session);
        worker
            .expect("a call's registration was looked up")
            .info
            .id
            .clone()
    }

    /// Whether another worker holds the attempt: this one lost or released it, and can't end it.
    fn is_held_by_another(&self, key: &AttemptKey, session: Session) -> bool {
        let attempt = self.attempts.get(key);
        matches!(attempt, Some(Phase::Claimed { session: holder, .. }) if *holder != session)
    }

    /// Keeps a report, and ends what its worker held.
    fn keep(&mut self, report: Report, session: Session) {
        let report = Report {
            secret: None,
            ..report
        };
        let key = report.key;
        let worker = self.id_of(session);
        match self.attempts.get(&key) {
            Some(Phase::Claimed {
                session: holder, ..
            }) if *holder == session => {
                self.attempts.remove(&key);
                self.free_slot(session);
            }
            // The scheduler says whether the outcome of a lost attempt counts.
            Some(Phase::Claimed { .. }) | None => {}
            Some(Phase::Released { .. }) => drop(self.attempts.remove(&key)),
            Some(Phase::Queued { queue, position }) => {
                let (queue, position) = (queue.clone(), *position);
                self.attempts.remove(&key);
                self.unqueue(&queue, &position);
            }
        }
        if let Some(known) = self.reports.get_mut(&key) {
            if !known.is_from(&worker) {
                known.also.push(worker);
            }
            return;
        }
        let unconfirmed = Unconfirmed {
            report: Box::new(report),
            worker,
            also: Vec::new(),
            again: None,
        };
        self.reports.insert(key, unconfirmed);
        self.press(Pending::Finished(key));
    }
}

#[async_trait]
impl WorkerBroker for InProcessWorker {
    async fn register(
        &self,
        info: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        let now = Instant::now();
        let options = &self.broker.options;
        let lease_ends = now + options.terms.lease;
        let mut state = self.broker.lock();
        if self.broker.is_closed() {
            return Err(BrokerError::Closed);
        }
        state.pass_time(now, &options.bounds);
        state.last_session += 1;
        let session = state.last_session;
        let before: Vec<Session> = state
            .workers
            .iter()
            .filter(|(_session, worker)| {
                worker.info.id == info.id || Arc::ptr_eq(&worker.wakers, &self.wakers)
            })
            .map(|(session, _worker)| *session)
            .collect();
        let mut signals = VecDeque::new();
        for session_before in &before {
            if let Some(worker) = state.workers.get_mut(session_before)
                && worker.info.id == info.id
            {
                signals.append(&mut worker.signals);
            }
        }
        let worker = Worker {
            info: WorkerInfo {
                queues: without_doubles(&info.queues),
                ..info.clone()
            },
            held: 0,
            is_paused: false,
            registration_ends: lease_ends,
            signals,
            wakers: self.wakers.clone(),
        };
        state.workers.insert(session, worker);
        state.sessions.insert(info.id.clone(), session);
        state.falls_due(lease_ends);
        self.session.store(session, Ordering::Release);
        let announced: HashSet<&AttemptKey> = holding.iter().map(|claim| &claim.key).collect();
        for session_before in before {
            state.hand_over(session_before, session, lease_ends, &announced);
            state.drop_worker(session_before, &options.bounds);
        }
        for claim in holding {
            state.adopt(claim.key, session, lease_ends);
        }
        state.has_demand_risen = true;
        self.wakers.wake();
        self.tell_scheduler(&state);
        Ok(options.terms)
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        loop {
            let claims = self.take(max.max(1))?;
            if !claims.is_empty() {
                return Ok(claims);
            }
            self.wakers.claim.notified().await;
        }
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        let now = Instant::now();
        let renewed = now + self.broker.options.terms.lease;
        let (mut state, session) = self.state(now)?;
        let state = &mut *state;
        let id = state.id_of(session);
        let mut lost = Vec::new();
        for HeldClaim { key, .. } in attempts {
            match state.attempts.get_mut(key) {
                Some(Phase::Claimed {
                    session: holder,
                    lease_ends,
                    ..
                }) if *holder == session => {
                    *lease_ends = renewed;
                }
                // Its own report overtook the renewal.
                _ if state
                    .reports
                    .get(key)
                    .is_some_and(|known| known.is_from(&id)) => {}
                Some(Phase::Claimed { .. } | Phase::Queued { .. } | Phase::Released { .. })
                | None => lost.push(*key),
            }
        }
        Ok(lost)
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        let bounds = &self.broker.options.bounds;
        let bound = bounds.unconfirmed_reports;
        let (mut state, session) = self.state(Instant::now())?;
        let mut result = Ok(());
        for report in reports {
            if state.is_held_by_another(&report.key, session) {
                // Its sender drops it.
                if let Some(worker) = state.workers.get_mut(&session) {
                    worker.signal(Signal::Confirmed(report.key), bounds);
                }
            } else if state.reports.len() >= bound && !state.reports.contains_key(&report.key) {
                let what = "the broker's list of unconfirmed reports";
                result = Err(BrokerError::Full { what, bound });
            } else {
                state.keep(report, session);
            }
        }
        self.tell_scheduler(&state);
        result
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        let now = Instant::now();
        let until = now + self.broker.options.terms.lease;
        let (mut state, session) = self.state(now)?;
        for claim in attempts {
            state.release(claim.key, session, until);
        }
        self.tell_scheduler(&state);
        Ok(())
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        loop {
            {
                let (mut state, session) = self.registered(Instant::now())?;
                if let Some(worker) = state.workers.get_mut(&session)
                    && !worker.signals.is_empty()
                {
                    let count = worker.signals.len().min(max.max(1));
                    return Ok(worker.signals.drain(..count).collect());
                }
            }
            self.wakers.signals.notified().await;
        }
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        let (mut state, session) = self.state(Instant::now())?;
        if let Some(worker) = state.workers.get_mut(&session) {
            worker.is_paused = true;
        }
        Ok(())
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        let (mut state, session) = self.state(Instant::now())?;
        state.drop_worker(session, &self.broker.options.bounds);
        self.tell_scheduler(&state);
        Ok(())
    }
}
