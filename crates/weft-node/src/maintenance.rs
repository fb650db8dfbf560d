//! Maintenance removes old runs, and then the blobs that nothing references, so that an
//! installation does not grow for ever.
//!
//! It works in batches with a pause after each, so that a scheduler's turn never waits
//! long. Whatever an unfinished run needs stays.

mod artifacts;
mod blobs;
mod compiled;
mod runs;

use crate::data_folder::DataFolder;
use artifacts::Known;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval_at};
use weft_blob::{Blobs, logs::LogReader};
use weft_core::time::Timestamp;
use weft_gateway::MAX_NAME_IDLE;
use weft_store_sql::Database;

/// How often old runs are removed.
const RUNS_INTERVAL: Duration = Duration::from_mins(10);
/// Blobs are collected at every n-th round.
const ROUNDS_PER_BLOB_COLLECTION: u32 = 36;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Runs, their logs and outputs; `None` keeps all of them.
    pub runs: Option<Duration>,
    /// The newest runs of each DAG stay in any case.
    pub last: u32,
}

impl Retention {
    /// 90 days, and the last 10 runs of each DAG.
    pub const DEFAULT: Self = Self {
        runs: Some(Duration::from_hours(90 * 24)),
        last: 10,
    };
}

/// The maintenance of one installation.
pub(crate) struct Maintenance {
    pub(crate) folder: DataFolder,
    pub(crate) database: Database,
    pub(crate) blobs: Blobs,
    pub(crate) retention: Retention,
}

impl Maintenance {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let mut known = Known::default();
        let mut rounds = interval_at(Instant::now() + RUNS_INTERVAL, RUNS_INTERVAL);
        for round in 1_u32.. {
            rounds.tick().await;
            let now = now();
            if let Err(error) = self.database.forget_worker_names(MAX_NAME_IDLE).await {
                tracing::warn!(
                    %error,
                    operation = "forget worker names",
                    "maintenance failed; retrying in the next round"
                );
            }
            if let Err(error) = self.remove_runs(now).await {
                tracing::warn!(
                    error,
                    operation = "remove old runs",
                    "maintenance failed; retrying in the next round"
                );
            }
            if round.is_multiple_of(ROUNDS_PER_BLOB_COLLECTION)
                && let Err(error) = self.collect_blobs(now, &mut known).await
            {
                tracing::warn!(
                    error,
                    operation = "collect blobs",
                    "maintenance failed; retrying later"
                );
            }
        }
    }

    async fn remove_runs(&self, now: Timestamp) -> Result<(), String> {
        let gone = runs::forget(&self.database, self.retention, now)
            .await
            .map_err(|error| error.to_string())?;
        if gone > 0 {
            tracing::info!(
                runs = gone,
                operation = "remove old runs",
                "removed old runs"
            );
        }
        if let Some(keep) = self.retention.runs {
            let logs = LogReader::new(self.blobs.clone(), None);
            let removed = logs
                .remove(before(now, keep), |_segment| false)
                .await
                .map_err(|error| error.to_string())?;
            if removed.segments > 0 {
                tracing::info!(
                    segments = removed.segments,
                    bytes = removed.bytes,
                    operation = "remove old logs",
                    "removed old logs"
                );
            }
        }
        Ok(())
    }

    async fn collect_blobs(&self, now: Timestamp, known: &mut Known) -> Result<(), String> {
        let lock = self.folder.may_remove_blobs();
        let Some(_lock) = lock.map_err(|error| error.to_string())? else {
            tracing::info!(
                operation = "collect blobs",
                "a backup is running; blobs are collected later"
            );
            return Ok(());
        };
        blobs::collect(&self.database, &self.blobs, now, known).await
    }
}

/// The time of this machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// The time so long ago.
fn before(now: Timestamp, age: Duration) -> Timestamp {
    let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(millis))
}

#[cfg(test)]
mod tests;
