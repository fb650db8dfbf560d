//! The states of many runs at once, for pictures of a DAG's history: narrow rows, read through indexes.
//!
//! Cost follows what is asked for. Successes are what runs are made of and have no index, so of a run whose instances
//! all have rows the others are read, and what is left succeeded.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Statement, Value, args, statements},
    dialect::Dialect,
    encoding,
};
use std::{collections::HashMap, sync::Arc};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, InstanceTag, RunKind, StoreError, TaskSummary, Unreadable, VersionId};

macro_rules! brief {
    ($hint:literal) => {
        concat!(
            "SELECT r.id, r.version, v.number, r.kind, r.state, r.logical_date, r.created, r.not_before, r.started, \
             r.ended, r.counts FROM runs r",
            $hint,
            " CROSS JOIN versions v WHERE v.id = r.version AND r.tenant = $1 \
             AND r.dag = (SELECT key FROM dags WHERE tenant = $1 AND id = $2 AND deleted IS NULL) AND r.id < $3 \
             ORDER BY r.id DESC LIMIT $4"
        )
    };
}

/// The newest runs of a DAG. SQLite needs `INDEXED BY` as other lists of runs do.
const BRIEF_SQLITE: Statement = Statement::only(Dialect::Sqlite, brief!(" INDEXED BY runs_dag"));
const BRIEF_POSTGRES: Statement = Statement::only(Dialect::Postgres, brief!(""));
pub(crate) static PAGES: [Statement; 2] = [BRIEF_SQLITE, BRIEF_POSTGRES];

statements! {
    OF_TASK = "SELECT map_index, state FROM task_instances \
        WHERE run = $1 AND task = $2 AND map_index >= $3 AND map_index < $4 ORDER BY map_index";
    OF_TASK_BUT_SUCCESS = "SELECT map_index, state FROM task_instances \
        WHERE run = $1 AND task = $2 AND map_index >= $3 AND map_index < $4 AND state <> 10 ORDER BY map_index";
}

static BUT_SUCCESS: Bulk = Bulk::with(
    "WITH wanted (run) AS (VALUES ",
    &[Column::Int],
    ") SELECT i.run, i.task, i.state FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.state <> 10 AND i.map_index = 0",
);
static SUMMARIES: Bulk = Bulk::with(
    "WITH wanted (run) AS (VALUES ",
    &[Column::Int],
    ") SELECT t.run, t.task, t.instances, t.counts FROM wanted w CROSS JOIN run_tasks t WHERE t.run = w.run",
);
/// The limit is [`MAX_LATEST_BRIEF_RUNS`], since SQLite's can't come from a column.
static LATEST: Bulk = Bulk::with(
    "WITH wanted (tenant, dag) AS (VALUES ",
    &[Column::Text, Column::Int],
    ") SELECT r.dag, r.id, r.version, v.number, r.kind, r.state, r.logical_date, r.created, r.not_before, r.started, \
     r.ended, r.counts FROM wanted w CROSS JOIN runs r CROSS JOIN versions v \
     WHERE r.id IN (SELECT n.id FROM runs n WHERE n.dag = w.dag ORDER BY n.id DESC LIMIT 14) \
     AND r.tenant = w.tenant AND v.id = r.version",
);
pub(crate) static BULKS: &[&Bulk] = &[&BUT_SUCCESS, &SUMMARIES, &LATEST];

/// The most runs of each DAG that [`Database::latest_brief_runs`] gives.
pub const MAX_LATEST_BRIEF_RUNS: u32 = 14;

/// A run without what only its own page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct RunBrief {
    /// Id of the run.
    pub id: RunId,
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
    /// When it was made.
    pub created: Timestamp,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How many of its instances are in each state.
    pub counts: Counts,
}

impl RunBrief {
    /// Whether every instance has a row, so that those that aren't in another state succeeded.
    pub fn has_all_rows(&self) -> bool {
        self.state.is_ended()
            && self.counts.waiting == 0
            && self.counts.expanding == 0
            && self.counts.ready == 0
    }
}

impl Database {
    /// The runs of a DAG before `before`, the newest first; at most `limit`. One that can't be read is in its place
    /// between the others.
    pub async fn list_brief_runs(
        &self,
        tenant: &TenantId,
        dag: &DagId,
        before: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<Result<RunBrief, Unreadable<RunId>>>, StoreError> {
        let below = before.map_or(i64::MAX, RunId::as_i64);
        let statement = PAGES[self.backend().dialect() as usize];
        let values = args![tenant, dag, below, limit];
        let rows = self.backend().read(statement, values).await?;
        rows.into_iter()
            .map(|mut row| {
                let id = row.take()?;
                match brief(id, row) {
                    Err(StoreError::Corrupt(why)) => Ok(Err(Unreadable { key: id, why })),
                    read => read.map(Ok),
                }
            })
            .collect()
    }

    /// The last `each` runs (at most [`MAX_LATEST_BRIEF_RUNS`]) of each of these DAGs, the newest first. One that can't be
    /// read is left out.
    pub async fn latest_brief_runs(
        &self,
        tenant: &TenantId,
        dags: &[DagKey],
        each: u32,
    ) -> Result<HashMap<DagKey, Vec<RunBrief>>, StoreError> {
        let wanted = dags
            .iter()
            .flat_map(|dag| args![tenant, *dag])
            .collect::<Vec<_>>();
        let mut runs: HashMap<DagKey, Vec<RunBrief>> = HashMap::new();
        for mut row in self.backend().read_bulk(&LATEST, wanted).await? {
            let (dag, id) = (row.take()?, row.take()?);
            match brief(id, row) {
                Ok(run) => runs.entry(dag).or_default().push(run),
                Err(StoreError::Corrupt(_why)) => {}
                Err(error) => return Err(error),
            }
        }
        for latest in runs.values_mut() {
            latest.sort_by_key(|run| std::cmp::Reverse(run.id));
            latest.truncate(each as usize);
        }
        Ok(runs)
    }

    /// The first instances of tasks that have a row and did not succeed, of all these runs. A task that isn't mapped
    /// has no other.
    pub async fn list_states_but_success(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<(RunId, TaskIndex, InstanceTag)>, StoreError> {
        let wanted = runs.iter().map(|run| Value::from(*run)).collect();
        let rows = self.backend().read_bulk(&BUT_SUCCESS, wanted).await?;
        rows.into_iter()
            .map(|mut row| {
                let run = row.take()?;
                let task = TaskIndex(row.take()?);
                Ok((run, task, encoding::decode_instance_state(row.take()?)?))
            })
            .collect()
    }

    /// The counts of mapped tasks, of all these runs.
    pub async fn list_summaries_of_runs(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<TaskSummary>, StoreError> {
        let wanted = runs.iter().map(|run| Value::from(*run)).collect();
        let rows = self.backend().read_bulk(&SUMMARIES, wanted).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(TaskSummary {
                    run: row.take()?,
                    task: TaskIndex(row.take()?),
                    instances: row.take()?,
                    counts: encoding::decode_counts(Some(&row.take::<Arc<str>>()?))?,
                })
            })
            .collect()
    }

    /// The instances of one task in a range of map indexes that have rows, by map index; without those that succeeded
    /// where `but_success`.
    pub async fn list_states_of_mapped_task(
        &self,
        (run, task): (RunId, TaskIndex),
        indexes: std::ops::Range<u32>,
        but_success: bool,
    ) -> Result<Vec<(u32, InstanceTag)>, StoreError> {
        let statement = if but_success {
            OF_TASK_BUT_SUCCESS
        } else {
            OF_TASK
        };
        let values = args![run, task.0, indexes.start, indexes.end];
        let rows = self.backend().read(statement, values).await?;
        rows.into_iter()
            .map(|mut row| {
                let index = row.take()?;
                Ok((index, encoding::decode_instance_state(row.take()?)?))
            })
            .collect()
    }
}

/// The run with this id, whose other columns are left.
fn brief(id: RunId, mut row: Row) -> Result<RunBrief, StoreError> {
    Ok(RunBrief {
        id,
        version: row.take()?,
        version_number: row.take()?,
        kind: encoding::decode_run_kind(row.take()?)?,
        state: encoding::decode_run_state(row.take()?)?,
        logical_date: row.take()?,
        created: row.take()?,
        not_before: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        counts: encoding::decode_counts(row.take::<Option<Arc<str>>>()?.as_deref())?,
    })
}
