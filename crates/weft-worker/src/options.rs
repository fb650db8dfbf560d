//! The options of a worker, with their units and defaults.

use std::{path::PathBuf, sync::Arc, time::Duration};
use weft_broker::MAX_TIME_TO_START;

/// What Airflow's workers take by default (`worker_concurrency`), for each processor.
const SLOTS_FOR_EACH_PROCESSOR: usize = 16;

/// The options of a [`crate::Worker`].
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Unique among the running workers.
    pub id: Arc<str>,
    /// The queues that it claims from, in this order. Default: `default`.
    pub queues: Vec<Arc<str>>,
    /// How many attempts run at once, 1 to [`Self::MAX_SLOTS`]. Default: 16 for each
    /// processor, since most tasks wait for something outside.
    pub slots: u32,
    /// How many attempts it holds beyond its slots, to be ready when one ends;
    /// at most `slots`. Default: as many as `slots`.
    pub prefetch: u32,
    /// The most memory that the limits of all running attempts may add up to, in bytes; an attempt
    /// that does not fit waits, and the broker gives the worker none that can never fit. Few tasks
    /// reach their limits, so this may exceed the machine's memory. Default: 8 GiB.
    pub memory_bytes: u64,
    /// The most bytes of unused components in memory. Default: 512 MiB.
    pub component_cache_bytes: u64,
    /// How many components are fetched and compiled at once. Default: 2.
    pub loads: u32,
    /// The parent of the attempts' scratch folders.
    pub scratch_root: PathBuf,
    /// The journal's file, which names the attempts in guest code, so that the next process can
    /// report them after a crash. Default: none, and a crash has no suspects.
    pub journal: Option<PathBuf>,
    /// The least time between the starts of two watched attempts. Default: 10 s.
    pub watch: Duration,
    /// How long running attempts may continue after a drain began. Default: 30 s.
    pub drain_timeout: Duration,
    /// How long a revoked attempt may continue. Default: 2 s.
    pub cancel_grace: Duration,
    /// How long an attempt that was claimed may wait for its start before it is released, at most
    /// [`MAX_TIME_TO_START`], which is the default.
    pub start_within: Duration,
    /// The delay before an unconfirmed report is sent again; it doubles, up to 30 s with jitter.
    /// Default: 1 s.
    pub resend_after: Duration,
    /// Shown to operators: version, host, architecture and labels of their own.
    pub labels: Vec<(String, String)>,
}

impl WorkerOptions {
    /// The most slots one worker may have.
    pub const MAX_SLOTS: u32 = 10_000;

    /// Defaults for everything that has one.
    pub fn new(id: impl Into<Arc<str>>, scratch_root: impl Into<PathBuf>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let slots = u32::try_from(processors.saturating_mul(SLOTS_FOR_EACH_PROCESSOR))
            .unwrap_or(Self::MAX_SLOTS)
            .min(Self::MAX_SLOTS);
        Self {
            id: id.into(),
            queues: vec![Arc::from(weft_core::policy::DEFAULT_QUEUE)],
            slots,
            prefetch: slots,
            memory_bytes: 8 << 30,
            component_cache_bytes: 512 << 20,
            loads: 2,
            scratch_root: scratch_root.into(),
            journal: None,
            watch: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(30),
            cancel_grace: Duration::from_secs(2),
            start_within: MAX_TIME_TO_START,
            resend_after: Duration::from_secs(1),
            labels: Vec::new(),
        }
    }

    /// # Errors
    /// The first option that is out of its bounds.
    pub(crate) fn check(&self) -> Result<(), OptionError> {
        let bad = |option, problem| Err(OptionError { option, problem });
        if self.id.is_empty() {
            return bad("id", "must not be empty");
        }
        if self.queues.is_empty() {
            return bad("queues", "must name at least one queue");
        }
        if self.slots == 0 || self.slots > Self::MAX_SLOTS {
            return bad("slots", "must be 1 to 10000");
        }
        if self.prefetch > self.slots {
            return bad("prefetch", "must be at most as many as slots");
        }
        if self.memory_bytes == 0 {
            return bad("memory_bytes", "must not be 0");
        }
        if self.loads == 0 {
            return bad("loads", "must not be 0");
        }
        if self.start_within > MAX_TIME_TO_START {
            return bad("start_within", "must be at most two minutes");
        }
        if self.resend_after.is_zero() {
            return bad("resend_after", "must not be 0");
        }
        Ok(())
    }
}

/// An option is out of its bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{option} {problem}")]
pub struct OptionError {
    /// The field of [`WorkerOptions`].
    pub option: &'static str,
    /// What is wrong, with the bound.
    pub problem: &'static str,
}
