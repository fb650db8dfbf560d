//! Workers that said that they are there.

use crate::{
    Database,
    backend::{args, statements},
    encoding,
};
use weft_core::time::Timestamp;
use weft_store::StoreError;

statements! {
    PUT = "INSERT INTO workers (name, version, queues, slots, draining, started, seen) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO UPDATE SET version = excluded.version, \
        queues = excluded.queues, slots = excluded.slots, draining = excluded.draining, \
        started = excluded.started, seen = excluded.seen";
    LIST = "SELECT name, version, queues, slots, draining, started, seen FROM workers \
        WHERE name > $1 ORDER BY name LIMIT $2";
    FORGET = "DELETE FROM workers WHERE seen < $1 RETURNING name";
}

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
        let now = self.clock().await?;
        self.backend()
            .write(
                PUT,
                args![
                    &worker.name,
                    &worker.version,
                    encoding::encode_texts(&worker.queues),
                    worker.slots,
                    worker.draining,
                    worker.started,
                    now
                ],
            )
            .await?;
        Ok(())
    }

    /// Workers by name, after `after`; at most `limit`.
    pub async fn list_workers(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<WorkerRow>, StoreError> {
        let rows = self
            .backend()
            .read(LIST, args![after.unwrap_or(""), limit])
            .await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(WorkerRow {
                    name: row.take()?,
                    version: row.take()?,
                    queues: encoding::decode_texts(&row.take()?)?,
                    slots: row.take()?,
                    draining: row.take()?,
                    started: row.take()?,
                    seen: row.take()?,
                })
            })
            .collect()
    }

    /// Forgets those that were not heard of since; returns how many.
    pub async fn forget_workers(&self, before: Timestamp) -> Result<u32, StoreError> {
        let gone = self.backend().write(FORGET, args![before]).await?;
        Ok(u32::try_from(gone.len()).unwrap_or(u32::MAX))
    }
}
