//! The scheduler's handle.

use super::{
    broker::InProcess,
    options::Bounds,
    state::{Pending, Phase, State},
};
use crate::{AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker, Signal};
use async_trait::async_trait;
use std::{
    sync::{Arc, MutexGuard},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The longest delay of a start's notice when there is no other one: an attempt that ends sooner
/// costs the scheduler no turn for its start.
const STARTED_WITHIN: Duration = Duration::from_millis(10);

/// The scheduler's handle; the newest one is current. Clones are the same handle.
#[derive(Debug, Clone)]
pub struct InProcessScheduler {
    broker: Arc<InProcess>,
    epoch: u64,
}

impl InProcess {
    /// A new scheduler takes over: the broker delivers it every unconfirmed report and every
    /// claim again, and all calls of earlier handles fail with
    /// [`BrokerError::Closed`](crate::BrokerError::Closed).
    pub fn scheduler(self: &Arc<Self>) -> InProcessScheduler {
        InProcessScheduler::new(self.clone())
    }
}

impl InProcessScheduler {
    pub(super) fn new(broker: Arc<InProcess>) -> Self {
        let epoch = {
            let mut state = broker.lock();
            state.scheduler += 1;
            let claims: Vec<AttemptKey> = state.attempts.keys().copied().collect();
            state.repeat(claims.into_iter());
            state.has_demand_risen = true;
            state.scheduler
        };
        // The handle before this one may be waiting, and is to learn that it is deposed.
        broker.notices.notify_waiters();
        broker.notices.notify_one();
        Self { broker, epoch }
    }

    /// The state as it is now, if this handle still counts.
    fn state(&self, now: Instant) -> Result<MutexGuard<'_, State>, BrokerError> {
        let mut state = self.broker.lock();
        if self.broker.is_closed() || state.scheduler != self.epoch {
            return Err(BrokerError::Closed);
        }
        state.pass_time(now, &self.broker.options.bounds);
        Ok(state)
    }

    /// What can be received now, or when to look again.
    fn take(&self, max: usize) -> Result<Result<Vec<Notice>, Option<Instant>>, BrokerError> {
        let now = Instant::now();
        let options = &self.broker.options;
        let mut state = self.state(now)?;
        if state.notices.is_empty() && !state.has_demand_risen {
            // What waits in a queue may be claimed any time.
            let started = (!state.queues.is_empty()).then(|| now + STARTED_WITHIN);
            return Ok(Err(state.due.into_iter().chain(started).min()));
        }
        let was_full = state.notices.len() >= options.bounds.notices;
        let mut notices = Vec::with_capacity(max.min(state.notices.len() + 1));
        if std::mem::take(&mut state.has_demand_risen) {
            notices.push(Notice::Demand);
        }
        while notices.len() < max
            && let Some(pending) = state.notices.pop_front()
        {
            notices.extend(state.notice(pending, now + options.redeliver_every));
        }
        state.is_pressing &= !state.notices.is_empty();
        if was_full {
            state.wake_all_workers();
        }
        Ok(Ok(notices))
    }
}

impl State {
    /// What a pending notice says; nothing where it has been overtaken.
    fn notice(&mut self, pending: Pending, again_at: Instant) -> Option<Notice> {
        match pending {
            Pending::Started(key) => match self.attempts.get_mut(&key) {
                Some(Phase::Claimed {
                    session,
                    is_announced,
                    ..
                }) => {
                    *is_announced = false;
                    let worker = self.workers.get(session)?.info.id.clone();
                    Some(Notice::Started { key, worker })
                }
                // It ended before anybody heard of its start: the end says it all.
                Some(Phase::Queued { .. } | Phase::Released { .. }) | None => None,
            },
            Pending::Finished(key) => {
                let unconfirmed = self.reports.get_mut(&key)?;
                unconfirmed.again = Some(again_at);
                let report = unconfirmed.report.clone();
                self.falls_due(again_at);
                Some(Notice::Finished(report))
            }
            Pending::Expired(key) => Some(Notice::Expired { key }),
            Pending::Released(key) => match self.attempts.get_mut(&key) {
                Some(Phase::Released { is_announced, .. }) => {
                    *is_announced = false;
                    Some(Notice::Released { key })
                }
                // It is published again already, or was taken back.
                Some(Phase::Queued { .. } | Phase::Claimed { .. }) | None => None,
            },
        }
    }

    /// Why a queue takes no more.
    fn refusal(&self, queue: &str, bounds: &Bounds) -> Option<BrokerError> {
        let (what, bound) = match self.queues.get(queue) {
            Some(waiting) if waiting.len() >= bounds.queue_length => {
                ("a queue", bounds.queue_length)
            }
            None if self.queues.len() >= bounds.queues => {
                ("the broker's list of queues", bounds.queues)
            }
            Some(_) | None => return None,
        };
        Some(BrokerError::Full { what, bound })
    }

    fn enqueue(&mut self, dispatch: Dispatch, now: Instant) {
        let position = match self.attempts.get(&dispatch.key) {
            Some(Phase::Released { .. }) => self.next_released_position(dispatch.priority),
            Some(_) | None => self.next_position(dispatch.priority),
        };
        let queue = dispatch.queue.clone();
        let queued = Phase::Queued {
            queue: queue.clone(),
            position,
        };
        self.attempts.insert(dispatch.key, queued);
        self.queues
            .entry(queue)
            .or_default()
            .insert(position, dispatch, now);
    }
}

#[async_trait]
impl SchedulerBroker for InProcessScheduler {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        let now = Instant::now();
        let mut state = match self.state(now) {
            Ok(state) => state,
            Err(error) => return Err((dispatches, error)),
        };
        let bounds = &self.broker.options.bounds;
        let mut refused = Vec::new();
        let mut reason = None;
        let mut touched: Vec<Arc<str>> = Vec::new();
        for dispatch in dispatches {
            let released = state.attempts.get(&dispatch.key);
            let was_released = matches!(released, Some(Phase::Released { .. }));
            if state.knows(&dispatch.key) && !was_released {
                continue;
            }
            if let Some(error) = state.refusal(&dispatch.queue, bounds) {
                refused.push(dispatch);
                reason = Some(error);
                continue;
            }
            if touched.last() != Some(&dispatch.queue) && !touched.contains(&dispatch.queue) {
                touched.push(dispatch.queue.clone());
            }
            state.enqueue(dispatch, now);
        }
        for queue in touched {
            state.wake_claims(&queue);
        }
        // A call that waits for notices looks sooner from now on.
        self.broker.notices.notify_one();
        reason.map_or(Ok(()), |error| Err((refused, error)))
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let bounds = &self.broker.options.bounds;
        let mut state = self.state(Instant::now())?;
        for key in attempts {
            match state.attempts.remove(key) {
                Some(Phase::Queued { queue, position }) => state.unqueue(&queue, &position),
                Some(Phase::Claimed { session, .. }) => {
                    state.free_slot(session);
                    state.fence(*key, bounds);
                    if let Some(worker) = state.workers.get_mut(&session) {
                        worker.signal(Signal::Revoked(*key), bounds);
                    }
                }
                Some(Phase::Released { .. }) | None => {}
            }
        }
        if state.has_demand_risen {
            self.broker.notices.notify_one();
        }
        Ok(())
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        loop {
            match self.take(max.max(1))? {
                // All that waited may have been overtaken meanwhile.
                Ok(notices) if notices.is_empty() => {}
                Ok(notices) => return Ok(notices),
                Err(Some(due)) => tokio::select! {
                    () = self.broker.notices.notified() => {}
                    () = sleep_until(due) => {}
                },
                Err(None) => self.broker.notices.notified().await,
            }
        }
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let bounds = &self.broker.options.bounds;
        let mut state = self.state(Instant::now())?;
        for key in attempts {
            let Some(unconfirmed) = state.reports.remove(key) else {
                continue;
            };
            let state = &mut *state;
            for id in std::iter::once(unconfirmed.worker).chain(unconfirmed.also) {
                if let Some(session) = state.sessions.get(&id)
                    && let Some(worker) = state.workers.get_mut(session)
                {
                    worker.signal(Signal::Confirmed(*key), bounds);
                }
            }
        }
        Ok(())
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        Ok(self.state(Instant::now())?.demand())
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut state = self.state(Instant::now())?;
        let known: Vec<AttemptKey> = attempts
            .iter()
            .filter(|key| state.knows(key))
            .copied()
            .collect();
        state.repeat(known.iter().copied());
        self.broker.notices.notify_one();
        Ok(known)
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        let state = self.state(Instant::now())?;
        Ok(state.attempts.keys().copied().collect())
    }
}
