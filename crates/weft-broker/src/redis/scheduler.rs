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
use crate::{
    AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker,
    message::{DISPATCH_VERSION, read_dispatch, write_dispatch, write_key},
};
use async_trait::async_trait;
use ledger::Waiting;
use office::Office;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

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

/// What a publish is made of.
struct Item {
    dispatch: Dispatch,
    key: String,
    waiting: Waiting,
}

impl Item {
    fn new(dispatch: Dispatch) -> Self {
        Self {
            key: write_key(&dispatch.key),
            waiting: Waiting {
                queue: dispatch.queue.clone(),
                priority: dispatch.priority,
                message: write_dispatch(&dispatch).into(),
                memory_bytes: dispatch.limits.memory_bytes.min(MOST_MEMORY),
            },
            dispatch,
        }
    }
}

#[async_trait]
impl SchedulerBroker for RedisScheduler {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        let mut items: Vec<Item> = dispatches.into_iter().map(Item::new).collect();
        let mut refused = Vec::new();
        let mut reason = None;
        while !items.is_empty() {
            let rest = items.split_off(portion(&items, |item| item.waiting.message.len()));
            let call: Vec<_> = items
                .iter()
                .map(|item| (item.dispatch.key, &*item.key, &item.waiting))
                .collect();
            match self.office.publish(&call).await {
                Ok(reasons) => {
                    for (item, why) in items.into_iter().zip(reasons) {
                        if let Some(error) = why {
                            refused.push(item.dispatch);
                            reason = Some(error);
                        }
                    }
                }
                Err(error) => {
                    // Whether these are queued isn't known; to publish them again changes nothing then.
                    let left = items.into_iter().chain(rest);
                    refused.extend(left.map(|item| item.dispatch));
                    return Err((refused, error));
                }
            }
            items = rest;
        }
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
        for keys in attempts.chunks(MOST_AT_ONCE) {
            self.office.call_with_keys(Script::Confirm, keys).await?;
        }
        Ok(())
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

    async fn known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
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

    fn announced_within(&self) -> Duration {
        self.office.announced_within()
    }

    fn weigh(&self, weight: u32) {
        self.office.weigh(weight);
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

    /// Publishes what fits one call; for each why it was not taken.
    async fn publish(
        &self,
        items: &[(AttemptKey, &str, &Waiting)],
    ) -> Result<Vec<Option<BrokerError>>, BrokerError> {
        let bounds = self.redis.options.bounds;
        // Before the call: what comes of the attempt may be told before the call has returned.
        self.remember(
            items
                .iter()
                .map(|(key, _, waiting)| (*key, (*waiting).clone())),
        );
        let reply = self
            .call(Script::Publish, |command| {
                command.arg(bounds.queue_length).arg(bounds.queues);
                command.arg(DISPATCH_VERSION).arg(bounds.notices);
                for (_, key, waiting) in items {
                    command.arg(*key).arg(&*waiting.queue);
                    command
                        .arg(waiting.priority)
                        .arg(waiting.message.as_bytes())
                        .arg(waiting.memory_bytes);
                }
            })
            .await;
        let all: Vec<AttemptKey> = items.iter().map(|(key, ..)| *key).collect();
        let mut reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                self.forget_waiting(&all);
                return Err(error);
            }
        };
        let mut reasons = Vec::with_capacity(items.len());
        for key in all {
            let (what, bound) = match reply.number()? {
                0 => {
                    reasons.push(None);
                    continue;
                }
                1 => ("a queue", bounds.queue_length),
                2 => ("the broker's list of queues", bounds.queues),
                other => return Err(unexpected(&other.to_string())),
            };
            self.forget_waiting(&[key]);
            reasons.push(Some(BrokerError::Full { what, bound }));
        }
        Ok(reasons)
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
