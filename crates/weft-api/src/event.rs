//! Live updates, as server-sent events carry them.
//!
//! An event's name is `run` or `instance`, its data one of these as JSON. An
//! event called `resync` has no data: some were missed, read the lists again.

use crate::{Counts, InstanceState, RunState};
use serde::{Deserialize, Serialize};

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A run.
    Run(RunChange),
    /// A task instance.
    Instance(InstanceChange),
}

/// A run changed, or how its instances stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunChange {
    /// Which run.
    pub run: String,
    /// Of which DAG.
    pub dag: String,
    /// Its state now.
    pub state: RunState,
    /// How its instances stand.
    pub counts: Counts,
}

/// A task instance changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct InstanceChange {
    /// Of which run.
    pub run: String,
    /// Of which task.
    pub task: String,
    /// Its map index; 0 of a task that isn't mapped.
    pub index: u32,
    /// The number of its last attempt; 0 where there was none.
    pub attempt: u32,
    /// Its state now.
    pub state: InstanceState,
    /// Who runs or ran that attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}
