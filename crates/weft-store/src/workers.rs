//! Workers that said that they are there.

use crate::{Database, StoreError};
use weft_core::time::Timestamp;

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its name, unique among those that live.
    pub name: String,
    /// The version of Weft that it runs.
    pub version: String,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// How many attempts it runs at once.
    pub slots: u32,
    /// It takes no more work.
    pub draining: bool,
    /// When it started.
    pub started: Timestamp,
    /// When it was heard of last, by the database's clock.
    pub seen: Timestamp,
}

impl Database {
    /// Writes a worker, with [`WorkerRow::seen`] set to now.
    pub async fn put_worker(&self, worker: &WorkerRow) -> Result<(), StoreError> {
        todo!()
    }

    /// Workers by name, after `after`; at most `limit`.
    pub async fn list_workers(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<WorkerRow>, StoreError> {
        todo!()
    }

    /// Forgets those that were not heard of since; returns how many.
    pub async fn forget_workers(&self, before: Timestamp) -> Result<u32, StoreError> {
        todo!()
    }
}
