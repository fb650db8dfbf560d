//! The next dates of a DAG's schedule.

use crate::{Interval, Time};
use serde::{Deserialize, Serialize};

/// The next dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SchedulePreview {
    /// The schedule; absent if no run starts by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// The time zone of the local times.
    pub timezone: String,
    /// Whether the DAG is paused: no run starts by itself until it is not.
    pub paused: bool,
    /// The dates, in order.
    pub dates: Vec<ScheduledDate>,
}

/// A date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScheduledDate {
    /// The logical date of the run.
    pub logical_date: Time,
    /// The span of data that the run is for.
    pub data_interval: Interval,
    /// The logical date in the time zone, as `2026-11-25T06:00:00+01:00`.
    pub local: String,
}
