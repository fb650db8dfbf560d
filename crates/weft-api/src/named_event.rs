//! Events that people and programs send to runs.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event that was sent to a run. It is durable once the response is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NamedEvent {
    /// Number of the event, unique within the installation.
    pub id: i64,
    /// The run.
    pub run: String,
    /// Its name.
    pub name: String,
    /// What was sent with it; null where nothing was.
    pub payload: Value,
    /// When it was sent.
    pub sent: Time,
    /// The name and number of the token that sent it.
    pub sent_by: String,
    /// The task instance that it wakes, or woke; absent while it is kept for the next one that waits
    /// for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<EventTaker>,
}

/// The task instance that an event wakes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventTaker {
    /// Id of the instance's task.
    pub task: String,
    /// Its map index; 0 if the task is not mapped.
    pub index: u32,
}
