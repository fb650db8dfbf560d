//! Live updates, as server-sent events carry them.
//!
//! An event's name is `run` or `instance`, its data one of these as JSON. An
//! event called `resync` has no data: some were missed, read the lists again.

use crate::{Counts, InstanceState, RunState};
use serde::{Deserialize, Serialize};

/// A change of a run or a task instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A run.
    Run(RunChange),
    /// A task instance.
    Instance(InstanceChange),
}

/// A change of a run, or of its counts of task instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunChange {
    /// The run.
    pub run: String,
    /// The DAG.
    pub dag: String,
    /// Its state now.
    pub state: RunState,
    /// Counts of its task instances by state.
    pub counts: Counts,
}

/// A task instance changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceChange {
    /// The run.
    pub run: String,
    /// The task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// The number of its last attempt; 0 if there was none.
    pub attempt: u32,
    /// Its state now.
    pub state: InstanceState,
    /// The worker of that attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}
