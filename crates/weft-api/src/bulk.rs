//! Actions on many runs, page by page.

use crate::{
    Time,
    run::{Clear, ClearedInstance, Command, Mark, RunKind, RunState},
};
use serde::{Deserialize, Serialize};

/// An action on all runs that a filter selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BulkAction {
    /// What is done to each of them.
    pub action: BulkKind,
    /// Which runs.
    pub filter: RunsFilter,
    /// What is cleared of each run; with `clear` alone. Its `past`, `future`, `cursor` and `dry_run`
    /// are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<Clear>,
    /// What is marked of each run; with `mark` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Mark>,
    /// Whether the runs that they called are cancelled as well; with `cancel` alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub called: bool,
    /// The cursor of this page of runs: `next` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Does nothing, and returns what would be done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
}

/// What an action does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum BulkKind {
    /// Cancels it.
    Cancel,
    /// Runs tasks or task instances again.
    Clear,
    /// Marks a task instance.
    Mark,
    /// Runs everything again that failed, could not run or was cancelled.
    Retry,
}

/// Which runs an action is for: at least one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunsFilter {
    /// Only those of this DAG.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dag: Option<String>,
    /// Only runs of versions with this tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Only runs of versions with this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Only those in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// Only runs of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RunKind>,
    /// Only runs created at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_from: Option<Time>,
    /// Only runs created before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_before: Option<Time>,
}

/// What an action did to one page of the runs that it is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkPage {
    /// How many runs of this page have their command; in a dry run: how many would get one.
    pub acted: u32,
    /// Their commands, each of which is durable; none in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<Command>,
    /// What would be cleared of each run (dry run of a clear).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<RunClearPreview>,
    /// The runs of this page that were left as they are, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedRun>,
    /// The cursor of the next page; absent after the last one. The same request with this cursor and
    /// the same `Idempotency-Key` goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A run that an action left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SkippedRun {
    /// The run.
    pub run: String,
    /// A stable name in snake case, such as `run_ended` or `nothing_failed`.
    pub code: String,
    /// A message for people.
    pub message: String,
}

/// What a clear would run again of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunClearPreview {
    /// The run.
    pub run: String,
    /// Its logical date.
    pub logical_date: Time,
    /// The tasks, upstreams first, with the number and the states of the instances that would run
    /// again.
    pub tasks: Vec<crate::TaskSummary>,
    /// The instances, at most 1,000; of mapped tasks those that an attempt was made of.
    pub instances: Vec<ClearedInstance>,
    /// The number of instances.
    pub total: u64,
}
