//! DAGs and their versions.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A DAG as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dag {
    /// Its name.
    pub id: String,
    /// Shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// For finding it.
    pub tags: Vec<String>,
    /// No run starts while it is paused.
    pub paused: bool,
    /// The number of the active version; absent while none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The digest of the file that the active version came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// As the author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// In which the schedule is read; UTC where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// When the next scheduled run is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Time>,
    /// When it was first deployed.
    pub created: Time,
    /// When it was deployed, activated, paused or unpaused last.
    pub updated: Time,
}

/// A DAG with all that its active version says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DagDetail {
    /// As lists show it.
    #[serde(flatten)]
    pub dag: Dag,
    /// Parameters of a run.
    pub params: Vec<ParamDetail>,
    /// Tasks, in the author's order.
    pub tasks: Vec<DagTask>,
    /// Edges between tasks.
    pub edges: Vec<Edge>,
    /// How many runs go on at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_runs: Option<u32>,
    /// How many task instances run at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    /// Whether missed runs are made up for; the installation's default where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catchup: Option<bool>,
    /// Tasks that workers died of, of any version; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
}

/// A task that workers died of, none of whose attempts has ended by itself since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// The task.
    pub task: String,
    /// The digest of the file that it runs.
    pub digest: String,
    /// Nothing of it runs until that is lifted, or another version is deployed.
    pub quarantined: bool,
    /// Which workers died, the first one first.
    pub deaths: Vec<Death>,
}

/// A worker that died while it ran a task that nothing else was suspected beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Death {
    /// The worker.
    pub worker: String,
    /// When it told, after it was started again.
    pub at: Time,
    /// The run.
    pub run: String,
    /// The instance's map index; 0 of a task that isn't mapped.
    pub map_index: u32,
    /// The attempt.
    pub attempt: u32,
}

/// A parameter of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParamDetail {
    /// Its name.
    pub name: String,
    /// Shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON Schema that a value must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Without a default the parameter must be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether a run must give it.
    pub required: bool,
}

/// A task of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DagTask {
    /// Its name.
    pub id: String,
    /// Shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The file it runs, as the document names it; absent where it is the deployed component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How its upstreams must have ended.
    pub trigger_rule: String,
    /// Whether it is mapped over a list.
    pub mapped: bool,
    /// Whether it chooses among its downstreams.
    pub branch: bool,
    /// Attempts beyond the first.
    pub retries: u32,
    /// Which workers run it.
    pub queue: String,
    /// Whose slots it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// An edge between two tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// The task that goes first.
    pub from: String,
    /// The task that waits for it.
    pub to: String,
}

/// What to change about a DAG; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DagChange {
    /// Whether it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// `false` lets tasks in quarantine run again, and forgets what they are suspected of.
    /// Nobody puts a task there by hand: `true` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<bool>,
}

/// A version of a DAG as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// Counts from 1 within the DAG.
    pub number: u32,
    /// The digest of the file it came in.
    pub digest: String,
    /// Whether new runs use it.
    pub active: bool,
    /// When it was deployed.
    pub created: Time,
    /// Who deployed it: a token's name and number.
    pub created_by: String,
}

/// A version with its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionDetail {
    /// As lists show it.
    #[serde(flatten)]
    pub version: Version,
    /// The `weft.dag/1` document of this DAG alone.
    pub document: Value,
    /// The files of its tasks.
    pub files: Vec<crate::DeploymentFile>,
}

/// Which version to activate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// Its number.
    pub version: u32,
}

/// What a rollback did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollback {
    /// The version that was active.
    pub from: u32,
    /// The version that is active now: the one deployed before it.
    pub to: u32,
    /// The DAG as it stands now.
    pub dag: Dag,
}
