//! The handle of a running scheduler: wake-ups, questions, changes and health.

use crate::{
    feed::{Change, Feed, Listen},
    heartbeat::Heartbeat,
    ready_count::ReadyCounts,
    why::Reason,
};
use prometheus_client::registry::Registry;
use std::{sync::Arc, time::Duration};
use tokio::sync::{broadcast, mpsc};
use weft_core::{document::TaskIndex, run_id::RunId};
use weft_store::DagKey;

/// A hint that there is work. The next sweep finds what a lost hint announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// A run of this DAG was queued.
    Queued(DagKey),
    /// A command was written, or an update of an asset.
    Command,
    /// DAGs, pools, limits or policies changed.
    Settings,
    /// A scheduler released its shards.
    Shards,
}

/// What handles send to the supervisor.
#[derive(Debug)]
pub(crate) enum Request {
    Wake(Wake),
    Why(Question),
}

/// Why an instance is not running. The shard that has its run in memory answers; the others drop
/// the sender.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) run: RunId,
    pub(crate) task: TaskIndex,
    pub(crate) index: u32,
    pub(crate) answer: mpsc::Sender<Vec<Reason>>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// The scheduler is shut down, or too busy to answer.
    #[error("the scheduler does not answer")]
    Unavailable,
}

/// The health of a scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How long ago the last iteration was of the loop that has not iterated for longest: the
    /// supervisor's or a shard's. Each iterates at least once a sweep.
    pub since_last_turn: Duration,
    /// How long ago the task last advanced, of those that have not ended, that has not advanced for
    /// longest. Unlike an iteration, progress does not depend on a database that answers.
    pub since_progress: Duration,
    /// Whether it has a shard in memory; a standby has none.
    pub owns_shards: bool,
    /// Turns committed since it started.
    pub turns: u64,
    /// Runs in memory.
    pub active_runs: u64,
}

/// A running scheduler, for others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) feed: Feed,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

impl Handle {
    /// Sends a hint without waiting. A hint that finds the queue full is dropped, since the
    /// sweep finds the work as well.
    pub fn wake(&self, wake: Wake) {
        drop(self.requests.try_send(Request::Wake(wake)));
    }

    /// Why an instance is not running. The answer is empty if it runs or has ended.
    ///
    /// # Errors
    /// The scheduler is shut down or too busy.
    pub async fn why(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, WhyError> {
        let (answer, mut answered) = mpsc::channel(1);
        let question = Question {
            run,
            task,
            index,
            answer,
        };
        self.requests
            .try_send(Request::Why(question))
            .map_err(|_full_or_closed| WhyError::Unavailable)?;
        match answered.recv().await {
            Some(reasons) => Ok(reasons),
            None if self.requests.is_closed() => Err(WhyError::Unavailable),
            None => Ok(vec![Reason::RunNotActive]),
        }
    }

    /// The changes from now on. A receiver that lags learns how many it missed, and reads the
    /// database.
    pub fn changes(&self, to: Listen) -> broadcast::Receiver<Arc<Change>> {
        self.feed.listen(to)
    }

    /// The health of the scheduler.
    pub fn health(&self) -> Health {
        let metrics = &self.heartbeat.metrics;
        Health {
            since_last_turn: self.heartbeat.since_last_iteration(),
            since_progress: self.heartbeat.progress.since_last(),
            owns_shards: self.heartbeat.owns_shards(),
            turns: metrics.committed_turns(),
            active_runs: metrics.active_runs(),
        }
    }

    /// Waits until the scheduler has released a shard, so that others can be woken. Supports one
    /// listener.
    pub async fn shard_released(&self) {
        self.heartbeat.wait_for_released_shard().await;
    }

    /// How many task instances could run if their queues had free slots, as of the last sweep.
    pub fn ready(&self) -> ReadyCounts {
        self.heartbeat.ready()
    }

    /// Registers the loop's metrics, under names that begin with `scheduler_` and `store_`.
    pub fn register(&self, registry: &mut Registry) {
        self.heartbeat.metrics.register(registry);
    }
}
