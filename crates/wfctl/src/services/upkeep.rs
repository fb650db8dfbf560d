//! What keeps an installation from growing for ever: old runs go, and then what
//! nothing names any more.
//!
//! Everything is done in portions, with a rest after each, so that a scheduler's
//! turn never waits for long. What a run that has not ended needs always stays.

mod artifacts;
mod blobs;
mod compiled;
mod runs;

use super::data_folder::DataFolder;
use artifacts::Known;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval_at};
use weft_blob::{Blobs, logs::LogReader};
use weft_core::time::Timestamp;
use weft_store_sql::Database;

/// How often runs are looked through.
const RUNS_EVERY: Duration = Duration::from_mins(10);
/// Blobs are looked through each time that runs were so often.
const BLOBS_EVERY: u32 = 36;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Runs, their logs and outputs; `None` keeps all of them.
    pub(crate) runs: Option<Duration>,
    /// The newest runs of each DAG stay in any case.
    pub(crate) last: u32,
}

impl Retention {
    /// 90 days, and the last 10 runs of each DAG.
    pub(crate) const DEFAULT: Self = Self {
        runs: Some(Duration::from_hours(90 * 24)),
        last: 10,
    };
}

/// What it works on.
pub(crate) struct Upkeep {
    pub(crate) folder: DataFolder,
    pub(crate) database: Database,
    pub(crate) blobs: Blobs,
    pub(crate) retention: Retention,
}

impl Upkeep {
    /// Keeps house until it is dropped.
    pub(crate) async fn run(self) {
        let mut known = Known::default();
        let mut rounds = interval_at(Instant::now() + RUNS_EVERY, RUNS_EVERY);
        for round in 1_u32.. {
            rounds.tick().await;
            let now = now();
            if let Err(error) = self.forget_runs(now).await {
                tracing::warn!(error, "old runs could not be removed");
            }
            if round.is_multiple_of(BLOBS_EVERY)
                && let Err(error) = self.collect(now, &mut known).await
            {
                tracing::warn!(error, "blobs that nothing names could not be removed");
            }
        }
    }

    async fn forget_runs(&self, now: Timestamp) -> Result<(), String> {
        let gone = runs::forget(&self.database, self.retention, now)
            .await
            .map_err(|error| error.to_string())?;
        if gone > 0 {
            tracing::info!(runs = gone, "old runs were removed");
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
                    "old logs were removed"
                );
            }
        }
        Ok(())
    }

    async fn collect(&self, now: Timestamp, known: &mut Known) -> Result<(), String> {
        let right = self.folder.may_remove_blobs();
        let Some(_right) = right.map_err(|error| error.to_string())? else {
            tracing::info!("a backup is being made: blobs are removed another time");
            return Ok(());
        };
        blobs::collect(&self.database, &self.blobs, now, known).await
    }
}

/// What this machine's clock says.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// So long ago.
fn before(now: Timestamp, age: Duration) -> Timestamp {
    let millis = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(millis))
}

#[cfg(test)]
mod tests;
