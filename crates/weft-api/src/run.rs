//! Runs, and what can be done to them.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A run of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// 13 characters. Ids of later runs sort after those of earlier ones.
    pub id: String,
    /// The DAG.
    pub dag: String,
    /// The version that it is pinned to.
    pub version: u32,
    /// How it was created.
    pub kind: RunKind,
    /// State of the run.
    pub state: RunState,
    /// Its logical date.
    pub logical_date: Time,
    /// Its data interval.
    pub data_interval: Interval,
    /// Its parameters, including defaults.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// The earliest start.
    pub not_before: Time,
    /// When it was created.
    pub created: Time,
    /// The name and number of the token that created it; absent for a scheduled run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Counts of its task instances by state.
    pub counts: Counts,
    /// The W3C `traceparent` of the request that triggered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Where the operator's tracing system shows that trace: in the answer to `GET /runs/{run}` alone, if the operator named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_url: Option<String>,
    /// By when it has to end: in the answer to `GET /runs/{run}` alone, if its version has a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Time>,
    /// Why no scheduler can continue it; absent where one can, and once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// The run whose task called it, if its kind is `called`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_by: Option<String>,
    /// Its key, if the active version of its DAG had a concurrency key when it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// What it waits for while it is queued: in the answer to `GET /runs/{run}` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// What a person wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<crate::Note>,
}

/// Runs that called each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunTree {
    /// By id, so that each caller comes before the runs that it called. The first one was called by
    /// none of the others.
    pub runs: Vec<TreeRun>,
    /// Whether there are more.
    pub truncated: bool,
}

/// A run of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TreeRun {
    /// Its id.
    pub id: String,
    /// The DAG.
    pub dag: String,
    /// How it was created.
    pub kind: RunKind,
    /// State of the run.
    pub state: RunState,
    /// When it was created.
    pub created: Time,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// Who called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_by: Option<CallerInstance>,
}

/// The task instance that called a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CallerInstance {
    /// Its run.
    pub run: String,
    /// Its task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    pub index: u32,
}

/// How a run was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// Somebody, or a program of theirs.
    Manual,
    /// The timetable.
    Scheduled,
    /// A backfill.
    Backfill,
    /// A task of another run.
    Called,
    /// Updates of assets.
    Assets,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Made, and not started: its time has not come, the DAG is paused, or as many as may run do.
    Queued,
    /// Some instance has not ended.
    Running,
    /// Every instance ended, and no leaf failed.
    Success,
    /// Every instance ended and a leaf failed, or it took too long.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
}

impl RunState {
    /// Whether only a clear makes it go on.
    pub const fn is_ended(self) -> bool {
        match self {
            Self::Success | Self::Failed | Self::Cancelled => true,
            Self::Queued | Self::Running => false,
        }
    }
}

/// A half-open interval of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The start, which is included.
    pub start: Time,
    /// The end, which is not included.
    pub end: Time,
}

/// Counts of task instances by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(
    missing_docs,
    reason = "each is the state of its name, described at InstanceState"
)]
pub struct Counts {
    pub waiting: u64,
    pub expanding: u64,
    pub ready: u64,
    pub queued: u64,
    pub running: u64,
    pub up_for_retry: u64,
    pub deferred: u64,
    pub success: u64,
    pub failed: u64,
    pub skipped: u64,
    pub upstream_failed: u64,
    pub cancelled: u64,
}

/// A request to trigger a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Parameters by name; the others have their defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// The logical date, which may be in the past or future; the current time if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_date: Option<Time>,
    /// The earliest start; by default a logical date in the future, else the current time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The data interval; if absent, both ends are the logical date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_interval: Option<Interval>,
    /// The number of a version; the active one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// What to clear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
pub struct Clear {
    /// At least one; none only with `only_failed`, for every task of the run.
    #[serde(default)]
    pub tasks: Vec<String>,
    /// Map indexes of the one task that is named, such as `3,7-9`: only these instances of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub indexes: Option<String>,
    /// Whether everything upstream of the tasks is cleared too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub upstream: bool,
    /// Whether everything downstream of the tasks is cleared too.
    #[serde(default)]
    pub downstream: bool,
    /// Of all these only the instances that failed, could not run since an upstream failed, or were
    /// cancelled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_failed: bool,
    /// Whether the same is cleared in the DAG's started runs with an earlier logical date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past: bool,
    /// Whether the same is cleared in the DAG's started runs with a later logical date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub future: bool,
    /// With `past` or `future`: the cursor of this page of runs, `others.next` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Clears nothing, and returns what would be cleared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What a clear would run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClearPreview {
    /// The tasks, upstreams first, with the number and the states of the instances that would run
    /// again.
    pub tasks: Vec<crate::TaskSummary>,
    /// The instances, at most 1,000; of mapped tasks those that an attempt was made of.
    pub instances: Vec<ClearedInstance>,
    /// The number of instances.
    pub total: u64,
    /// A page of the other runs; absent without `past` and `future`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<crate::BulkPage>,
}

/// The command of a clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClearCommand {
    /// The command of the run that was named.
    #[serde(flatten)]
    pub command: Command,
    /// What became of a page of the other runs; absent without `past` and `future`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others: Option<crate::BulkPage>,
}

/// An instance that would run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ClearedInstance {
    /// Id of the instance's task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// Its state now.
    pub state: crate::InstanceState,
}

/// A request to mark an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    #[serde(default)]
    pub index: u32,
    /// The state.
    pub state: MarkAs,
}

/// A state with which an instance can be marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MarkAs {
    /// As if it had succeeded, without an output.
    Success,
    /// As if it had failed for good.
    Failed,
    /// As if it had skipped itself.
    Skipped,
}

/// A request to resume a deferred instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Wake {
    /// The task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    #[serde(default)]
    pub index: u32,
}

/// A change of a run that a user requested. It is durable once the response is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Command {
    /// Number of the command, unique within the installation.
    pub id: i64,
    /// The run.
    pub run: String,
    /// State of the command.
    pub state: CommandState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// The state of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// The scheduler has not come to it.
    Accepted,
    /// It was carried out.
    Done,
    /// It did not fit the run's state.
    Refused,
}
