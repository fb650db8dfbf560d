//! What a deploy answers.

use serde::{Deserialize, Serialize};

/// What became of a file, DAG by DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Deployment {
    /// The file's SHA-256 digest: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// What the file is, such as `component with tasks`.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// Nothing was stored: it was only asked what would be.
    pub dry_run: bool,
    /// What it imports.
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
    /// As the document names it; empty for the deployed component itself.
    pub name: String,
    /// Its SHA-256 digest.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
}

/// What became of one DAG.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeployedDag {
    /// Its id.
    pub dag: String,
    /// What the deploy did, or would do.
    pub change: ChangeKind,
    /// The number of its version; absent where a dry run would make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The version that was active before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_version: Option<u32>,
    /// Whether runs made from now on use this version.
    pub active: bool,
    /// Whether the DAG is paused.
    pub paused: bool,
    /// Against the version that was active before.
    pub difference: Difference,
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
    /// The code differs, whatever the document says.
    pub code_changed: bool,
    /// Tasks that are new.
    pub tasks_added: Vec<String>,
    /// Tasks that are gone.
    pub tasks_removed: Vec<String>,
    /// Tasks whose definition differs.
    pub tasks_changed: Vec<ChangedTask>,
    /// The schedule, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<TextChange>,
    /// Other fields of the DAG that differ, by name.
    pub fields_changed: Vec<String>,
    /// What tasks ask for now and did not before.
    pub requests_gained: Vec<TaskRequest>,
    /// What tasks asked for before and don't now.
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

/// A text before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TextChange {
    /// Absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Absent where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// Something that a task asks to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TaskRequest {
    /// The task.
    pub task: String,
    /// What kind of thing.
    pub kind: RequestKind,
    /// What, as the document writes it.
    pub what: String,
}

/// What a task can ask for.
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
    /// A queue.
    Queue,
    /// A limit other than the default.
    Limit,
}
