//! The state that a scheduler's handle shares with its feed task: the takeover, the notices
//! that were read, and the published attempts.

use super::{
    demand::NoticedDemand,
    published::{Item, PublishedAttempts, QueuedDispatch},
};
use crate::{
    broker::{MAX_ITEMS_PER_CALL, Redis, draw_name, millis, unexpected},
    reply::Reply,
    script::Script,
};
use ::redis::Cmd;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use weft_broker::{
    AttemptKey, BrokerError, CommittedTurns, Demand, Dispatch, Notice, message::write_key,
};

/// Reports that one tick delivers again.
const MAX_REDELIVERED: usize = 200;

#[derive(Debug)]
pub(super) struct SchedulerSession {
    pub(super) redis: Arc<Redis>,
    pub(super) epoch: u64,
    state: Mutex<SessionState>,
    /// Wakes `receive`.
    notices: Notify,
    /// Wakes the feed task: notices were received, or Redis lost its state.
    pub(super) feed_wakeup: Notify,
}

#[derive(Debug, Default)]
struct SessionState {
    notices: VecDeque<Notice>,
    has_demand_risen: bool,
    /// The demand that came with the newest notices.
    noticed_demand: Option<NoticedDemand>,
    /// The number of the newest publish that Redis answered.
    last_publish: i64,
    /// A scheduler with a higher epoch has taken over; every call now fails with `Closed`.
    is_superseded: bool,
    /// The incarnation that this session took over; `None` when it has to take over again.
    incarnation: Option<Arc<str>>,
    /// The shard's weight, by which workers divide their claims among shards.
    weight: u32,
    /// The last committed turns under this session.
    turns: Option<CommittedTurns>,
    /// Those that earlier sessions had set when this one took over first.
    previous_turns: Option<CommittedTurns>,
    /// The id of the server that answered last.
    server: String,
    /// When the queued attempts are published again.
    publish_at: Option<Instant>,
    /// Until then workers may still announce what they hold.
    announced_at: Option<Instant>,
    published: PublishedAttempts,
}

/// The time until something falls due, as a tick found it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due(pub(super) Option<Duration>);

impl SchedulerSession {
    pub(super) fn new(redis: Arc<Redis>, epoch: u64) -> Self {
        Self {
            redis,
            epoch,
            state: Mutex::default(),
            notices: Notify::new(),
            feed_wakeup: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, SessionState> {
        // No holder of the lock calls foreign code, so a poisoned state is consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the shard over. Where Redis has another incarnation or server than before,
    /// started attempts are presumed held for one more lease.
    pub(super) async fn take_over(&self) -> Result<(), BrokerError> {
        let [lease, renew, redeliver] = self.terms();
        let name = draw_name();
        let (word, mut reply) = self
            .redis
            .run(Script::Takeover, |command| {
                command.arg(self.epoch).arg(&name);
                command.arg(lease).arg(renew).arg(redeliver);
            })
            .await?;
        match &*word {
            "ok" => {}
            "deposed" => return Err(self.mark_superseded()),
            _ => return Err(unexpected(&word)),
        }
        let incarnation: Arc<str> = reply.text()?.into();
        let is_new = reply.number()? == 1;
        let age = Duration::from_millis(u64::try_from(reply.number()?).unwrap_or(0));
        let server = reply.text()?;
        let previous_turns = read_turns(&reply.text()?);
        let now = Instant::now();
        let options = &self.redis.options;
        let started = {
            let mut state = self.state();
            state.incarnation = Some(incarnation.clone());
            state.previous_turns = state.previous_turns.or(previous_turns);
            state.server = server;
            let lease = options.terms.lease;
            state.announced_at = (age < lease).then(|| now + lease.saturating_sub(age));
            state.has_demand_risen = true;
            state.noticed_demand = None;
            state.last_publish = 0;
            state.published.started()
        };
        self.notices.notify_one();
        for keys in started.chunks(MAX_ITEMS_PER_CALL) {
            self.call_with_keys(Script::Suppose, keys).await?;
        }
        tracing::debug!(redis = %self.redis.endpoint.address, epoch = self.epoch, %incarnation, is_new, started = started.len(), operation = "take over", "took over the shard's broker");
        Ok(())
    }

    /// Redis lost its state: the feed task takes over before the next call.
    fn mark_lost(&self) {
        {
            let mut state = self.state();
            state.incarnation = None;
            state.publish_at = Some(Instant::now() + self.redis.options.announce_within);
        }
        self.feed_wakeup.notify_one();
    }

    /// Sets the weight that the next tick writes.
    pub(super) fn set_weight(&self, weight: u32) {
        self.state().weight = weight;
    }

    /// Sets the turns that the next publish or tick writes.
    pub(super) fn set_turns(&self, turns: CommittedTurns) {
        self.state().turns = Some(turns);
    }

    /// The turns to write, as a script takes them; empty without any.
    pub(super) fn turns_text(&self) -> String {
        self.state().turns.map(write_turns).unwrap_or_default()
    }

    pub(super) fn previous_turns(&self) -> Option<CommittedTurns> {
        self.state().previous_turns
    }

    /// A scheduler with a higher epoch has taken over.
    pub(super) fn mark_superseded(&self) -> BrokerError {
        self.state().is_superseded = true;
        self.notices.notify_one();
        BrokerError::Closed
    }

    /// Whether the feed task has to take over before it continues.
    pub(super) fn is_lost(&self) -> bool {
        self.state().incarnation.is_none()
    }

    pub(super) fn is_superseded(&self) -> bool {
        self.state().is_superseded
    }

    /// Calls a script that only the current scheduler may call.
    pub(super) async fn call(
        &self,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Reply, BrokerError> {
        let incarnation = {
            let state = self.state();
            if state.is_superseded {
                return Err(BrokerError::Closed);
            }
            state.incarnation.clone()
        };
        let incarnation = incarnation.ok_or_else(lost)?;
        let called = self.redis.run(script, |command| {
            command.arg(self.epoch).arg(&*incarnation);
            arguments(command);
        });
        let (word, reply) = called.await?;
        match &*word {
            "ok" => Ok(reply),
            "deposed" => Err(self.mark_superseded()),
            "lost" => {
                tracing::warn!(redis = %self.redis.endpoint.address, operation = "check incarnation", "Redis lost the broker's state; workers announce their attempts, queued ones are published again");
                self.mark_lost();
                Err(lost())
            }
            _ => Err(unexpected(&word)),
        }
    }

    /// Calls a script with these attempts as its last arguments.
    pub(super) async fn call_with_keys(
        &self,
        script: Script,
        keys: &[AttemptKey],
    ) -> Result<Reply, BrokerError> {
        let keys: Vec<String> = keys.iter().map(write_key).collect();
        self.call(script, |command| {
            for key in &keys {
                command.arg(key);
            }
        })
        .await
    }

    /// The workers' lease terms in milliseconds, as the scripts store them.
    fn terms(&self) -> [u64; 3] {
        let options = &self.redis.options;
        [
            millis(options.terms.lease),
            millis(options.terms.renew_every),
            millis(options.redeliver_every),
        ]
    }

    /// Expires what is due by the server's clock, and checks that it is the same server.
    pub(super) async fn tick(&self) -> Result<Due, BrokerError> {
        let weight = self.state().weight;
        let turns = self.turns_text();
        let mut reply = self
            .call(Script::Tick, |command| {
                command.arg(MAX_REDELIVERED).arg(weight).arg(&turns);
            })
            .await?;
        let server = reply.text()?;
        let due = u64::try_from(reply.number()?).ok();
        if server != self.state().server {
            tracing::warn!(redis = %self.redis.endpoint.address, operation = "check incarnation", "another server answers for Redis and may have lost the newest writes; queued attempts are published again");
            self.mark_lost();
        }
        Ok(Due(due.map(Duration::from_millis)))
    }

    /// Publishes the queued attempts again, once workers had time after a loss to announce
    /// what they hold.
    pub(super) async fn publish_again(&self) -> Result<(), BrokerError> {
        let queued = {
            let state = self.state();
            if state.publish_at.is_none_or(|at| Instant::now() < at) {
                return Ok(());
            }
            state.published.queued()
        };
        let items: Vec<Item> = queued
            .into_iter()
            .map(|(attempt, dispatch)| Item::new(attempt, dispatch))
            .collect();
        let mut failed = None;
        for (item, reason) in items.iter().zip(self.publish(&items).await) {
            match reason {
                None => {}
                Some(error @ BrokerError::Full { .. }) => {
                    let key = item.attempt;
                    tracing::warn!(?key, %error, operation = "publish again", "publishing an attempt again failed; it is reported as expired");
                    self.push_notice(Notice::Expired { key });
                }
                Some(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.state().publish_at = None;
        tracing::info!(
            attempts = items.len(),
            operation = "publish again",
            "published queued attempts again"
        );
        Ok(())
    }

    /// Appends a notice for `receive`, in the order of reading.
    pub(super) fn push_notice(&self, notice: Notice) {
        let mut state = self.state();
        if !matches!(notice, Notice::Started { .. }) {
            state.noticed_demand = None;
        }
        match &notice {
            Notice::Started { key, worker: _ } => state.published.record_started(*key),
            Notice::Finished(report) => {
                state.published.remove(&report.key);
                state.has_demand_risen = true;
            }
            Notice::Expired { key } | Notice::Released { key } => {
                state.published.remove(key);
                state.has_demand_risen = true;
            }
            Notice::Demand => state.has_demand_risen = true,
        }
        if notice != Notice::Demand {
            state.notices.push_back(notice);
        }
        drop(state);
        self.notices.notify_one();
    }

    /// Records the demand that came with notices.
    pub(super) fn record_demand(&self, demand: NoticedDemand) {
        self.state().noticed_demand = Some(demand);
    }

    /// Records that Redis answered the publish of this number.
    pub(super) fn record_publish(&self, number: i64) {
        let mut state = self.state();
        state.last_publish = state.last_publish.max(number);
    }

    /// The demand that came with the newest notices, if nothing was published since. Taken once.
    pub(super) fn take_noticed_demand(&self) -> Option<Vec<Demand>> {
        let mut state = self.state();
        let last_publish = state.last_publish;
        state.noticed_demand.take()?.since(last_publish)
    }

    /// How many notices were read and not received.
    pub(super) fn unreceived(&self) -> usize {
        self.state().notices.len()
    }

    pub(super) async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        loop {
            {
                let mut state = self.state();
                if state.is_superseded {
                    return Err(BrokerError::Closed);
                }
                let mut notices = Vec::new();
                if std::mem::take(&mut state.has_demand_risen) {
                    notices.push(Notice::Demand);
                }
                let count = state.notices.len().min(max - notices.len());
                notices.extend(state.notices.drain(..count));
                if !notices.is_empty() {
                    drop(state);
                    self.feed_wakeup.notify_one();
                    return Ok(notices);
                }
            }
            self.notices.notified().await;
        }
    }

    pub(super) fn record_queued(
        &self,
        queued: impl IntoIterator<Item = (AttemptKey, QueuedDispatch)>,
    ) {
        let mut state = self.state();
        for (key, dispatch) in queued {
            state.published.record_queued(key, dispatch);
        }
    }

    pub(super) fn forget(&self, keys: &[AttemptKey]) {
        let mut state = self.state();
        for key in keys {
            state.published.remove(key);
        }
    }

    /// Forgets dispatches that Redis refused; the scheduler keeps them.
    pub(super) fn forget_refused(&self, dispatches: &[Dispatch]) {
        let mut state = self.state();
        for dispatch in dispatches {
            state.published.remove_queued(&dispatch.key);
        }
    }

    /// How long workers may still announce attempts: one lease from the birth of the
    /// incarnation, since an empty Redis may be one that lost its state.
    pub(super) fn announcement_window(&self) -> Duration {
        let until = self.state().announced_at;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }
}

/// The turns as Redis stores them: epoch, last turn, the turn before the first.
fn write_turns(turns: CommittedTurns) -> String {
    let CommittedTurns {
        epoch,
        last,
        before,
    } = turns;
    format!("{epoch} {last} {before}")
}

fn read_turns(text: &str) -> Option<CommittedTurns> {
    let mut numbers = text.split(' ').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    Some(CommittedTurns {
        epoch: next()?,
        last: next()?,
        before: next()?,
    })
}

fn lost() -> BrokerError {
    BrokerError::Unavailable(
        "Redis lost the broker's state; the scheduler takes over again".to_owned(),
    )
}
