//! The loop's sign of life and its metrics, which handles read.

use crate::{metrics::Metrics, ready_count::ReadyCounts};
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Notify;

/// What the loop publishes about itself after each iteration.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    last_iteration_ms: AtomicI64,
    owns_shards: AtomicBool,
    ready: Mutex<ReadyCounts>,
    shard_released: Notify,
    pub(crate) metrics: Metrics,
}

impl Heartbeat {
    /// Records an iteration of the loop.
    pub(crate) fn record_iteration(&self) {
        self.last_iteration_ms
            .store(wall_clock_ms(), Ordering::Relaxed);
    }

    /// How long ago the loop's last iteration was.
    pub(crate) fn since_last_iteration(&self) -> Duration {
        let last = self.last_iteration_ms.load(Ordering::Relaxed);
        let since = u64::try_from(wall_clock_ms().saturating_sub(last)).unwrap_or(0);
        Duration::from_millis(since)
    }

    pub(crate) fn set_owns_shards(&self, owns: bool) {
        self.owns_shards.store(owns, Ordering::Relaxed);
    }

    pub(crate) fn owns_shards(&self) -> bool {
        self.owns_shards.load(Ordering::Relaxed)
    }

    /// Publishes how many instances are ready.
    pub(crate) fn set_ready(&self, ready: ReadyCounts) {
        // No foreign code runs while it is locked; the same holds below.
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = ready;
    }

    pub(crate) fn ready(&self) -> ReadyCounts {
        let ready = self.ready.lock();
        ready.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wakes the listener of [`Self::wait_for_released_shard`].
    pub(crate) fn notify_shard_released(&self) {
        self.shard_released.notify_one();
    }

    pub(crate) async fn wait_for_released_shard(&self) {
        self.shard_released.notified().await;
    }
}

/// Shows how long ago something was, and decides nothing.
fn wall_clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
