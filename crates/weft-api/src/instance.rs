//! Task instances, their attempts, and why they don't run.

use crate::{Time, run::Counts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One instance of a task within a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Instance {
    /// Its task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    pub index: u32,
    /// Where it stands.
    pub state: InstanceState,
    /// Why it stands there, in snake case; absent where nothing happened to it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The number of its last attempt; 0 where there was none.
    pub attempt: u32,
    /// When that attempt was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Time>,
    /// When that attempt started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When the instance ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// When it goes on by itself: a retry, or the end of a deferral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// Who ran the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Its output: how large, and where it is to be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceFailure>,
    /// What the last attempt used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether the last attempt printed anything.
    pub has_log: bool,
}

/// Where a task instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum InstanceState {
    /// Its upstreams have not decided yet.
    Waiting,
    /// A mapped task whose number of instances is being worked out.
    Expanding,
    /// May be dispatched.
    Ready,
    /// On its way to a worker.
    Queued,
    /// Claimed by a worker.
    Running,
    /// Waits for its retry.
    UpForRetry,
    /// Gave its slot back.
    Deferred,
    /// Done.
    Success,
    /// Failed for good.
    Failed,
    /// Not meant to run.
    Skipped,
    /// Can never run, since an upstream failed.
    UpstreamFailed,
    /// The run was stopped before it ended.
    Cancelled,
}

impl InstanceState {
    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Waiting,
        Self::Expanding,
        Self::Ready,
        Self::Queued,
        Self::Running,
        Self::UpForRetry,
        Self::Deferred,
        Self::Success,
        Self::Failed,
        Self::Skipped,
        Self::UpstreamFailed,
        Self::Cancelled,
    ];

    /// The name in JSON and in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Expanding => "expanding",
            Self::Ready => "ready",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::UpForRetry => "up_for_retry",
            Self::Deferred => "deferred",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether instances can be listed by it: waiting instances have no row.
    pub const fn is_listed(self) -> bool {
        !matches!(self, Self::Waiting | Self::Expanding)
    }
}

/// An output's size and digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OutputRef {
    /// In bytes of JSON.
    pub bytes: u64,
    /// Where it is large enough to stand in the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceFailure {
    /// A stable name in snake case.
    pub code: String,
    /// For people.
    pub message: String,
    /// The author's details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Function names of the guest, innermost first, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

/// What an attempt used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// From its start to its end, in microseconds.
    #[serde(default)]
    pub wall_us: u64,
    /// CPU time, in microseconds.
    #[serde(default)]
    pub cpu_us: u64,
    /// The most linear memory at once, in bytes.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    /// Fuel burned, of deterministic tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Bytes of log lines.
    #[serde(default)]
    pub log_bytes: u64,
    /// Bytes that came in from outside.
    #[serde(default)]
    pub bytes_in: u64,
    /// Bytes that went out.
    #[serde(default)]
    pub bytes_out: u64,
}

/// One attempt of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// From 1 on.
    pub number: u32,
    /// How it ended: `failed`, `lost`, `deferred`, `revoked`, or the state that a
    /// cleared instance had; absent of the current one, whose end is the instance's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// When it was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Time>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Who ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceFailure>,
    /// What it used up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether it printed anything.
    pub has_log: bool,
}

/// How the instances of a task stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskSummary {
    /// The task.
    pub task: String,
    /// Whether it is mapped.
    pub mapped: bool,
    /// How many instances it has; 1 of a task that isn't mapped or not expanded.
    pub instances: u64,
    /// How they stand.
    pub counts: Counts,
}

/// Why an instance does not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Why {
    /// The task.
    pub task: String,
    /// The map index.
    pub index: u32,
    /// The reasons, the decisive one first; empty where nothing keeps it back.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// A stable name in snake case, such as `upstream_unfinished` or `pool_full`.
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do about it, where something can be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::InstanceState;

    #[test]
    fn a_states_name_is_its_json() {
        for state in InstanceState::ALL {
            let json = serde_json::to_value(state).expect("it is a text");
            assert_eq!(json, state.as_str());
        }
    }
}
