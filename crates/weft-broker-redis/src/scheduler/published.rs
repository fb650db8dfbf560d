//! The published attempts that have not ended: what the scheduler's end restores after
//! Redis lost its state.

use crate::broker::MAX_MEMORY_BYTES;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};
use weft_broker::{
    AttemptKey, Dispatch,
    message::{write_dispatch, write_key},
};

/// A queued attempt, as it is sent to Redis.
#[derive(Debug, Clone)]
pub(super) struct QueuedDispatch {
    pub(super) queue: Arc<str>,
    pub(super) priority: i32,
    /// In the version that this program writes.
    pub(super) message: Arc<str>,
    /// The memory that its worker needs.
    pub(super) memory_bytes: u64,
}

/// One attempt of a publish call.
pub(super) struct Item {
    pub(super) attempt: AttemptKey,
    pub(super) key: String,
    pub(super) dispatch: QueuedDispatch,
}

impl Item {
    pub(super) fn new(attempt: AttemptKey, dispatch: QueuedDispatch) -> Self {
        Self {
            attempt,
            key: write_key(&attempt),
            dispatch,
        }
    }

    pub(super) fn of(dispatch: &Dispatch) -> Self {
        let queued = QueuedDispatch {
            queue: dispatch.queue.clone(),
            priority: dispatch.priority,
            message: write_dispatch(dispatch).into(),
            memory_bytes: dispatch.limits.memory_bytes.min(MAX_MEMORY_BYTES),
        };
        Self::new(dispatch.key, queued)
    }
}

#[derive(Debug)]
enum Stage {
    Queued(QueuedDispatch),
    Started,
}

/// Published attempts by key. Its size is bounded by the queues' lengths and the workers'
/// slots: every entry is in Redis, or was before a loss.
#[derive(Debug, Default)]
pub(super) struct PublishedAttempts(HashMap<AttemptKey, Stage>);

impl PublishedAttempts {
    /// Records a queued attempt; one that is known to have started stays started.
    pub(super) fn record_queued(&mut self, key: AttemptKey, dispatch: QueuedDispatch) {
        if let Entry::Vacant(vacant) = self.0.entry(key) {
            vacant.insert(Stage::Queued(dispatch));
        }
    }

    pub(super) fn record_started(&mut self, key: AttemptKey) {
        self.0.insert(key, Stage::Started);
    }

    /// Removes an attempt that ended, or was revoked or released.
    pub(super) fn remove(&mut self, key: &AttemptKey) {
        self.0.remove(key);
    }

    /// Removes an attempt that Redis refused.
    pub(super) fn remove_queued(&mut self, key: &AttemptKey) {
        if let Some(Stage::Queued(_)) = self.0.get(key) {
            self.0.remove(key);
        }
    }

    /// The attempts that no worker is known to have started.
    pub(super) fn queued(&self) -> Vec<(AttemptKey, QueuedDispatch)> {
        self.0
            .iter()
            .filter_map(|(key, stage)| match stage {
                Stage::Queued(dispatch) => Some((*key, dispatch.clone())),
                Stage::Started => None,
            })
            .collect()
    }

    /// The attempts that a worker has started.
    pub(super) fn started(&self) -> Vec<AttemptKey> {
        self.0
            .iter()
            .filter_map(|(key, stage)| match stage {
                Stage::Queued(_) => None,
                Stage::Started => Some(*key),
            })
            .collect()
    }
}
