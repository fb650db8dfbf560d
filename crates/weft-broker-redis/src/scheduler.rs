//! A scheduler's handle.
//!
//! Notices are read by a task of the handle (`feed`) into memory, as they come;
//! what it read and nobody received is told again after the process is gone,
//! since reports stay in Redis until they are confirmed.

mod feed;
mod ledger;
mod office;

use super::{
    MOST_AT_ONCE, MOST_MEMORY, Redis, millis, operator::memory, portion, script::Script, unexpected,
};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, future::ready, stream};
use ledger::Waiting;
use office::Office;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use weft_broker::{
    AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker,
    message::{DISPATCH_VERSION, read_dispatch, write_dispatch, write_key},
};

/// Calls about attempts that are under way at once: Redis goes on with the next one while this
/// process, and the network, are still at the one before.
const CALLS_AT_ONCE: usize = 8;

/// One scheduler's end. Dropping it ends its task; nothing is lost.
#[derive(Debug)]
pub struct RedisScheduler {
    office: Arc<Office>,
    feed: JoinHandle<()>,
}

impl Drop for RedisScheduler {
    fn drop(&mut self) {
        self.feed.abort();
    }
}

impl RedisScheduler {
    pub(super) async fn take_over(redis: Arc<Redis>, epoch: u64) -> Result<Self, BrokerError> {
        let office = Arc::new(Office::new(redis, epoch));
        office.take_over().await?;
        let feed = tokio::spawn(feed::run(office.clone()));
        Ok(Self { office, feed })
    }

    /// Lets what is due by the clock happen now.
    ///
    /// # Errors
    /// As [`SchedulerBroker::demand`].
    #[cfg(feature = "conformance")]
    pub async fn tick(&self) -> Result<(), BrokerError> {
        self.office.tick().await.map(|_due| ())
    }
}

/// An attempt on its way into a queue.
struct Item {
    attempt: AttemptKey,
    key: String,
    waiting: Waiting,
}

impl Item {
    fn new(attempt: AttemptKey, waiting: Waiting) -> Self {
        Self {
            attempt,
            key: write_key(&attempt),
            waiting,
        }
    }

    fn of(dispatch: &Dispatch) -> Self {
        let waiting = Waiting {
            queue: dispatch.queue.clone(),
            priority: dispatch.priority,
            message: write_dispatch(dispatch).into(),
            memory_bytes: dispatch.limits.memory_bytes.min(MOST_MEMORY),
        };
        Self::new(dispatch.key, waiting)
    }
}

#[async_trait]
impl SchedulerBroker for RedisScheduler {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        let items: Vec<Item> = dispatches.iter().map(Item::of).collect();
        let reasons = self.office.publish(&items).await;
        let mut refused = Vec::new();
        let mut reason = None;
        for (dispatch, why) in dispatches.into_iter().zip(reasons) {
            if let Some(error) = why {
                refused.push(dispatch);
                reason = Some(error);
            }
        }
        self.office.refuse(&refused);
        reason.map_or(Ok(()), |error| Err((refused, error)))
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        for keys in attempts.chunks(MOST_AT_ONCE) {
            self.office.call_with_keys(Script::Revoke, keys).await?;
            self.office.forget(keys);
        }
        Ok(())
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        self.office.receive(max.max(1)).await
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        let calls: Vec<_> = attempts
            .chunks(MOST_AT_ONCE)
            .map(|keys| self.office.call_with_keys(Script::Confirm, keys))
            .collect();
        stream::iter(calls)
            .buffered(CALLS_AT_ONCE)
            .try_for_each(|_reply| ready(Ok(())))
            .await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        let mut reply = self.office.call(Script::Demand, |_none| {}).await?;
        let mut demand = Vec::new();
        let count = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        while !reply.is_empty() {
            demand.push(Demand::new(
                reply.text()?.into(),
                count(reply.number()?),
                count(reply.number()?),
                count(reply.number()?),
                memory(reply.number()?),
            ));
        }
        demand.sort_by(|left, right| left.queue.cmp(&right.queue));
        Ok(demand)
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut known = Vec::new();
        let mut waiting = HashMap::new();
        for keys in attempts.chunks(MOST_AT_ONCE) {
            let mut reply = self.office.call_with_keys(Script::Known, keys).await?;
            for key in keys {
                let answer = reply.bytes()?;
                if answer.is_empty() {
                    continue;
                }
                known.push(*key);
                if let Some(queued) = read_waiting(&answer) {
                    waiting.insert(*key, queued);
                }
            }
        }
        self.office.remember(waiting);
        Ok(known)
    }

    fn announcement_window(&self) -> Duration {
        self.office.announcement_window()
    }

    fn set_weight(&self, weight: u32) {
        self.office.set_weight(weight);
    }
}

/// What waits in a queue, as `known` answers with it: it may have to be published again.
fn read_waiting(answer: &[u8]) -> Option<Waiting> {
    let text = std::str::from_utf8(answer).ok()?;
    let (version, message) = text.split_once(' ')?;
    // Of a newer scheduler, which is to see to it.
    let dispatch = read_dispatch(version.parse().ok()?, message.as_bytes()).ok()?;
    Some(Waiting {
        queue: dispatch.queue,
        priority: dispatch.priority,
        message: message.into(),
        memory_bytes: dispatch.limits.memory_bytes.min(MOST_MEMORY),
    })
}

impl Office {
    /// Calls a script that answers for each of these attempts, or for none.
    async fn call_with_keys(
        &self,
        script: Script,
        keys: &[AttemptKey],
    ) -> Result<super::Reply, BrokerError> {
        let keys: Vec<String> = keys.iter().map(write_key).collect();
        self.call(script, |command| {
            for key in &keys {
                command.arg(key);
            }
        })
        .await
    }

    /// Publishes these; for each why it was not taken, where it wasn't. Whether those of a call
    /// that failed were isn't known: to publish them again changes nothing then.
    async fn publish(&self, items: &[Item]) -> Vec<Option<BrokerError>> {
        let mut calls = Vec::new();
        let mut rest = items;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(portion(rest, |item| item.waiting.message.len()));
            calls.push(async {
                let reasons = self.publish_at_once(now).await;
                reasons.unwrap_or_else(|error| vec![Some(error); now.len()])
            });
            rest = later;
        }
        stream::iter(calls).buffered(CALLS_AT_ONCE).concat().await
    }

    async fn publish_at_once(
        &self,
        items: &[Item],
    ) -> Result<Vec<Option<BrokerError>>, BrokerError> {
        let bounds = self.redis.options.bounds;
        // Before the call: what comes of the attempt may be told before the call has returned.
        self.remember(
            items
                .iter()
                .map(|item| (item.attempt, item.waiting.clone())),
        );
        let mut reply = self
            .call(Script::Publish, |command| {
                command.arg(bounds.queue_length).arg(bounds.queues);
                command.arg(DISPATCH_VERSION).arg(bounds.notices);
                for Item { key, waiting, .. } in items {
                    command
                        .arg(key)
                        .arg(&*waiting.queue)
                        .arg(waiting.priority)
                        .arg(waiting.message.as_bytes())
                        .arg(waiting.memory_bytes);
                }
            })
            .await?;
        items
            .iter()
            .map(|_item| {
                let (what, bound) = match reply.number()? {
                    0 => return Ok(None),
                    1 => ("a queue", bounds.queue_length),
                    2 => ("the broker's list of queues", bounds.queues),
                    other => return Err(unexpected(&other.to_string())),
                };
                Ok(Some(BrokerError::Full { what, bound }))
            })
            .collect()
    }

    /// The terms that workers are granted, as the scripts keep them.
    fn terms(&self) -> [u64; 3] {
        let options = &self.redis.options;
        [
            millis(options.terms.lease),
            millis(options.terms.renew_every),
            millis(options.redeliver_every),
        ]
    }
}
