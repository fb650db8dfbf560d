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
    /// The most runs that are created; all dates of the range if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub limit: Option<u32>,
    /// With a limit: whether the earliest or the latest dates without a run get one.
    #[serde(default, skip_serializing_if = "BackfillOrder::is_oldest")]
    pub order: BackfillOrder,
    /// Creates no runs, and returns the runs that would be created.
    #[serde(default)]
    pub dry_run: bool,
}

/// Which dates of a backfill come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BackfillOrder {
    /// The earliest.
    #[default]
    Oldest,
    /// The latest.
    Newest,
}

impl BackfillOrder {
    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde hands out references"
    )]
    const fn is_oldest(&self) -> bool {
        matches!(self, Self::Oldest)
    }
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
    /// The logical dates of `runs`; in a dry run those of the runs that would be created.
    #[serde(default)]
    pub run_dates: Vec<Time>,
    /// Dates that already have a scheduled or backfilled run, and were left out.
    pub existing: Vec<Time>,
}
