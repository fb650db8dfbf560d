//! The answer to a deploy.

use serde::{Deserialize, Serialize};

/// The result of a deploy, for each DAG of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deployment {
    /// The file's SHA-256 digest: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What the file is, such as `component with tasks`.
    pub kind: String,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Whether this was a dry run, which stores nothing.
    pub dry_run: bool,
    /// The interfaces that it imports.
    pub imports: Vec<String>,
    /// The files inside it.
    pub files: Vec<DeploymentFile>,
    /// Its DAGs, in the author's order.
    pub dags: Vec<DeployedDag>,
}

/// A file inside a deployed one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentFile {
    /// Its name in the document; empty for the deployed component itself.
    pub name: String,
    /// Its SHA-256 digest.
    pub digest: String,
    /// Size of the inner file, in bytes.
    pub bytes: u64,
}

/// The result for one DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeployedDag {
    /// Id of the DAG, unique within a tenant.
    pub dag: String,
    /// What the deploy did, or would do in a dry run.
    pub change: ChangeKind,
    /// The number of its version; absent if a dry run would create one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The version that was active before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<u32>,
    /// Whether new runs use this version.
    pub active: bool,
    /// Whether the DAG is paused.
    pub paused: bool,
    /// The difference from the version that was active before.
    pub difference: Difference,
    /// Assets that are to create runs, and that no task of the file or of an active version updates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproduced: Vec<String>,
}

/// What a deploy did with a DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// There was no such DAG.
    Created,
    /// The active version is this one already.
    Unchanged,
    /// It has a new version.
    Changed,
}

/// How two versions of a DAG differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    /// Whether the code differs.
    pub code_changed: bool,
    /// Tasks that are new.
    pub tasks_added: Vec<String>,
    /// Tasks that are gone.
    pub tasks_removed: Vec<String>,
    /// Tasks whose definition differs.
    pub tasks_changed: Vec<ChangedTask>,
    /// The change of the schedule; absent if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<TextChange>,
    /// Other fields of the DAG that differ, by name.
    pub fields_changed: Vec<String>,
    /// Requests of tasks that are new.
    pub requests_gained: Vec<TaskRequest>,
    /// Requests of tasks that are gone.
    pub requests_lost: Vec<TaskRequest>,
}

/// A task whose definition differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangedTask {
    /// The task.
    pub task: String,
    /// The fields that differ, by their names in the document.
    pub fields: Vec<String>,
}

/// A changed text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextChange {
    /// The old text; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new text; absent if it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A grant that a task requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRequest {
    /// The task.
    pub task: String,
    /// The kind of the request.
    pub kind: RequestKind,
    /// The value, as in the document.
    pub what: String,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// A host for outgoing HTTP.
    Http,
    /// A variable.
    Variable,
    /// A connection.
    Connection,
    /// A DAG that it calls.
    Dag,
    /// A queue.
    Queue,
    /// A limit other than the default.
    Limit,
}
