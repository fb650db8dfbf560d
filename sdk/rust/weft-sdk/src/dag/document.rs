//! The part of the DAG document (`weft.dag/1`) that the SDK writes, as JSON.
//!
//! It is written and never read here; what is absent is the installation's default.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

/// The settings of a `#[dag]`.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of the published document, one to one"
)]
pub struct DagSettings {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub catchup: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_runs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
}

/// The settings of a `#[task]`, or of a call of it.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of the published document, one to one"
)]
pub struct TaskSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_rule: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub branch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_backoff: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_max_delay: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_jitter: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deterministic: bool,
    #[serde(skip_serializing_if = "Grants::is_empty")]
    pub grants: Grants,
    #[serde(skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool_slots: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
}

/// The grants that a task requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of the published document, one to one"
)]
pub struct Grants {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<String>,
}

impl Grants {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The limits that a task requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of the published document, one to one"
)]
pub struct Limits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
}

impl Limits {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) contract: &'static str,
    pub(super) dags: &'a [DagBody],
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct DagBody {
    #[serde(flatten)]
    pub(super) settings: DagSettings,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) params: Ordered<ParamBody>,
    pub(super) tasks: Ordered<TaskBody>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct ParamBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) schema: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) default: Option<Value>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct TaskBody {
    /// Absent where it is the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<&'static str>,
    #[serde(flatten)]
    pub(super) settings: TaskSettings,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) inputs: Ordered<BindingBody>,
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) expand: Ordered<BindingBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) after: Vec<String>,
    pub(super) types: Types,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Types {
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) inputs: Ordered<Value>,
    pub(super) output: Value,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum BindingBody {
    Whole(String),
    Part { task: String, pointer: String },
    Param { param: String },
    Value { value: Value },
}

/// A JSON object whose keys keep their order.
#[derive(Debug, Clone)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Ordered<T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
