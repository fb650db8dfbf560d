//! What a worker tells about an attempt that ended.

use crate::AttemptKey;
use serde_json::{Value, json};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::TaskId,
    suspicion::Evidence,
    time::{DurationMs, Timestamp},
};

/// One attempt's end. The same report may be handed over many times.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Which attempt.
    pub key: AttemptKey,
    /// How it ended.
    pub outcome: ReportedOutcome,
    /// What it used up.
    pub usage: Usage,
    /// Where its log lies, as `weft_blob` names it; absent where it printed nothing.
    pub log: Option<Arc<str>>,
    /// References of the artifacts that it finished writing, in order.
    pub artifacts: Vec<String>,
    /// Which worker ran it.
    pub worker: Arc<str>,
}

/// How an attempt ended, as its worker saw it. Whether it counts is decided by the scheduler.
#[derive(Debug, Clone, PartialEq)]
pub enum ReportedOutcome {
    /// It has an output.
    Success {
        /// Checked JSON.
        output: Output,
    },
    /// The task skipped itself.
    Skipped {
        /// The author's words.
        reason: Option<String>,
    },
    /// Success, and only some direct downstreams go on.
    Branch {
        /// Which.
        tasks: Vec<TaskId>,
        /// Checked JSON.
        output: Output,
    },
    /// The task gives its slot back.
    Deferred {
        /// When it goes on; worked out by the worker's clock where the author gave a span.
        until: Timestamp,
        /// JSON that `context.resumed()` answers with then.
        state: Arc<str>,
    },
    /// It failed.
    Failed(Failure),
}

/// An output: in the report, or in the blob store where it is large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// JSON text of at most [`Output::MAX_INLINE_BYTES`].
    Inline(Arc<str>),
    /// JSON text under this digest in the blob store.
    Blob {
        /// Its name there.
        digest: Digest,
        /// Its size.
        bytes: u64,
    },
}

impl Output {
    /// A larger output travels through the blob store.
    pub const MAX_INLINE_BYTES: usize = 16 << 10;
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// A stable name in snake case, as `weft_sandbox::FailureKind::code` gives it.
    pub code: Arc<str>,
    /// Whether another attempt could help.
    pub retryable: bool,
    /// For people; at most 16 KiB.
    pub message: String,
    /// The author asks for the retry to come no sooner.
    pub retry_after: Option<DurationMs>,
    /// The author's details.
    pub details: Option<Value>,
    /// Function names of the guest, innermost first, one a line.
    pub backtrace: Option<String>,
}

impl Failure {
    /// The process of the worker ended while the attempt was in guest code.
    pub const CRASHED: &str = "worker_crashed";

    /// What a worker tells of an attempt that was in guest code when the process before
    /// it ended without a farewell. To a scheduler that knows nothing of suspicion it is
    /// a failure that another attempt may help.
    pub fn crashed(worker: &str, evidence: Evidence) -> Self {
        let (others, words) = match evidence {
            Evidence::Alone => (None, "and nothing else is suspected".to_owned()),
            Evidence::Among { others } => (Some(others), format!("and {others} others with it")),
        };
        Self {
            code: Self::CRASHED.into(),
            retryable: true,
            message: format!(
                "the process of the worker {worker} ended without a farewell while it ran the attempt, {words}"
            ),
            retry_after: None,
            details: others.map(|others| json!({ "others": others })),
            backtrace: None,
        }
    }

    /// What a failure of [`Self::crashed`] says; `None` of any other one.
    pub fn evidence(&self) -> Option<Evidence> {
        if *self.code != *Self::CRASHED {
            return None;
        }
        let others = self.details.as_ref().map(|details| &details["others"]);
        Some(match others {
            None => Evidence::Alone,
            Some(others) => Evidence::Among {
                others: others
                    .as_u64()
                    .and_then(|others| u32::try_from(others).ok())
                    .unwrap_or(u32::MAX),
            },
        })
    }
}

/// What an attempt used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// When the instance was made, by the worker's clock.
    pub started: Timestamp,
    /// From then to the end, in microseconds.
    pub wall_us: u64,
    /// CPU time, in microseconds.
    pub cpu_us: u64,
    /// The most linear memory at once, in bytes.
    pub memory_peak_bytes: u64,
    /// Fuel burned; only deterministic attempts count it.
    pub fuel: Option<u64>,
    /// Bytes of log lines.
    pub log_bytes: u64,
    /// Bytes that came in from outside.
    pub bytes_in: u64,
    /// Bytes that went out.
    pub bytes_out: u64,
}
