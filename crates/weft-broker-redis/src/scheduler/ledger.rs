//! What a scheduler would have to make good for if Redis lost everything now.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};
use weft_broker::AttemptKey;

/// An attempt that was published, as it goes to Redis.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) queue: Arc<str>,
    pub(super) priority: i32,
    /// Of the version that this program writes.
    pub(super) message: Arc<str>,
    /// What its worker has to have.
    pub(super) memory_bytes: u64,
}

#[derive(Debug)]
enum Stage {
    Waiting(Waiting),
    Started,
}

/// Published attempts that have not ended. As bounded as the queues and the
/// workers' places: what is in it is in Redis, or was before a loss.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<AttemptKey, Stage>);

impl Ledger {
    /// It waits, unless it is known to have gone further.
    pub(super) fn waits(&mut self, key: AttemptKey, waiting: Waiting) {
        if let Entry::Vacant(vacant) = self.0.entry(key) {
            vacant.insert(Stage::Waiting(waiting));
        }
    }

    pub(super) fn started(&mut self, key: AttemptKey) {
        self.0.insert(key, Stage::Started);
    }

    /// It ended, or was taken back.
    pub(super) fn ended(&mut self, key: &AttemptKey) {
        self.0.remove(key);
    }

    /// It was not taken.
    pub(super) fn refused(&mut self, key: &AttemptKey) {
        if let Some(Stage::Waiting(_)) = self.0.get(key) {
            self.0.remove(key);
        }
    }

    /// What nobody is known to have started.
    pub(super) fn waiting(&self) -> Vec<(AttemptKey, Waiting)> {
        self.0
            .iter()
            .filter_map(|(key, stage)| match stage {
                Stage::Waiting(waiting) => Some((*key, waiting.clone())),
                Stage::Started => None,
            })
            .collect()
    }

    /// What somebody has started.
    pub(super) fn running(&self) -> Vec<AttemptKey> {
        self.0
            .iter()
            .filter_map(|(key, stage)| match stage {
                Stage::Waiting(_) => None,
                Stage::Started => Some(*key),
            })
            .collect()
    }
}
