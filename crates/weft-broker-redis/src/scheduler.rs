//! The scheduler's handle.
//!
//! A task of the handle (`feed`) reads notices into memory as they come. Reports stay in Redis
//! until they are confirmed, so a notice that was read and not received when the process ended
//! is delivered again.

mod demand;
mod feed;
mod published;
mod publishing;
mod session;

use crate::{
    broker::{MAX_ITEMS_PER_CALL, MAX_MEMORY_BYTES, Redis},
    script::Script,
};
use async_trait::async_trait;
use published::{Item, QueuedDispatch};
use session::SchedulerSession;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;
use weft_broker::{
    AttemptKey, BrokerError, CommittedTurns, Demand, Dispatch, Notice, SchedulerBroker,
    message::{read_dispatch, read_key},
};

/// The first part of a list that is read in parts, and what comes after the last one.
const FIRST_PART: &str = "0";

/// The scheduler's end of one shard. Dropping it ends its task; nothing is lost.
#[derive(Debug)]
pub struct RedisScheduler {
    session: Arc<SchedulerSession>,
    feed: JoinHandle<()>,
    /// Whether the last publish failed: then reports are confirmed by calls of their own.
    has_publish_failed: AtomicBool,
}

impl Drop for RedisScheduler {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

impl Redis {
    /// Takes the shard over for the scheduler of this epoch, the epoch of the shard's lease in
    /// the database. Redis delivers every unconfirmed report again, and every call of a handle
    /// with a lower epoch fails with [`BrokerError::Closed`].
    ///
    /// # Errors
    /// [`BrokerError::Closed`] where a scheduler with a higher epoch has taken over, or
    /// [`BrokerError::Unavailable`].
    pub async fn scheduler(self: &Arc<Self>, epoch: u64) -> Result<RedisScheduler, BrokerError> {
        RedisScheduler::take_over(self.clone(), epoch).await
    }
}

impl RedisScheduler {
    async fn take_over(redis: Arc<Redis>, epoch: u64) -> Result<Self, BrokerError> {
        let session = Arc::new(SchedulerSession::new(redis, epoch));
        session.take_over().await?;
        let feed = tokio::spawn(feed::run(session.clone()));
        Ok(Self {
            session,
            feed,
            has_publish_failed: AtomicBool::new(false),
        })
    }

    /// Expires what is due by the server's clock now.
    ///
    /// # Errors
    /// As [`SchedulerBroker::demand`].
    #[cfg(feature = "conformance")]
    pub async fn tick(&self) -> Result<(), BrokerError> {
        self.session.tick().await.map(|_due| ())
    }
}

#[async_trait]
impl SchedulerBroker for RedisScheduler {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        self.publish_and_confirm(dispatches, &[]).await.0
    }

    async fn publish_and_confirm(
        &self,
        dispatches: Vec<Dispatch>,
        confirmed: &[AttemptKey],
    ) -> (
        Result<(), (Vec<Dispatch>, BrokerError)>,
        Result<(), BrokerError>,
    ) {
        let items: Vec<Item> = dispatches.iter().map(Item::of).collect();
        // A Redis without memory refuses to publish, and confirmations free memory.
        let together = if items.is_empty() || self.has_publish_failed.load(Ordering::Relaxed) {
            0
        } else {
            confirmed.len().min(MAX_ITEMS_PER_CALL)
        };
        let (with, rest) = confirmed.split_at(together);
        let publish = self.session.publish_with(&items, with);
        let ((reasons, first), others) = tokio::join!(publish, self.session.confirm(rest));
        let has_failed = reasons
            .iter()
            .any(|why| matches!(why, Some(BrokerError::Unavailable(_))));
        self.has_publish_failed.store(has_failed, Ordering::Relaxed);
        let mut refused = Vec::new();
        let mut reason = None;
        for (dispatch, why) in dispatches.into_iter().zip(reasons) {
            if let Some(error) = why {
                refused.push(dispatch);
                reason = Some(error);
            }
        }
        self.session.forget_refused(&refused);
        let published = reason.map_or(Ok(()), |error| Err((refused, error)));
        (published, first.and(others))
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        for keys in attempts.chunks(MAX_ITEMS_PER_CALL) {
            self.session.call_with_keys(Script::Revoke, keys).await?;
            self.session.forget(keys);
        }
        Ok(())
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        self.session.receive(max.max(1)).await
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.session.confirm(attempts).await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        let mut reply = self.session.call(Script::Demand, |_none| {}).await?;
        demand::read(&mut reply)
    }

    fn noticed_demand(&self) -> Option<Vec<Demand>> {
        self.session.take_noticed_demand()
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut known = Vec::new();
        let mut queued = HashMap::new();
        for keys in attempts.chunks(MAX_ITEMS_PER_CALL) {
            let mut reply = self.session.call_with_keys(Script::Known, keys).await?;
            for key in keys {
                let answer = reply.bytes()?;
                if answer.is_empty() {
                    continue;
                }
                known.push(*key);
                if let Some(dispatch) = read_queued(&answer) {
                    queued.insert(*key, dispatch);
                }
            }
        }
        self.session.record_queued(queued);
        Ok(known)
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut listed = HashSet::new();
        let mut part = FIRST_PART.to_owned();
        loop {
            let mut reply = self
                .session
                .call(Script::List, |command| {
                    command.arg(&part).arg(MAX_ITEMS_PER_CALL);
                })
                .await?;
            part = reply.text()?;
            while !reply.is_empty() {
                // Anything else was not written by a scheduler.
                listed.extend(read_key(&reply.text()?));
            }
            if part == FIRST_PART {
                return Ok(listed.into_iter().collect());
            }
        }
    }

    fn announcement_window(&self) -> Duration {
        self.session.announcement_window()
    }

    fn set_turn(&self, turn: CommittedTurns) {
        self.session.set_turns(turn);
    }

    fn previous_turn(&self) -> Option<CommittedTurns> {
        self.session.previous_turns()
    }

    fn set_weight(&self, weight: u32) {
        self.session.set_weight(weight);
    }
}

/// Reads a queued attempt from the answer of `known`, so that it can be published again.
fn read_queued(answer: &[u8]) -> Option<QueuedDispatch> {
    let text = std::str::from_utf8(answer).ok()?;
    let (version, message) = text.split_once(' ')?;
    // A newer scheduler published what this one can't read, and publishes it again.
    let dispatch = read_dispatch(version.parse().ok()?, message.as_bytes()).ok()?;
    Some(QueuedDispatch {
        queue: dispatch.queue,
        priority: dispatch.priority,
        message: message.into(),
        memory_bytes: dispatch.limits.memory_bytes.min(MAX_MEMORY_BYTES),
    })
}
