//! Pictures of a DAG's history: the grid of runs by tasks, durations, and a run's attempts.
//!
//! States in `cells` are numbers, since there are many of them. They are in pairs of a code and a length: `[8, 3, 9, 1]` is
//! three successes and a failure. The codes: 0 absent (the task is not in the run's version), 1 waiting, 2 expanding, 3
//! ready, 4 queued, 5 running, 6 `up_for_retry`, 7 deferred, 8 success, 9 failed, 10 skipped, 11 `upstream_failed`, 12
//! cancelled.

use crate::{Counts, RunKind, RunState, Time};
use serde::{Deserialize, Serialize};

/// Some runs of a DAG with the states of their tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Grid {
    /// Names the list of rows. With the same name as `rows_id` in the request the rows are left out.
    pub rows_id: String,
    /// The tasks of all versions of these runs, upstreams first; absent if the request named them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<GridRow>>,
    /// The runs, newest first.
    pub runs: Vec<GridRun>,
    /// The cursor of older runs; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Runs that can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<crate::UnreadableItem>,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridRow {
    /// Id of the task, unique within the DAG.
    pub task: String,
    /// Its group: the id up to the last dot; absent if it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether it is mapped in the newest version that has it.
    pub mapped: bool,
}

/// A run with the states of its tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridRun {
    /// The run.
    #[serde(flatten)]
    pub run: RunBrief,
    /// Its instances by state.
    pub counts: Counts,
    /// For each row a state, as pairs of code and length. Of a mapped task it is the worst state of its instances.
    pub cells: Vec<u32>,
    /// Its mapped tasks whose number of instances is known.
    pub mapped: Vec<GridMapped>,
}

/// What lists of runs show of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunBrief {
    /// Id of the run: 13 characters.
    pub id: String,
    /// The version that it is pinned to.
    pub version: u32,
    /// What created it.
    pub kind: RunKind,
    /// State of the run.
    pub state: RunState,
    /// The date that it is for.
    pub logical_date: Time,
    /// When it was created.
    pub created: Time,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Time>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Time>,
    /// From its start to its end, in milliseconds; absent until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A mapped task of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridMapped {
    /// The position of its row.
    pub row: u32,
    /// How many instances it has.
    pub instances: u32,
    /// How many are in each state, in the order of the codes from 1 to 12.
    pub counts: Vec<u64>,
}

/// The states of a mapped task's instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cells {
    /// How many instances the task has.
    pub instances: u32,
    /// The map index of the first state.
    pub from: u32,
    /// The states, as pairs of code and length.
    pub cells: Vec<u32>,
}

/// An attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunAttempt {
    /// Id of the attempt's task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// Its number, from 1 on.
    pub number: u32,
    /// How it ended: `failed`, `lost`, `deferred`, `revoked`, or the state of its instance when it was cleared. Of the last
    /// attempt: the state of its instance.
    pub state: String,
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
}

/// How long the last runs of a DAG took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Durations {
    /// The runs, newest first.
    pub runs: Vec<RunDuration>,
    /// The tasks of these runs that are not mapped, if they were asked for.
    pub tasks: Vec<TaskDurations>,
}

/// How long a run took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunDuration {
    /// The run.
    #[serde(flatten)]
    pub run: RunBrief,
    /// How long it was queued after it could have started, in milliseconds; absent until it has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
}

/// How long a task took in each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskDurations {
    /// The task.
    pub task: String,
    /// The last attempt's duration in milliseconds, for each run in their order; null where it did not run.
    pub durations_ms: Vec<Option<u64>>,
}
