//! Runs over a range of past or future dates.

use crate::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A range of dates to make runs for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewBackfill {
    /// The first logical date.
    pub from: Time,
    /// The first date that is not made any more.
    pub to: Time,
    /// Parameters of every run.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub params: Map<String, Value>,
    /// Nothing is made: only told what would be.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a backfill made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Backfill {
    /// Of which DAG.
    pub dag: String,
    /// The version of its runs.
    pub version: u32,
    /// Nothing was made.
    pub dry_run: bool,
    /// The logical dates of the range.
    pub dates: Vec<Time>,
    /// The runs that were made, in the order of their dates.
    pub runs: Vec<String>,
    /// Dates that have a scheduled run or a backfill already, and were left out.
    pub existing: Vec<Time>,
}
