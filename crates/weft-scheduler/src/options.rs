//! What a scheduler is given: its deps, its bounds, its defaults.

use crate::Brokers;
use std::{sync::Arc, time::Duration};
use weft_blob::Blobs;
use weft_core::{plan::Defaults, time::DurationMs};
use weft_store::RunStore;

/// What a scheduler works with.
#[derive(Clone)]
pub struct Deps {
    /// The truth.
    pub store: Arc<dyn RunStore>,
    /// The ways to workers.
    pub brokers: Arc<dyn Brokers>,
    /// Large outputs.
    pub blobs: Blobs,
}

/// How a scheduler behaves.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Unique among the schedulers that live at the same time.
    pub id: String,
    /// How long shards stay owned without a renewal.
    pub lease: Duration,
    /// How often lost wake-ups are made up for.
    pub sweep_every: Duration,
    /// What an installation gives where a document is silent.
    pub defaults: Defaults,
    /// Runs of a DAG at once, where it doesn't say.
    pub max_active_runs: u32,
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

/// How often an attempt of an instance may be lost. A restart of the process
/// that holds the workers loses everything that runs, so this is far above what
/// machines do, and only ends a task that takes its worker down each time.
const MAX_LOSSES: u32 = 20;
/// Notices that are taken in one turn.
pub(crate) const NOTICES_A_TURN: usize = 2048;
/// Attempts that are dispatched in one turn.
pub(crate) const DISPATCHES_A_TURN: usize = 2048;
/// Instances whose rows one transaction writes; more are a further turn's.
pub(crate) const ROWS_A_TURN: usize = 8192;
/// Commands that are carried out in one turn.
pub(crate) const COMMANDS_A_TURN: u32 = 256;
/// DAGs whose queued runs are looked at in one turn.
pub(crate) const DAGS_A_TURN: usize = 64;
/// Runs that the timetables make in one turn.
pub(crate) const DUE_A_TURN: usize = 256;
/// How long a change that nobody waits for (an attempt has started) may stay uncommitted. One
/// that ended before half of it was never written as running: a row version less.
pub(crate) const LAZY_COMMIT: Duration = Duration::from_millis(500);
/// The first wait before a commit is tried again; each further one is twice as long.
pub(crate) const COMMIT_RETRY: Duration = Duration::from_millis(20);
/// The longest wait before a commit is tried again.
pub(crate) const COMMIT_RETRY_MAX: Duration = Duration::from_secs(2);
/// How often attempts that are under way are asked after.
pub(crate) const RECONCILE_EVERY: Duration = Duration::from_secs(5);
/// For how long an attempt is under way before it is asked after.
pub(crate) const RECONCILE_AFTER: Duration = Duration::from_secs(5);
/// Versions of DAGs that stay parsed.
pub(crate) const VERSIONS: usize = 4096;
/// Outputs that are held in memory, in bytes, over all runs.
pub(crate) const OUTPUT_BYTES: usize = 256 << 20;
/// Changes that a listener may lag behind before it is told that it missed some.
pub(crate) const FEED: usize = 4096;
/// Requests through handles that wait.
pub(crate) const REQUESTS: usize = 1024;
