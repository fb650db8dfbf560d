//! The document about its attempt that a guest reads by `context.attempt`.
//!
//! The shape is published as `wit/attempt.schema.json`. Fields may be added;
//! a guest must ignore the ones that it doesn't know.

use crate::{
    id::{DagId, TaskId},
    time::Timestamp,
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// The document that `context.attempt` returns.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptDocument {
    /// The isolated customer whose DAG this is; `default` where there is one only.
    pub tenant: String,
    /// The DAG.
    #[serde(serialize_with = "text")]
    pub dag: DagId,
    /// The run.
    pub run: String,
    /// The task.
    #[serde(serialize_with = "text")]
    pub task: TaskId,
    /// Which instance of a mapped task, from 0; null for any other task.
    pub map_index: Option<u64>,
    /// 1 for the first attempt of a task instance.
    pub number: u32,
    /// The date that the run is for, RFC 3339 in UTC.
    #[serde(serialize_with = "text")]
    pub logical_date: Timestamp,
    /// The span of data that the run is for.
    pub data_interval: DataInterval,
    /// The run's parameters, defaults filled in.
    pub params: Map<String, Value>,
    /// When the attempt will be killed, RFC 3339 in UTC.
    #[serde(serialize_with = "optional_text")]
    pub deadline: Option<Timestamp>,
    /// Equal over the retries of a task instance, new after it was cleared.
    pub idempotency_key: String,
    /// What woke a task that waited for more than a point in time, as
    /// [`Woken`](crate::wait::Woken) writes it; absent in any other attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub woken: Option<Value>,
}

/// From `start`, inclusive, to `end`, exclusive; both the logical date where a run has no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DataInterval {
    /// RFC 3339 in UTC.
    #[serde(serialize_with = "text")]
    pub start: Timestamp,
    /// RFC 3339 in UTC.
    #[serde(serialize_with = "text")]
    pub end: Timestamp,
}

impl AttemptDocument {
    /// The document as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("keys are texts and values are JSON already")
    }
}

fn text<T: std::fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[expect(clippy::ref_option, reason = "serde hands fields over by reference")]
fn optional_text<T: std::fmt::Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}
