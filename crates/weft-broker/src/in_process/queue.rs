//! Attempts that wait for a worker: by priority, then in the order of publishing.

use crate::Dispatch;
use std::{cmp::Reverse, collections::BTreeMap};
use tokio::time::Instant;

/// A position in a queue: smaller goes first.
pub(super) type QueuePosition = (Reverse<i32>, u64);

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<QueuePosition, Box<Waiting>>,
}

/// An attempt that waits.
#[derive(Debug)]
struct Waiting {
    dispatch: Dispatch,
    since: Instant,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn insert(&mut self, position: QueuePosition, dispatch: Dispatch, since: Instant) {
        self.waiting
            .insert(position, Box::new(Waiting { dispatch, since }));
    }

    pub(super) fn remove(&mut self, position: &QueuePosition) {
        self.waiting.remove(position);
    }

    /// The next one that a worker with so much memory can hold, and since when it waited.
    pub(super) fn pop(&mut self, memory_bytes: u64) -> Option<(Dispatch, Instant)> {
        let fits = |waiting: &Waiting| waiting.dispatch.limits.memory_bytes <= memory_bytes;
        let position = *self.waiting.iter().find(|(_, waiting)| fits(waiting))?.0;
        let waiting = self.waiting.remove(&position)?;
        Some((waiting.dispatch, waiting.since))
    }
}
