//! Attempts that wait for a worker: by priority, then in the order of publishing.

use crate::Dispatch;
use std::{cmp::Reverse, collections::BTreeMap};

/// A place in a queue: smaller goes first.
pub(super) type Place = (Reverse<i32>, u64);

/// One queue.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<Place, Box<Dispatch>>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn insert(&mut self, place: Place, dispatch: Dispatch) {
        self.waiting.insert(place, Box::new(dispatch));
    }

    pub(super) fn remove(&mut self, place: &Place) {
        self.waiting.remove(place);
    }

    pub(super) fn pop(&mut self) -> Option<Dispatch> {
        self.waiting.pop_first().map(|(_place, dispatch)| *dispatch)
    }
}
