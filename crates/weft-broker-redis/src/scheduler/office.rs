//! What a scheduler's handle and its task share: being the one that counts, the
//! notices that were read, and the ledger.

use super::{
    Item,
    ledger::{Ledger, Waiting},
};
use crate::{Redis, Reply, Script, unexpected};
use ::redis::Cmd;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};
use weft_broker::{AttemptKey, BrokerError, Dispatch, Notice};

/// Reports that one tick tells again.
const MOST_TOLD_AGAIN: usize = 200;

#[derive(Debug)]
pub(super) struct Office {
    pub(super) redis: Arc<Redis>,
    pub(super) epoch: u64,
    desk: Mutex<Desk>,
    /// Wakes `receive`.
    notices: Notify,
    /// Wakes the task: there is room for notices, or something was lost.
    pub(super) room: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    notices: VecDeque<Notice>,
    has_demand_risen: bool,
    /// A scheduler of a greater epoch counts.
    is_deposed: bool,
    /// The incarnation that this one took over; none where it has to do so again.
    incarnation: Option<Arc<str>>,
    /// What the shard counts for beside others.
    weight: u32,
    /// Which server answered last.
    server: String,
    /// What waits in the ledger is to be published again then.
    publish_at: Option<Instant>,
    /// Workers may not have announced before then what they hold.
    announced_at: Option<Instant>,
    ledger: Ledger,
}

/// What is due next, as a tick found it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due(pub(super) Option<Duration>);

impl Office {
    pub(super) fn new(redis: Arc<Redis>, epoch: u64) -> Self {
        Self {
            redis,
            epoch,
            desk: Mutex::default(),
            notices: Notify::new(),
            room: Notify::new(),
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Nothing that holds the lock calls foreign code, so a poisoned desk is a whole one.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Becomes the scheduler that counts. What the ledger holds is made good for
    /// where this is another incarnation or another server than before.
    pub(super) async fn take_over(&self) -> Result<(), BrokerError> {
        let [lease, renew, redeliver] = self.terms();
        let name = format!("{:016x}", fastrand::u64(..));
        let (word, mut reply) = self
            .redis
            .run(Script::Takeover, |command| {
                command.arg(self.epoch).arg(&name);
                command.arg(lease).arg(renew).arg(redeliver);
            })
            .await?;
        match &*word {
            "ok" => {}
            "deposed" => return Err(self.depose()),
            _ => return Err(unexpected(&word)),
        }
        let incarnation: Arc<str> = reply.text()?.into();
        let is_new = reply.number()? == 1;
        let age = Duration::from_millis(u64::try_from(reply.number()?).unwrap_or(0));
        let server = reply.text()?;
        let now = Instant::now();
        let options = &self.redis.options;
        let running = {
            let mut desk = self.desk();
            desk.incarnation = Some(incarnation.clone());
            desk.server = server;
            let lease = options.terms.lease;
            desk.announced_at = (age < lease).then(|| now + lease.saturating_sub(age));
            desk.has_demand_risen = true;
            desk.ledger.running()
        };
        self.notices.notify_one();
        for keys in running.chunks(crate::MOST_AT_ONCE) {
            self.call_with_keys(Script::Suppose, keys).await?;
        }
        tracing::debug!(redis = %self.redis.endpoint.address, epoch = self.epoch, %incarnation, is_new, running = running.len(), "took the shard's broker over");
        Ok(())
    }

    /// Redis is not what it was: takes over again before anything else is called.
    fn lose(&self) {
        {
            let mut desk = self.desk();
            desk.incarnation = None;
            desk.publish_at = Some(Instant::now() + self.redis.options.announce_within);
        }
        self.room.notify_one();
    }

    /// The next tick says so.
    pub(super) fn set_weight(&self, weight: u32) {
        self.desk().weight = weight;
    }

    fn depose(&self) -> BrokerError {
        self.desk().is_deposed = true;
        self.notices.notify_one();
        BrokerError::Closed
    }

    /// Whether the task has to take over before it goes on.
    pub(super) fn is_lost(&self) -> bool {
        self.desk().incarnation.is_none()
    }

    pub(super) fn is_deposed(&self) -> bool {
        self.desk().is_deposed
    }

    /// Calls a script of the scheduler that counts.
    pub(super) async fn call(
        &self,
        script: Script,
        arguments: impl Fn(&mut Cmd),
    ) -> Result<Reply, BrokerError> {
        let incarnation = {
            let desk = self.desk();
            if desk.is_deposed {
                return Err(BrokerError::Closed);
            }
            desk.incarnation.clone()
        };
        let incarnation = incarnation.ok_or_else(lost)?;
        let called = self.redis.run(script, |command| {
            command.arg(self.epoch).arg(&*incarnation);
            arguments(command);
        });
        let (word, reply) = called.await?;
        match &*word {
            "ok" => Ok(reply),
            "deposed" => Err(self.depose()),
            "lost" => {
                tracing::warn!(redis = %self.redis.endpoint.address, "Redis lost what it held; workers announce what they run, the rest is published again");
                self.lose();
                Err(lost())
            }
            _ => Err(unexpected(&word)),
        }
    }

    /// Lets what is due by the server's clock happen, and looks whether it is the same server.
    pub(super) async fn tick(&self) -> Result<Due, BrokerError> {
        let weight = self.desk().weight;
        let mut reply = self
            .call(Script::Tick, |command| {
                command.arg(MOST_TOLD_AGAIN).arg(weight);
            })
            .await?;
        let server = reply.text()?;
        let due = u64::try_from(reply.number()?).ok();
        if server != self.desk().server {
            tracing::warn!(redis = %self.redis.endpoint.address, "another server answers for Redis, which may have lost the newest writes; what may be missing is published again");
            self.lose();
        }
        Ok(Due(due.map(Duration::from_millis)))
    }

    /// After a loss, when workers had the time to announce what they run:
    /// publishes what waits in the ledger.
    pub(super) async fn publish_again(&self) -> Result<(), BrokerError> {
        let waiting = {
            let desk = self.desk();
            if desk.publish_at.is_none_or(|at| Instant::now() < at) {
                return Ok(());
            }
            desk.ledger.waiting()
        };
        let items: Vec<Item> = waiting
            .into_iter()
            .map(|(attempt, waiting)| Item::new(attempt, waiting))
            .collect();
        let mut failed = None;
        for (item, reason) in items.iter().zip(self.publish(&items).await) {
            match reason {
                None => {}
                Some(error @ BrokerError::Full { .. }) => {
                    let key = item.attempt;
                    tracing::warn!(?key, %error, "an attempt could not be published again; it is told as lost");
                    self.put(Notice::Expired { key });
                }
                Some(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.desk().publish_at = None;
        tracing::info!(
            attempts = items.len(),
            "published again what nobody had started"
        );
        Ok(())
    }

    /// Notices in the order in which they were read.
    pub(super) fn put(&self, notice: Notice) {
        let mut desk = self.desk();
        match &notice {
            Notice::Started { key, worker: _ } => desk.ledger.started(*key),
            Notice::Finished(report) => {
                desk.ledger.ended(&report.key);
                desk.has_demand_risen = true;
            }
            // Nobody started it: published again it stands in the ledger as any other.
            Notice::Expired { key } | Notice::Released { key } => {
                desk.ledger.ended(key);
                desk.has_demand_risen = true;
            }
            Notice::Demand => desk.has_demand_risen = true,
        }
        if notice != Notice::Demand {
            desk.notices.push_back(notice);
        }
        drop(desk);
        self.notices.notify_one();
    }

    pub(super) fn deposed_by_notice(&self) {
        self.depose();
    }

    /// How many notices were read and not received.
    pub(super) fn unreceived(&self) -> usize {
        self.desk().notices.len()
    }

    pub(super) async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        loop {
            {
                let mut desk = self.desk();
                if desk.is_deposed {
                    return Err(BrokerError::Closed);
                }
                let mut notices = Vec::new();
                if std::mem::take(&mut desk.has_demand_risen) {
                    notices.push(Notice::Demand);
                }
                let count = desk.notices.len().min(max - notices.len());
                notices.extend(desk.notices.drain(..count));
                if !notices.is_empty() {
                    drop(desk);
                    self.room.notify_one();
                    return Ok(notices);
                }
            }
            self.notices.notified().await;
        }
    }

    pub(super) fn remember(&self, waiting: impl IntoIterator<Item = (AttemptKey, Waiting)>) {
        let mut desk = self.desk();
        for (key, waiting) in waiting {
            desk.ledger.waits(key, waiting);
        }
    }

    pub(super) fn forget(&self, keys: &[AttemptKey]) {
        let mut desk = self.desk();
        for key in keys {
            desk.ledger.ended(key);
        }
    }

    /// These were not taken, and are the scheduler's again.
    pub(super) fn refuse(&self, dispatches: &[Dispatch]) {
        let mut desk = self.desk();
        for dispatch in dispatches {
            desk.ledger.refused(&dispatch.key);
        }
    }

    /// A Redis that knew nothing a lease ago may be one that lost everything:
    /// workers have a lease's time from then on to announce what they hold.
    pub(super) fn announcement_window(&self) -> Duration {
        let until = self.desk().announced_at;
        until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }
}

fn lost() -> BrokerError {
    BrokerError::Unavailable("Redis lost what it held; it is taken over again".to_owned())
}
