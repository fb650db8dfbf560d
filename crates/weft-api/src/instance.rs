//! Task instances, their attempts, and why they don't run.

use crate::{Time, run::Counts};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One instance of a task within a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Instance {
    /// Id of the instance's task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// State of the instance.
    pub state: InstanceState,
    /// The cause of its state, in snake case; absent before its first change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The number of its last attempt; 0 if there was none.
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
    /// When it continues by itself: a retry, or the end of a deferral.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Time>,
    /// What a deferred instance waits for besides a time: `event/` and the name of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The worker that ran the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The size and digest of its output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceFailure>,
    /// The resources that the last attempt used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether the last attempt has a log.
    pub has_log: bool,
    /// What a person wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<crate::Note>,
}

/// The state of a task instance.
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
    /// Not to run.
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
    /// Its digest, if it is large enough for the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceFailure {
    /// A stable name in snake case.
    pub code: String,
    /// A message for people.
    pub message: String,
    /// Details from the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Value>,
    /// Function names of the guest, innermost first, one a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backtrace: Option<String>,
}

/// The resources that an attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Usage {
    /// Wall-clock time, in microseconds.
    #[serde(default)]
    pub wall_us: u64,
    /// CPU time, in microseconds.
    #[serde(default)]
    pub cpu_us: u64,
    /// Peak linear memory, in bytes.
    #[serde(default)]
    pub memory_peak_bytes: u64,
    /// Fuel burned, for deterministic tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Bytes of log lines.
    #[serde(default)]
    pub log_bytes: u64,
    /// Bytes received.
    #[serde(default)]
    pub bytes_in: u64,
    /// Bytes sent.
    #[serde(default)]
    pub bytes_out: u64,
    /// The attempt ran ahead: it began before that was committed, on the worker that had another
    /// attempt of its run, and was committed together with that one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ran_ahead: bool,
}

/// One attempt of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attempt {
    /// From 1 on.
    pub number: u32,
    /// How the attempt ended: `failed`, `lost`, `deferred`, `revoked`, or the state that a cleared
    /// instance had; absent for the current attempt, whose outcome is that of the instance.
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
    /// The worker that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<InstanceFailure>,
    /// The resources that it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Whether it has a log.
    pub has_log: bool,
}

/// A task of a run, with counts of its instances by state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskSummary {
    /// The task.
    pub task: String,
    /// Whether it is mapped.
    pub mapped: bool,
    /// The number of its instances; 1 if the task is not mapped or not expanded yet.
    pub instances: u64,
    /// Counts of its instances by state.
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
    /// The reasons, the decisive one first; empty if nothing holds it back.
    pub reasons: Vec<Reason>,
}

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// A stable name in snake case, such as `upstream_unfinished` or `pool_full`.
    pub code: String,
    /// A message for people.
    pub message: String,
    /// What to do about it; absent if nothing can be done.
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
