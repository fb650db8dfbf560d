//! Runs, and what can be done to them.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A run of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// 13 characters; later runs compare greater.
    pub id: String,
    /// Of which DAG.
    pub dag: String,
    /// The version that it is pinned to.
    pub version: u32,
    /// What made it.
    pub kind: RunKind,
    /// Where it stands.
    pub state: RunState,
    /// The date that it is for.
    pub logical_date: Time,
    /// The span of data that it is for.
    pub data_interval: Interval,
    /// Its parameters, defaults filled in.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// Not started earlier: a run in the future waits for it.
    pub not_before: Time,
    /// When it was made.
    pub created: Time,
    /// Who made it: a token's name and number; absent where the timetable did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// How its task instances stand.
    pub counts: Counts,
    /// The W3C `traceparent` that it began under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What made a run.
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
}

/// Where a run stands.
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

/// A span of time, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// The first moment.
    pub start: Time,
    /// The first moment after it.
    pub end: Time,
}

/// How many task instances stand in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(
    missing_docs,
    reason = "each is the state of its name, told at InstanceState"
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

/// A run to be made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Its parameters by name; the others have their defaults.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// The date that it is for; now where absent. One in the past or the future is fine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logical_date: Option<Time>,
    /// Not started earlier; by default the logical date where that lies in the future, else now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Time>,
    /// The span of data that it is for; where absent both ends are the logical date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_interval: Option<Interval>,
    /// A version other than the active one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
}

/// Tasks to be run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Clear {
    /// At least one.
    #[cfg_attr(feature = "openapi", schema(min_items = 1))]
    pub tasks: Vec<String>,
    /// And everything downstream of them.
    #[serde(default)]
    pub downstream: bool,
}

/// A state to be given by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// The task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    #[serde(default)]
    pub index: u32,
    /// The state.
    pub state: MarkAs,
}

/// What an instance can be marked as.
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

/// A deferred instance that is to go on before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Wake {
    /// The task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    #[serde(default)]
    pub index: u32,
}

/// Something that is wanted done to a run. It is durable once this is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Command {
    /// Its number.
    pub id: i64,
    /// The run.
    pub run: String,
    /// What became of it.
    pub state: CommandState,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What became of a command.
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
