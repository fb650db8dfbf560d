//! The DAG document, `weft.dag/1`: its types, its parser and its validation.
//!
//! One schema and one parser serve what a component's `describe` returns
//! (JSON) and a hand-written `dag.toml`.

use crate::{
    grant::GrantRequest,
    id::{DagId, TaskId},
    limit::LimitRequest,
    time::DurationMs,
    trigger_rule::TriggerRule,
};
use serde_json::Value;

/// A whole document: one or more DAGs, all valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// In the author's order.
    pub dags: Vec<Dag>,
}

/// One DAG, validated: every reference resolves and there is no cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Dag {
    pub id: DagId,
    pub description: Option<String>,
    pub tags: Vec<String>,
    /// Cron text, interval or preset, checked where timetables are read.
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    pub start: Option<String>,
    pub end: Option<String>,
    pub catchup: Option<bool>,
    pub max_active_runs: Option<u32>,
    pub max_active_tasks: Option<u32>,
    /// The longest a run may take.
    pub timeout: Option<DurationMs>,
    pub params: Vec<Param>,
    /// In the author's order; [`TaskIndex`] points into it.
    pub tasks: Vec<Task>,
}

/// The position of a task in [`Dag::tasks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskIndex(pub u32);

/// A parameter of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    pub name: String,
    pub description: Option<String>,
    /// A JSON Schema that a given value must satisfy.
    pub schema: Option<Value>,
    /// Without a default the parameter must be given.
    pub default: Option<Value>,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    pub id: TaskId,
    pub description: Option<String>,
    pub code: Code,
    /// By parameter name.
    pub inputs: Vec<(String, Binding)>,
    /// Dynamic mapping: parameters whose binding is a list; one instance for
    /// each element, for several parameters for each combination (the last varies fastest).
    pub expand: Vec<(String, Binding)>,
    /// How many instances of a mapped task run at once.
    pub max_active: Option<u32>,
    /// Every upstream, by data (`inputs`, `expand`) or by order (`after`), sorted, once each.
    pub upstreams: Vec<TaskIndex>,
    pub trigger_rule: TriggerRule,
    /// Whether an attempt chooses among the direct downstreams.
    pub branch: bool,
    pub retries: Option<u32>,
    pub retry_delay: Option<DurationMs>,
    pub retry_backoff: Option<f64>,
    pub retry_max_delay: Option<DurationMs>,
    pub retry_jitter: Option<f64>,
    /// The longest an attempt may take.
    pub timeout: Option<DurationMs>,
    pub limits: LimitRequest,
    pub grants: GrantRequest,
    pub queue: Option<String>,
    pub pool: Option<String>,
    pub pool_slots: Option<u32>,
    /// Higher goes first among ready tasks.
    pub priority: Option<i32>,
    pub deterministic: bool,
    /// JSON Schemas of the inputs by name, where known.
    pub input_schemas: Vec<(String, Value)>,
    /// The JSON Schema of the output, where known.
    pub output_schema: Option<Value>,
}

/// What an attempt of a task executes.
#[derive(Debug, Clone, PartialEq)]
pub enum Code {
    /// A task of the component whose `describe` returned this document.
    Own { task: String },
    /// A task of another component, by file name (in a manifest) or name in the container.
    Component { file: String, task: String },
    /// A WASI program.
    Program(Program),
}

/// A WASI program as a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub file: String,
    /// May hold `{{ inputs.x }}`, `{{ params.x }}`.
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub output: OutputFormat,
    /// Exit codes that fail the task with no retry.
    pub fail_on_exit: Vec<u8>,
    /// Exit codes that skip the task.
    pub skip_on_exit: Vec<u8>,
}

/// How a program's standard output becomes the task's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// Standard output is one JSON document.
    #[default]
    Json,
    /// Standard output is a string.
    Text,
}

/// Where an input comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Binding {
    /// The output of an upstream task; of a mapped one, the list of its
    /// instances' outputs in order, without the skipped ones. `pointer` (RFC 6901) picks a part.
    Output { task: TaskIndex, pointer: Option<String> },
    /// A parameter of the run.
    Param { name: String, pointer: Option<String> },
    /// A constant.
    Literal(Value),
}
