//! DAGs and their versions.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A DAG, as in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Dag {
    /// Name of the DAG, unique within a tenant.
    pub id: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tags for searching.
    pub tags: Vec<String>,
    /// The people or teams that it belongs to; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// No run starts while it is paused.
    pub paused: bool,
    /// Nothing of its runs is dispatched, until it is unpaused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The number of the active version; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The digest of the file that contains the active version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// As the author wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The time zone of the schedule; UTC if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// When the next scheduled run is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<Time>,
    /// When it was first deployed.
    pub created: Time,
    /// When it was last deployed, activated, paused or unpaused.
    pub updated: Time,
    /// Its last runs, newest first; only in lists that ask for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recent: Option<Vec<crate::RunBrief>>,
}

/// A DAG with the details of its active version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DagDetail {
    /// The fields that lists show.
    #[serde(flatten)]
    pub dag: Dag,
    /// Parameters of a run.
    pub params: Vec<ParamDetail>,
    /// Tasks, in the author's order.
    pub tasks: Vec<DagTask>,
    /// Edges between tasks.
    pub edges: Vec<Edge>,
    /// The most runs that are active at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_runs: Option<u32>,
    /// The most task instances that run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    /// The template of its runs' keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_key: Option<String>,
    /// The most runs of one key that are active at the same time; absent if its runs have no key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_active_runs_per_key: Option<u32>,
    /// How many runs start: of each key, or of the DAG if its runs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether missed runs are created later (catchup); the installation's default if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catchup: Option<bool>,
    /// By when each run has to end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DeadlineOf>,
    /// Suspects: tasks of any version that may have crashed workers; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<Suspect>,
}

/// How many runs start within any span of a length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RateLimit {
    /// The most runs.
    pub runs: u32,
    /// The length, such as `1m`.
    pub per: String,
}

/// A suspect: a task that may have crashed workers, and of which no attempt has ended by itself
/// since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// The task.
    pub task: String,
    /// The digest of the file that it runs.
    pub digest: String,
    /// Whether it is in quarantine: it is not dispatched until the quarantine is lifted or another
    /// version is deployed.
    pub quarantined: bool,
    /// The crashes of workers, the earliest first.
    pub deaths: Vec<Death>,
}

/// A crash of a worker whose only suspect was this task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Death {
    /// The worker.
    pub worker: String,
    /// When the worker reported the crash, after its restart.
    pub at: Time,
    /// The run.
    pub run: String,
    /// The instance's map index; 0 if the task is not mapped.
    pub map_index: u32,
    /// The attempt.
    pub attempt: u32,
}

/// A parameter of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ParamDetail {
    /// Name of the parameter, unique within the DAG.
    pub name: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// A JSON Schema that a value must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Its default; a parameter without one is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// Whether it is required.
    pub required: bool,
}

/// A task of a DAG.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DagTask {
    /// Id of the task, unique within the DAG.
    pub id: String,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The file that it runs, as the document names it; absent if it is the deployed component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The trigger rule: how its upstreams must have ended. That of teardowns is `all_done_setup_success`.
    pub trigger_rule: String,
    /// Where it is a teardown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teardown: Option<TeardownOf>,
    /// What it requires of other runs: `depends_on_past`, `wait_for_downstream`, `latest_only`; absent if nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// By when it has to end in each run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<DeadlineOf>,
    /// Whether it is mapped over a list.
    pub mapped: bool,
    /// The group that it is mapped with; absent if it is mapped by itself, or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapped_group: Option<String>,
    /// The variables that it asks to read; absent if none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    /// Whether it is a branch, which chooses among its downstreams.
    pub branch: bool,
    /// How many attempts may follow the first one.
    pub retries: u32,
    /// The queue of the workers that run it.
    pub queue: String,
    /// The pool whose slots it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// What makes a task a teardown: it undoes what others made, whatever happened in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TeardownOf {
    /// The tasks whose work it undoes. Without any it runs in any case.
    pub setups: Vec<String>,
    /// Whether the run fails with it.
    pub fails_run: bool,
}

/// A deadline: it counts from when the run was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadlineOf {
    /// How long after that, such as `2h`.
    pub after: String,
    /// Whether what misses it is stopped.
    pub stops: bool,
}

/// An edge between two tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edge {
    /// The upstream task.
    pub from: String,
    /// The downstream task.
    pub to: String,
}

/// A change of a DAG; absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DagChange {
    /// Whether it is paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Whether the runs of a paused DAG are held: running attempts finish, and nothing else of them is
    /// dispatched until the DAG is unpaused. Without it runs go on to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<bool>,
    /// `false` lifts the quarantine of its tasks and clears their suspicions. Tasks can't be
    /// quarantined by a request: `true` is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<bool>,
}

/// A version of a DAG, as in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// Counts from 1 within the DAG.
    pub number: u32,
    /// The digest of the file that contains it.
    pub digest: String,
    /// Whether new runs use it.
    pub active: bool,
    /// When it was deployed.
    pub created: Time,
    /// The name and number of the token that deployed it.
    pub created_by: String,
}

/// A version with its document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionDetail {
    /// The fields that lists show.
    #[serde(flatten)]
    pub version: Version,
    /// The `weft.dag/1` document of this DAG alone.
    pub document: Value,
    /// The files of its tasks.
    pub files: Vec<crate::DeploymentFile>,
}

/// The version to activate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// The number of the version.
    pub version: u32,
}

/// How a version that can't be read is repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RepairVersion {
    /// The number of the version that its runs, and new ones, use from now on. Without it the
    /// version is dropped: its runs that can't go on end as failed, and no new ones are created.
    #[serde(default)]
    pub replacement: Option<u32>,
}

/// The result of a repair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RepairedVersion {
    /// The ids of its runs that had not ended: they go on with the replacement, or end as failed if they can't go on.
    pub runs: Vec<String>,
    /// The DAG after the change.
    pub dag: Dag,
}

/// The result of a rollback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rollback {
    /// The version that was active.
    pub from: u32,
    /// The version that is active now: the one deployed before it.
    pub to: u32,
    /// The DAG after the change.
    pub dag: Dag,
}
