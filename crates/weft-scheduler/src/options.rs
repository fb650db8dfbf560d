//! Dependencies and options of a scheduler.

use crate::{
    Brokers, OutputBlobs,
    limits::{MAX_LOSSES, MAX_ROWS_PER_TURN, MAX_WITHOUT_PROGRESS, OVERDUE_GRACE},
};
use std::{sync::Arc, time::Duration};
use weft_broker::MAX_TIME_TO_START;
use weft_core::{plan::Defaults, time::DurationMs};
use weft_store::RunStore;

/// The adapters that a scheduler works with.
#[derive(Clone)]
pub struct Deps {
    /// The database: the truth.
    pub store: Arc<dyn RunStore>,
    /// The transport of attempts to workers.
    pub brokers: Arc<dyn Brokers>,
    /// Large outputs.
    pub blobs: Arc<dyn OutputBlobs>,
}

/// How a scheduler behaves.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Unique among the schedulers that live at the same time.
    pub id: String,
    /// How long shards stay owned without a renewal.
    pub lease: Duration,
    /// How often the database is read for what lost wake-ups announced.
    pub sweep_every: Duration,
    /// The installation's values for what a document leaves open.
    pub defaults: Defaults,
    /// Runs of a DAG at once, if its document does not set a bound.
    pub max_active_runs: u32,
    /// About how many rows one transaction writes. What changes more at once is written in
    /// portions.
    pub max_rows_per_turn: usize,
    /// How much longer than the time to its start and its timeout a worker may have an attempt
    /// before the scheduler takes it back.
    pub overdue_grace: Duration,
    /// Whether short instances of which nothing leaves the sandbox may begin on a worker before that
    /// is committed (`weft_core::run_ahead`). Default: yes.
    pub runs_ahead: bool,
    /// A shard whose task makes no progress for so long is ended and taken over. Default: 30 s.
    pub max_without_progress: Duration,
    /// Fixes nonces and run ids, for a simulation; drawn from the system otherwise.
    pub seed: Option<u64>,
    /// A bug to plant. For the simulation only.
    #[cfg(feature = "planted-bugs")]
    pub planted: Option<crate::Planted>,
}

impl SchedulerOptions {
    /// The defaults, for this scheduler.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            lease: Duration::from_secs(10),
            sweep_every: Duration::from_secs(1),
            defaults: Defaults {
                max_losses: MAX_LOSSES,
                ..Defaults::default()
            },
            max_active_runs: 16,
            max_rows_per_turn: MAX_ROWS_PER_TURN,
            overdue_grace: MAX_TIME_TO_START + OVERDUE_GRACE,
            runs_ahead: true,
            max_without_progress: MAX_WITHOUT_PROGRESS,
            seed: None,
            #[cfg(feature = "planted-bugs")]
            planted: None,
        }
    }
}

/// A span in the units of the database's clock.
pub(crate) fn millis(span: Duration) -> DurationMs {
    DurationMs(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
