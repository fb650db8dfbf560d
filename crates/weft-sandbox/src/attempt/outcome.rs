//! Reports of attempts: outcome, typed failure and usage.

use crate::ArtifactRef;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use weft_core::{
    approval::ApprovalRequest,
    asset::{AssetName, AssetUpdate},
    failure_code::FailureCode,
    time::{DurationMs, Timestamp},
    wait::{Call, Wait},
};

/// Everything that is known about an ended attempt.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// What it used up, also when it failed.
    pub usage: Usage,
    /// Artifacts that it finished writing, in order.
    pub artifacts: Vec<ArtifactRef>,
    /// What it said of assets that it updated, if it succeeded. Whether they are outlets of its task is the caller's to check.
    pub updates: Vec<AssetUpdate>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptOutcome {
    /// It has an output.
    Success {
        /// JSON, checked: UTF-8, one document, at most 128 levels deep.
        output: String,
    },
    /// The task skipped itself.
    Skipped {
        /// The author's words.
        reason: Option<String>,
    },
    /// Success, and only some direct downstreams go on.
    Branch {
        /// Their ids; whether they are direct downstreams is the caller's to check.
        tasks: Vec<String>,
        /// JSON, as in `Success`; `null` where the author gave none.
        output: String,
    },
    /// The task gives its slot back.
    Deferred {
        /// When it goes on.
        until: DeferUntil,
        /// JSON that `context.resumed()` answers with then.
        state: String,
    },
    /// It failed.
    Failed(AttemptFailure),
}

/// When a deferred task goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeferUntil {
    /// At a point in time.
    At(Timestamp),
    /// A span after the report.
    After(DurationMs),
    /// When what it waits for comes, or this long after the report.
    On {
        /// What it waits for.
        wait: Wait,
        /// The longest wait; without one it waits for ever.
        timeout: Option<DurationMs>,
    },
    /// When an asset is updated.
    Updated {
        /// The asset.
        asset: AssetName,
        /// The partition; none if any will do.
        partition: Option<Arc<str>>,
        /// Earlier updates don't count; none means those before the attempt started.
        since: Option<Timestamp>,
        /// The longest wait; without one it waits for ever.
        timeout: Option<DurationMs>,
    },
    /// When the run that it calls has ended, or at once if it doesn't wait for that.
    Called {
        /// The run that it calls.
        call: Call,
        /// The longest wait; without one it waits for ever.
        timeout: Option<DurationMs>,
    },
    /// When somebody answers what it asks.
    Asked {
        /// What it asks.
        request: Box<ApprovalRequest>,
        /// The longest wait; without one it waits for ever.
        timeout: Option<DurationMs>,
    },
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptFailure {
    /// The kind; [`FailureKind::code`] is stable.
    pub kind: FailureKind,
    /// Whether the task's retry policy applies.
    pub retryable: bool,
    /// What happened, with the figure of the limit and how to raise it; at most
    /// [`Self::MAX_MESSAGE_BYTES`].
    pub message: String,
    /// The author asks for the retry to come no sooner.
    pub retry_after: Option<DurationMs>,
    /// The author's details.
    pub details: Option<Value>,
    /// Function names of the guest, innermost first, one a line.
    pub backtrace: Option<String>,
}

impl AttemptFailure {
    /// A longer message of a guest is cut.
    pub const MAX_MESSAGE_BYTES: usize = 16 << 10;

    /// A failure without an author's details.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            retryable: kind.is_retryable(),
            kind,
            message: message.into(),
            retry_after: None,
            details: None,
            backtrace: None,
        }
    }
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The author's code returned a failure.
    Author,
    /// The guest trapped: a panic, an `unreachable`, an access out of bounds.
    Trap,
    /// The guest's stack ran over.
    StackOverflow,
    /// A program ended with an exit code other than 0.
    Exit(u8),
    /// Wall-clock time ran out.
    Timeout,
    /// CPU time ran out.
    CpuLimit,
    /// The guest failed after more memory had been refused.
    MemoryLimit,
    /// The guest failed after more table elements had been refused.
    TableLimit,
    /// The output is larger than allowed.
    OutputLimit,
    /// The scratch folder is full.
    ScratchLimit,
    /// An artifact is larger than allowed.
    ArtifactLimit,
    /// Too many open handles.
    HandleLimit,
    /// More data in one call between guest and host than allowed.
    HostCallLimit,
    /// The guest returned something that violates the contract.
    InvalidOutput,
    /// The guest has no such task, or the entry doesn't fit the guest.
    InvalidEntry,
    /// Something the task needs was not granted.
    Denied,
    /// The guest failed after it was asked to stop.
    Cancelled,
    /// No free slot came up in time; nothing of the guest ran.
    NoSlot,
    /// The host's own fault: an artifact store or a disk that doesn't answer, or a defect.
    Internal,
}

impl FailureKind {
    /// A stable name, in snake case.
    pub const fn code(self) -> &'static str {
        let code = match self {
            Self::Author => FailureCode::Author,
            Self::Trap => FailureCode::Trap,
            Self::StackOverflow => FailureCode::StackOverflow,
            Self::Exit(_) => FailureCode::Exit,
            Self::Timeout => FailureCode::Timeout,
            Self::CpuLimit => FailureCode::CpuLimit,
            Self::MemoryLimit => FailureCode::MemoryLimit,
            Self::TableLimit => FailureCode::TableLimit,
            Self::OutputLimit => FailureCode::OutputLimit,
            Self::ScratchLimit => FailureCode::ScratchLimit,
            Self::ArtifactLimit => FailureCode::ArtifactLimit,
            Self::HandleLimit => FailureCode::HandleLimit,
            Self::HostCallLimit => FailureCode::HostCallLimit,
            Self::InvalidOutput => FailureCode::InvalidOutput,
            Self::InvalidEntry => FailureCode::InvalidEntry,
            Self::Denied => FailureCode::Denied,
            Self::Cancelled => FailureCode::Cancelled,
            Self::NoSlot => FailureCode::NoSlot,
            Self::Internal => FailureCode::Internal,
        };
        code.as_str()
    }

    /// Whether another attempt may end otherwise. What only a changed file, limit or
    /// grant would fix is not retried; neither is a cancelled attempt.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::Author
            | Self::Trap
            | Self::StackOverflow
            | Self::Exit(_)
            | Self::Timeout
            | Self::CpuLimit
            | Self::MemoryLimit
            | Self::TableLimit
            | Self::OutputLimit
            | Self::ScratchLimit
            | Self::ArtifactLimit
            | Self::HandleLimit
            | Self::HostCallLimit
            | Self::NoSlot
            | Self::Internal => true,
            Self::InvalidOutput | Self::InvalidEntry | Self::Denied | Self::Cancelled => false,
        }
    }
}

/// What an attempt used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// From the start of the instance to the end, without the wait for a slot.
    pub wall: Duration,
    /// CPU time of the guest and of the host calls it made on its own thread.
    pub cpu: Duration,
    /// The most linear memory at once, in bytes, over all memories.
    pub memory_peak_bytes: u64,
    /// Fuel burned; only deterministic attempts count it.
    pub fuel: Option<u64>,
    /// Bytes of log lines that were passed on.
    pub log_bytes: u64,
    /// Bytes that came in from outside (HTTP bodies, artifacts read).
    pub bytes_in: u64,
    /// Bytes that went out (HTTP bodies, artifacts written).
    pub bytes_out: u64,
}
