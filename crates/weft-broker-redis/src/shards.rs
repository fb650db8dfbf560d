//! All shards of an installation in one Redis, for workers, operators and the server that
//! issues credentials.

use crate::{broker::Redis, scheduler::RedisScheduler, worker::ShardedWorker};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use weft_broker::{BrokerError, OperatorBroker, QueueLoad, RegisteredWorker, Survey};

/// The shards of an installation. When their number changes, workers register again.
#[derive(Debug)]
pub struct Shards {
    /// The connected broker; calls that belong to no shard use it.
    redis: Arc<Redis>,
    /// The broker of every shard that was ever served, so that a shard keeps its broker.
    known: Mutex<BTreeMap<u32, Arc<Redis>>>,
    served: watch::Sender<Arc<[Arc<Redis>]>>,
}

impl Shards {
    /// Serves the shard of this broker alone until [`Self::serve`] is called.
    pub fn new(redis: Arc<Redis>) -> Arc<Self> {
        let known = BTreeMap::from([(redis.options.shard, Arc::clone(&redis))]);
        let served: Arc<[Arc<Redis>]> = Arc::new([Arc::clone(&redis)]);
        Arc::new(Self {
            redis,
            known: Mutex::new(known),
            served: watch::Sender::new(served),
        })
    }

    /// Serves these shards from now on, in this order. An empty list changes nothing.
    pub fn serve(&self, shards: &[u32]) {
        if shards.is_empty() || shards == self.shard_numbers() {
            return;
        }
        let served = shards.iter().map(|shard| self.shard(*shard)).collect();
        self.served.send_replace(served);
    }

    /// The numbers of the served shards.
    pub fn shard_numbers(&self) -> Vec<u32> {
        let served = self.served();
        served.iter().map(|redis| redis.options.shard).collect()
    }

    /// The broker for calls that belong to no shard: topics, the namespace.
    pub fn redis(&self) -> &Arc<Redis> {
        &self.redis
    }

    /// A handle of one worker for all shards.
    pub fn worker(&self) -> ShardedWorker {
        ShardedWorker::new(self.served.subscribe())
    }

    /// Takes a shard over for the scheduler of this epoch.
    ///
    /// # Errors
    /// As [`Redis::scheduler`].
    pub async fn scheduler(&self, shard: u32, epoch: u64) -> Result<RedisScheduler, BrokerError> {
        self.shard(shard).scheduler(epoch).await
    }

    /// As [`Redis::connection_failed`].
    pub async fn connection_failed(&self) {
        self.redis.connection_failed().await;
    }

    pub(super) fn served(&self) -> Arc<[Arc<Redis>]> {
        Arc::clone(&self.served.borrow())
    }

    fn shard(&self, shard: u32) -> Arc<Redis> {
        // No holder of the lock calls foreign code.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let broker = known
            .entry(shard)
            .or_insert_with(|| self.redis.of_shard(shard));
        Arc::clone(broker)
    }
}

#[async_trait]
impl OperatorBroker for Shards {
    async fn survey(&self) -> Result<Survey, BrokerError> {
        let mut surveys = Vec::new();
        for redis in self.served().iter() {
            surveys.push(redis.survey().await?);
        }
        Ok(merge_surveys(surveys))
    }

    async fn drain(&self, worker: &str) -> Result<bool, BrokerError> {
        let mut is_registered = false;
        for redis in self.served().iter() {
            is_registered |= redis.drain(worker).await?;
        }
        Ok(is_registered)
    }
}

/// Merges the shards' surveys. A worker registers with each shard, and an attempt of one
/// shard takes a slot in all of them.
fn merge_surveys(mut surveys: Vec<Survey>) -> Survey {
    if surveys.len() == 1 {
        return surveys.remove(0);
    }
    let mut workers: BTreeMap<Arc<str>, RegisteredWorker> = BTreeMap::new();
    let mut queues: BTreeMap<Arc<str>, QueueLoad> = BTreeMap::new();
    for survey in surveys {
        for of_shard in survey.workers {
            let id = Arc::clone(&of_shard.info.id);
            if let Some(worker) = workers.get_mut(&id) {
                worker.held += of_shard.held;
                worker.is_paused |= of_shard.is_paused;
            } else {
                workers.insert(id, of_shard);
            }
        }
        for of_shard in survey.queues {
            let queue = queues
                .entry(Arc::clone(&of_shard.name))
                .or_insert_with(|| QueueLoad {
                    name: of_shard.name,
                    queued: 0,
                    free_slots: 0,
                    workers: 0,
                });
            queue.queued += of_shard.queued;
        }
    }
    for queue in queues.values_mut() {
        let serve = workers
            .values()
            .filter(|worker| !worker.is_paused && worker.info.queues.contains(&queue.name));
        let mut free = 0_u64;
        for worker in serve {
            let capacity = worker.info.slots.saturating_add(worker.info.prefetch);
            free += u64::from(capacity.saturating_sub(worker.held));
            queue.workers += 1;
        }
        queue.free_slots = u32::try_from(free.saturating_sub(queue.queued)).unwrap_or(u32::MAX);
    }
    Survey {
        workers: workers.into_values().collect(),
        queues: queues.into_values().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_broker::WorkerInfo;

    #[test]
    fn a_worker_of_two_shards_is_shown_once() {
        let worker = |held| RegisteredWorker {
            info: WorkerInfo {
                id: "w".into(),
                queues: vec!["default".into()],
                slots: 4,
                prefetch: 1,
                memory_bytes: None,
                labels: Vec::new(),
            },
            held,
            is_paused: false,
        };
        let load = |name: &str, queued, free_slots| QueueLoad {
            name: name.into(),
            queued,
            free_slots,
            workers: 1,
        };
        let shard = |held, queues| Survey {
            workers: vec![worker(held)],
            queues,
        };
        let survey = merge_surveys(vec![
            shard(1, vec![load("default", 1, 3)]),
            shard(2, vec![load("default", 0, 3), load("gpu", 7, 0)]),
        ]);
        assert_eq!(survey.workers, [worker(3)]);
        let default = load("default", 1, 1);
        let unserved = QueueLoad {
            workers: 0,
            ..load("gpu", 7, 0)
        };
        assert_eq!(survey.queues, [default, unserved]);
    }
}
