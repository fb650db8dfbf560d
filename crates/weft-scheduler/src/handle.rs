//! What others hold of a running scheduler: hints, questions, and its health.

use crate::{
    feed::{Change, Feed, Listen},
    metrics::Metrics,
    why::Reason,
};
use prometheus_client::registry::Registry;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::{Notify, broadcast, mpsc, oneshot};
use weft_core::{document::TaskIndex, run_id::RunId};
use weft_store::DagKey;

/// A hint that something is to be done. A lost one costs at most a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// A run of this DAG was queued.
    Queued(DagKey),
    /// A command was written.
    Command,
    /// DAGs, pools, limits or policies changed.
    Settings,
    /// A scheduler gave its shards back.
    Shards,
}

/// What comes in through handles.
#[derive(Debug)]
pub(crate) enum Request {
    Wake(Wake),
    Why {
        run: RunId,
        task: TaskIndex,
        index: u32,
        answer: oneshot::Sender<Vec<Reason>>,
    },
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyError {
    /// The scheduler is shut down, or too busy to be asked.
    #[error("the scheduler does not answer")]
    Unavailable,
}

/// How the loop fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// How long ago the loop last went round. It does at least once a sweep.
    pub since_last_turn: Duration,
    /// Whether it owns anything: a standby doesn't.
    pub owns_shards: bool,
    /// Turns committed since it started.
    pub turns: u64,
    /// Runs in memory.
    pub active_runs: u64,
}

/// Metrics that the loop keeps up.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    last_turn_ms: AtomicI64,
    pub(crate) owns: AtomicBool,
    ready: Mutex<BTreeMap<Arc<str>, u64>>,
    /// A shard is nobody's.
    pub(crate) shard_released: Notify,
    pub(crate) metrics: Metrics,
}

impl Heartbeat {
    pub(crate) fn record_turn(&self) {
        self.last_turn_ms.store(wall_ms(), Ordering::Relaxed);
    }

    /// What is ready now, by queue.
    pub(crate) fn is_ready(&self, ready: BTreeMap<Arc<str>, u64>) {
        // Nothing foreign is called while it is locked; so below.
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = ready;
    }
}

/// For showing how long ago something was, never for deciding anything.
fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// A running scheduler, for others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) feed: Feed,
    pub(crate) heartbeat: Arc<Heartbeat>,
}

impl Handle {
    /// Hints that something is to be done. Never waits; a hint that finds no
    /// room is dropped, since the sweep finds the work as well.
    pub fn wake(&self, wake: Wake) {
        drop(self.requests.try_send(Request::Wake(wake)));
    }

    /// Why an instance isn't running. An empty answer: it is, or it has ended.
    ///
    /// # Errors
    /// The scheduler is shut down or too busy.
    pub async fn why(
        &self,
        run: RunId,
        task: TaskIndex,
        index: u32,
    ) -> Result<Vec<Reason>, WhyError> {
        let (answer, answered) = oneshot::channel();
        let request = Request::Why {
            run,
            task,
            index,
            answer,
        };
        self.requests
            .try_send(request)
            .map_err(|_full_or_closed| WhyError::Unavailable)?;
        answered.await.map_err(|_closed| WhyError::Unavailable)
    }

    /// What changes from now on. A listener that lags is told how
    /// much it missed, and reads the database.
    pub fn changes(&self, to: Listen) -> broadcast::Receiver<Arc<Change>> {
        self.feed.listen(to)
    }

    /// How the loop fares.
    pub fn health(&self) -> Health {
        let last = self.heartbeat.last_turn_ms.load(Ordering::Relaxed);
        let since = u64::try_from(wall_ms().saturating_sub(last)).unwrap_or(0);
        Health {
            since_last_turn: Duration::from_millis(since),
            owns_shards: self.heartbeat.owns.load(Ordering::Relaxed),
            turns: self.heartbeat.metrics.commits.get(),
            active_runs: u64::try_from(self.heartbeat.metrics.active_runs.get()).unwrap_or(0),
        }
    }

    /// Waits until the scheduler has given a shard back, for others to be told of it. For one
    /// listener.
    pub async fn shard_released(&self) {
        self.heartbeat.shard_released.notified().await;
    }

    /// How many task instances could run if there were workers for them, by queue, as of the
    /// last sweep.
    pub fn ready(&self) -> BTreeMap<Arc<str>, u64> {
        let ready = self.heartbeat.ready.lock();
        ready.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows what the loop counts, under names that begin with `scheduler_` and `store_`.
    pub fn register(&self, registry: &mut Registry) {
        self.heartbeat.metrics.register(registry);
    }
}
