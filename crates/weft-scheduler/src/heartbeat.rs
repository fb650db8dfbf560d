//! Signs of life of the scheduler's tasks and their metrics, which handles read.

use crate::{metrics::Metrics, progress::Progress, ready_count::ReadyCounts};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;
use weft_broker::CommittedTurns;
use weft_store::{ShardId, ShardLease};

/// What the tasks of a scheduler publish about themselves.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    /// The supervisor's last iteration.
    last_iteration_ms: AtomicI64,
    /// The shards in memory, by number and epoch.
    shards: Mutex<BTreeMap<(ShardId, i64), ShardState>>,
    /// The last committed turns of the shards that this scheduler ever owned.
    committed: Mutex<BTreeMap<ShardId, CommittedTurns>>,
    shard_released: Notify,
    pub(crate) progress: Progress,
    pub(crate) metrics: Metrics,
}

/// What a shard's task publishes.
#[derive(Debug)]
struct ShardState {
    last_iteration_ms: i64,
    ready: ReadyCounts,
}

impl Heartbeat {
    /// Records an iteration of the supervisor.
    pub(crate) fn record_iteration(&self) {
        self.last_iteration_ms
            .store(wall_clock_ms(), Ordering::Relaxed);
    }

    /// How long ago the last iteration was of the task that has not iterated for longest.
    pub(crate) fn since_last_iteration(&self) -> Duration {
        let supervisor = self.last_iteration_ms.load(Ordering::Relaxed);
        let shards = self.shards();
        let last = shards.values().map(|shard| shard.last_iteration_ms).min();
        let last = last.map_or(supervisor, |last| last.min(supervisor));
        let since = u64::try_from(wall_clock_ms().saturating_sub(last)).unwrap_or(0);
        Duration::from_millis(since)
    }

    /// Records the last committed turn of a shard, which outlives its lease here.
    pub(crate) fn set_committed(&self, shard: ShardId, turns: CommittedTurns) {
        self.committed().insert(shard, turns);
    }

    /// The last committed turn of a shard under this scheduler, if it owned it.
    pub(crate) fn committed_turns(&self, shard: ShardId) -> Option<CommittedTurns> {
        self.committed().get(&shard).copied()
    }

    fn committed(&self) -> MutexGuard<'_, BTreeMap<ShardId, CommittedTurns>> {
        // No foreign code runs while it is locked.
        self.committed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn owns_shards(&self) -> bool {
        !self.shards().is_empty()
    }

    /// How many instances of all shards are ready.
    pub(crate) fn ready(&self) -> ReadyCounts {
        let mut ready = ReadyCounts::default();
        for shard in self.shards().values() {
            ready.add_all(&shard.ready);
        }
        ready
    }

    /// Wakes the listener of [`Self::wait_for_released_shard`].
    pub(crate) fn notify_shard_released(&self) {
        self.shard_released.notify_one();
    }

    pub(crate) async fn wait_for_released_shard(&self) {
        self.shard_released.notified().await;
    }

    fn shards(&self) -> MutexGuard<'_, BTreeMap<(ShardId, i64), ShardState>> {
        // No foreign code runs while it is locked.
        self.shards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A shard that is in memory, until this is dropped.
#[derive(Debug)]
pub(crate) struct ShardHeartbeat {
    heartbeat: Arc<Heartbeat>,
    key: (ShardId, i64),
}

impl ShardHeartbeat {
    /// Records that a shard was recovered.
    pub(crate) fn start(heartbeat: Arc<Heartbeat>, lease: ShardLease) -> Self {
        let key = (lease.shard, lease.epoch);
        let state = ShardState {
            last_iteration_ms: wall_clock_ms(),
            ready: ReadyCounts::default(),
        };
        heartbeat.shards().insert(key, state);
        Self { heartbeat, key }
    }

    /// Records an iteration of the shard's loop.
    pub(crate) fn record_iteration(&self) {
        if let Some(state) = self.heartbeat.shards().get_mut(&self.key) {
            state.last_iteration_ms = wall_clock_ms();
        }
    }

    /// Publishes how many of the shard's instances are ready.
    pub(crate) fn set_ready(&self, ready: ReadyCounts) {
        if let Some(state) = self.heartbeat.shards().get_mut(&self.key) {
            state.ready = ready;
        }
    }
}

impl Drop for ShardHeartbeat {
    fn drop(&mut self) {
        self.heartbeat.shards().remove(&self.key);
    }
}

/// Shows how long ago something was, and decides nothing.
fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
