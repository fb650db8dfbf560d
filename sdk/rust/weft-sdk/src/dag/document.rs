//! The part of the DAG document (`weft.dag/1`) that the SDK writes, as JSON.
//!
//! It is written and never read here; what is absent is the installation's default.

use crate::asset::Condition;
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedules>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_assets: Option<Condition>,
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
    pub concurrency_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_runs_per_key: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active_tasks: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missed_deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_rule: Option<String>,
}

/// How many runs start within any span of a length.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(
    missing_docs,
    reason = "the fields are those of the published document, one to one"
)]
pub struct RateLimit {
    pub runs: Option<u32>,
    pub per: Option<String>,
}

/// Schedules of a DAG. A single one is a text in the document, unless it is a date.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Schedules(pub Vec<String>);

impl Serialize for Schedules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] if !is_date(one) => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

/// Whether a schedule is a date, such as "2026-12-24T06:00".
fn is_date(schedule: &str) -> bool {
    let year = schedule.trim().split_once('-').map(|(year, _)| year);
    year.is_some_and(|year| year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What `schedule` and `holidays` take: a text, or a list of them.
#[doc(hidden)]
#[diagnostic::on_unimplemented(message = "`{Self}` is no text, and no list of texts")]
pub trait Texts {
    /// The list.
    fn texts(self) -> Vec<String>;
}

impl Texts for &str {
    fn texts(self) -> Vec<String> {
        vec![self.into()]
    }
}

impl Texts for String {
    fn texts(self) -> Vec<String> {
        vec![self]
    }
}

impl<T: Into<String>> Texts for Vec<T> {
    fn texts(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>, const N: usize> Texts for [T; N] {
    fn texts(self) -> Vec<String> {
        self.map(Into::into).into()
    }
}

impl<T: Clone + Into<String>> Texts for &[T] {
    fn texts(self) -> Vec<String> {
        self.iter().cloned().map(Into::into).collect()
    }
}

impl<T: Clone + Into<String>> Texts for &Vec<T> {
    fn texts(self) -> Vec<String> {
        self.as_slice().texts()
    }
}

impl<T: Clone + Into<String>, const N: usize> Texts for &[T; N] {
    fn texts(self) -> Vec<String> {
        self.as_slice().texts()
    }
}

/// The settings of a `#[task]`, or of a call of it.
#[derive(Debug, Clone, Default, Serialize)]
#[allow(
    missing_docs,
    clippy::struct_excessive_bools,
    reason = "the fields are those of the published document, one to one"
)]
pub struct TaskSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_active: Option<u32>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub zip: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_rule: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub branch: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<String>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missed_deadline: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub depends_on_past: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wait_for_downstream: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub latest_only: bool,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outlets: Vec<String>,
}

impl TaskSettings {
    /// Whether other runs of the DAG decide when it runs, or whether it does.
    pub(super) fn depends_on_other_runs(&self) -> bool {
        self.depends_on_past || self.wait_for_downstream || self.latest_only
    }
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dags: Vec<String>,
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
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub(super) groups: Ordered<GroupBody>,
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

/// A mapped group.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GroupBody {
    pub(super) expand: Ordered<BindingBody>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) zip: bool,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) teardown_of: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) teardown_fails_run: bool,
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
    From(Source),
}

/// A binding that is more than the id of a task.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Source {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) param: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) element: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) each: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filter: Option<String>,
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
