//! Approvals: what task instances ask people, and the answers.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApprovalState {
    /// The task waits for an answer.
    Waiting,
    /// Somebody answered.
    Decided,
    /// The wait ended without an answer: by its timeout, or since the task was cancelled, cleared,
    /// marked or woken.
    Over,
}

/// What a task instance asks people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Approval {
    /// Id of the run.
    pub run: String,
    /// The run's DAG.
    pub dag: String,
    /// The task that asks.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// The number of the attempt that asked.
    pub attempt: u32,
    /// What became of it.
    pub state: ApprovalState,
    /// The question in a line.
    pub subject: String,
    /// More of it, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What can be answered.
    pub options: Vec<String>,
    /// The answer where no one gives one until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The JSON Schema of an object to fill in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Value>,
    /// The names of the tokens that may answer; every token that may operate runs where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Whether the caller may answer.
    pub may_answer: bool,
    /// When it was asked.
    pub asked: Time,
    /// When the wait ends without an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ApprovalDecision>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApprovalDecision {
    /// The option that was chosen.
    pub option: String,
    /// Of who chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The form's values.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub fields: Map<String, Value>,
    /// When.
    pub at: Time,
    /// The name and number of the token.
    pub by: String,
    /// The command that brings the answer to the task.
    pub command: i64,
    /// Why the scheduler refused that, since the wait had ended otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// An answer to give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// One of the options.
    pub option: String,
    /// For the task and readers of the run, at most 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The form's values, which fit its schema.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub fields: Map<String, Value>,
}
