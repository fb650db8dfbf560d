//! Failures, grouped by cause.

use crate::Time;
use serde::{Deserialize, Serialize};

/// The causes of failures since a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failures {
    /// The beginning of the first hour.
    pub since: Time,
    /// The causes, by their last failure, newest first.
    pub groups: Vec<FailureGroup>,
    /// There are more causes, or more failures than were read.
    pub truncated: bool,
}

/// Failures with one cause: the same code, and the same message apart from numbers, ids and what is quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureGroup {
    /// Names the cause: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The code of the failures.
    pub code: String,
    /// The message of the newest failure, at most 500 characters.
    pub message: String,
    /// How many attempts failed.
    pub attempts: u64,
    /// The first failure since.
    pub first: Time,
    /// The last failure.
    pub last: Time,
    /// When and where the cause was seen first of all, as far as it is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seen: Option<FirstSeen>,
    /// The tasks that failed, at most 20.
    pub tasks: Vec<FailedTask>,
    /// How many tasks failed.
    pub task_count: u32,
    /// The newest attempt that failed.
    pub newest: FailedAttempt,
    /// How many attempts failed in each hour from `since` on.
    pub hours: Vec<u64>,
}

/// When a cause was seen first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FirstSeen {
    /// When the first attempt with this cause ended.
    pub at: Time,
    /// Id of the DAG that failed first.
    pub dag: String,
    /// In which version of it.
    pub version: u32,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedTask {
    /// Id of the task's DAG.
    pub dag: String,
    /// Id of the task, unique within its DAG.
    pub task: String,
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailedAttempt {
    /// Id of the attempt's DAG.
    pub dag: String,
    /// Id of the attempt's run.
    pub run: String,
    /// Id of the attempt's task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
    /// Number of the attempt, from 1 on.
    pub attempt: u32,
}
