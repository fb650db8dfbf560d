//! Runs as people see them: list, show, count.

use crate::{DagKey, Database, RunKind, StoreError, TaskSummary, VersionId};
use std::sync::Arc;
use weft_core::{
    id::{DagId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
    time::Timestamp,
};

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Its name.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// The row of its DAG.
    pub dag: DagKey,
    /// The name of its DAG.
    pub dag_id: DagId,
    /// Pinned when it was made.
    pub version: VersionId,
    /// That version's number.
    pub version_number: u32,
    /// What made it.
    pub kind: RunKind,
    /// Its state; `Pending` is queued.
    pub state: RunState,
    /// The date it is for.
    pub logical_date: Timestamp,
    /// Start and end of its data.
    pub interval: (Timestamp, Timestamp),
    /// A JSON object.
    pub params: Arc<str>,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it; none where the timetable did.
    pub created_by: Option<String>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How its instances stand; all zero while it is queued.
    pub counts: Counts,
    /// The W3C `traceparent` that it began under.
    pub trace: Option<Arc<str>>,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Whose.
    pub tenant: TenantId,
    /// Of which DAG; one that was deleted has none.
    pub dag: Option<DagId>,
    /// In which state.
    pub state: Option<RunState>,
    /// Where the page begins, and its order.
    pub from: RunCursor,
}

/// Where a page of runs begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RunCursor {
    /// The newest first.
    #[default]
    Newest,
    /// Those made before this one, the newest first.
    Before(RunId),
    /// Those made after this one, the oldest first.
    After(RunId),
}

/// How many runs of a tenant have not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ActiveRuns {
    /// Not started.
    pub queued: u32,
    /// Started.
    pub running: u32,
    /// There are more than [`MAX_COUNTED_RUNS`] of one of them: the number is that bound.
    pub capped: bool,
}

/// Where counting stops.
pub const MAX_COUNTED_RUNS: u32 = 10_000;

impl Database {
    /// Runs in the order of [`RunFilter::from`]; at most `limit`.
    pub async fn list_runs(
        &self,
        filter: &RunFilter,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        todo!()
    }

    /// One run.
    pub async fn show_run(
        &self,
        tenant: &TenantId,
        run: RunId,
    ) -> Result<Option<RunRow>, StoreError> {
        todo!()
    }

    /// The last `each` runs of each of these DAGs, the newest first; for the page that lists DAGs.
    pub async fn latest_runs(
        &self,
        tenant: &TenantId,
        dags: &[DagKey],
        each: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        todo!()
    }

    /// How many runs have not ended.
    pub async fn count_active_runs(&self, tenant: &TenantId) -> Result<ActiveRuns, StoreError> {
        todo!()
    }

    /// How the mapped tasks of a run stand, by task.
    pub async fn list_task_summaries(
        &self,
        tenant: &TenantId,
        run: RunId,
    ) -> Result<Vec<TaskSummary>, StoreError> {
        todo!()
    }
}
