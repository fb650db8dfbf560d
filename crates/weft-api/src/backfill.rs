//! Runs over a range of past or future dates.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A request for a backfill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBackfill {
    /// The first logical date.
    pub from: Time,
    /// The end of the range, which is not included.
    pub to: Time,
    /// Parameters of every run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// Creates no runs, and returns the runs that would be created.
    #[serde(default)]
    pub dry_run: bool,
}

/// The result of a backfill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backfill {
    /// The DAG.
    pub dag: String,
    /// The version of its runs.
    pub version: u32,
    /// No run was created.
    pub dry_run: bool,
    /// The logical dates of the range.
    pub dates: Vec<Time>,
    /// The created runs, in the order of their dates.
    pub runs: Vec<String>,
    /// Dates that already have a scheduled or backfilled run, and were left out.
    pub existing: Vec<Time>,
}
