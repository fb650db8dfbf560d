//! States of a run and of its task instances.
//!
//! A state carries what belongs to it. How states follow one another is
//! decided beside the events (`Run::handle`), never here.

use crate::{document::TaskIndex, time::Timestamp};
use serde::{Deserialize, Serialize};

/// One task instance: a task and its map index (0 where the task is not mapped,
/// or is mapped and not expanded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    /// The task.
    pub task: TaskIndex,
    /// The map index.
    pub index: u32,
}

/// One attempt of an instance. `number` rises with each dispatch, also over a
/// clear; `nonce` is drawn by the driver, so that a guess fences nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// What is attempted.
    pub instance: Instance,
    /// From 1 on.
    pub number: u32,
    /// Drawn by the driver for this attempt alone.
    pub nonce: u64,
}

/// The state of a task instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// Its upstreams have not decided yet; or, of a mapped task, `max_active`
    /// blocks it.
    Waiting,
    /// A mapped task whose rule allows it, and whose number of instances the
    /// driver is working out.
    Expanding,
    /// May be dispatched.
    Ready,
    /// Committed, on its way to a worker.
    Queued {
        /// The current attempt.
        attempt: Attempt,
    },
    /// Claimed by a worker.
    Running {
        /// The current attempt.
        attempt: Attempt,
    },
    /// Waits for its retry.
    UpForRetry {
        /// When the wait is over.
        at: Timestamp,
    },
    /// Gave its slot back.
    Deferred {
        /// When it goes on; without one only a wake-up lets it.
        until: Option<Timestamp>,
    },
    /// Done.
    Success,
    /// Failed for good.
    Failed,
    /// Not to run: by its rule, a branch, an empty list, or itself.
    Skipped,
    /// Can never run, since an upstream failed.
    UpstreamFailed,
    /// The run was stopped before it ended.
    Cancelled,
}

impl InstanceState {
    /// Whether nothing follows by itself.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Success
            | Self::Failed
            | Self::Skipped
            | Self::UpstreamFailed
            | Self::Cancelled => true,
            Self::Waiting
            | Self::Expanding
            | Self::Ready
            | Self::Queued { .. }
            | Self::Running { .. }
            | Self::UpForRetry { .. }
            | Self::Deferred { .. } => false,
        }
    }
}

/// The states that an operator can mark an instance as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// As if it had succeeded, without an output.
    Success,
    /// As if it had failed for good.
    Failed,
    /// As if it had skipped itself.
    Skipped,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Not started.
    Pending,
    /// Some instance has not ended.
    Running,
    /// Every instance ended, and no leaf failed.
    Success,
    /// Every instance ended and a leaf failed, or the run took too long.
    Failed,
    /// An operator cancelled it.
    Cancelled,
}

impl RunState {
    /// Whether only a clear makes it go on.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Success | Self::Failed | Self::Cancelled => true,
            Self::Pending | Self::Running => false,
        }
    }
}

/// How many instances are in each state; an unexpanded mapped task is one.
/// As JSON a state without instances is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// [`InstanceState::Waiting`].
    #[serde(skip_serializing_if = "is_zero")]
    pub waiting: u64,
    /// [`InstanceState::Expanding`].
    #[serde(skip_serializing_if = "is_zero")]
    pub expanding: u64,
    /// [`InstanceState::Ready`].
    #[serde(skip_serializing_if = "is_zero")]
    pub ready: u64,
    /// [`InstanceState::Queued`].
    #[serde(skip_serializing_if = "is_zero")]
    pub queued: u64,
    /// [`InstanceState::Running`].
    #[serde(skip_serializing_if = "is_zero")]
    pub running: u64,
    /// [`InstanceState::UpForRetry`].
    #[serde(skip_serializing_if = "is_zero")]
    pub up_for_retry: u64,
    /// [`InstanceState::Deferred`].
    #[serde(skip_serializing_if = "is_zero")]
    pub deferred: u64,
    /// [`InstanceState::Success`].
    #[serde(skip_serializing_if = "is_zero")]
    pub success: u64,
    /// [`InstanceState::Failed`].
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// [`InstanceState::Skipped`].
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// [`InstanceState::UpstreamFailed`].
    #[serde(skip_serializing_if = "is_zero")]
    pub upstream_failed: u64,
    /// [`InstanceState::Cancelled`].
    #[serde(skip_serializing_if = "is_zero")]
    pub cancelled: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Counts {
    /// The states' names, in the order of [`Self::in_order`].
    pub const STATES: [&'static str; 12] = [
        "waiting",
        "expanding",
        "ready",
        "queued",
        "running",
        "up_for_retry",
        "deferred",
        "success",
        "failed",
        "skipped",
        "upstream_failed",
        "cancelled",
    ];

    /// The counts in the order of [`InstanceState`].
    pub const fn in_order(&self) -> [u64; 12] {
        [
            self.waiting,
            self.expanding,
            self.ready,
            self.queued,
            self.running,
            self.up_for_retry,
            self.deferred,
            self.success,
            self.failed,
            self.skipped,
            self.upstream_failed,
            self.cancelled,
        ]
    }

    /// Instances that have not ended.
    pub const fn unfinished(&self) -> u64 {
        self.waiting
            + self.expanding
            + self.ready
            + self.queued
            + self.running
            + self.up_for_retry
            + self.deferred
    }

    /// Instances that ended.
    pub const fn ended(&self) -> u64 {
        self.success + self.failed + self.skipped + self.upstream_failed + self.cancelled
    }
}
