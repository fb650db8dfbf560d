//! Log lines of attempts that may still run, before their log is known by name.

use async_trait::async_trait;
use std::time::Duration;
use weft_blob::logs::{LiveLines, LogLine};
use weft_core::{id::TenantId, run::Instance, run_id::RunId};

/// The attempt whose lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogKey {
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// Run of the attempt.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// Number of the attempt, from 1 on.
    pub number: u32,
}

/// Knows what running attempts have printed so far.
#[async_trait]
pub trait LiveLogs: Send + Sync {
    /// The lines of a running attempt from number `from` (from 0 on), at most
    /// `max`. Waits up to `patience` while there are none. `None`: nothing is
    /// known of the attempt, since it printed nothing yet, has ended, or runs
    /// where this can't see. Cancel-safe.
    async fn lines(
        &self,
        attempt: &LogKey,
        from: u64,
        max: usize,
        patience: Duration,
    ) -> Option<LiveLines>;

    /// Adds lines of an attempt that runs on a worker elsewhere, of which the first has the
    /// number `first`. What exceeds the bounds is dropped.
    fn add(&self, attempt: &LogKey, first: u64, lines: Vec<LogLine>);
}
