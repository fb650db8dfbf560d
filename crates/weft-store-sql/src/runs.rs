//! Runs as people see them: list, show, count.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Statement, Value, args, statements},
    dialect::Dialect,
    encoding,
    notes::{Note, decode_note},
};
use std::{collections::HashMap, sync::Arc};
use weft_core::{
    document::TaskIndex,
    id::{DagId, TenantId},
    run::{Counts, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, RunKind, StoreError, TaskSummary, Unreadable, VersionId};

macro_rules! columns {
    () => {
        "r.id, r.tenant, r.dag, d.id, r.version, v.number, r.kind, r.state, r.logical_date, r.interval_start, \
         r.interval_end, r.params, r.not_before, r.created, r.created_by, r.started, r.ended, r.counts, r.trace, \
         (SELECT h.why FROM held_runs h WHERE h.run = r.id), r.caller, \
         (SELECT n.body FROM notes n WHERE n.run = r.id AND n.task = -1 AND n.map_index = 0), r.concurrency_key"
    };
}

/// The crossed joins make SQLite begin with the runs, whose index is the order.
macro_rules! list {
    ($($which:literal),+) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM runs r CROSS JOIN dags d CROSS JOIN versions v \
             WHERE d.key = r.dag AND v.id = r.version AND r.tenant = $1 AND ",
            $($which),+
        )
    };
}

/// A page of runs with ids between $2 and $3, both exclusive; further values from $5 on. SQLite
/// needs `INDEXED BY`: without statistics of how rows are spread it takes a range of ids for so
/// selective that it leaves the state or the kind to be filtered, through all of history.
macro_rules! page {
    ($index:literal $order:literal $($which:literal)*) => {
        [
            Statement::only(Dialect::Sqlite, page!(@[" INDEXED BY " $index] $order $($which)*)),
            Statement::only(Dialect::Postgres, page!(@[] $order $($which)*)),
        ]
    };
    (@[$($hint:literal)*] $order:literal $($which:literal)*) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM runs r",
            $($hint,)*
            " CROSS JOIN dags d CROSS JOIN versions v \
             WHERE d.key = r.dag AND v.id = r.version AND r.tenant = $1 AND ",
            $($which,)*
            "r.id > $2 AND r.id < $3 ORDER BY r.id",
            $order,
            " LIMIT $4"
        )
    };
}

/// The newest first, and the oldest first.
macro_rules! pages {
    ($index:literal $($which:literal)*) => {
        [page!($index " DESC" $($which)*), page!($index "" $($which)*)]
    };
}

macro_rules! pages_of_dag {
    ($index:literal $($which:literal)*) => {
        pages!(
            $index
            "r.dag = (SELECT key FROM dags WHERE tenant = $1 AND id = $5 AND deleted IS NULL) AND "
            $($which)*
        )
    };
}

/// By filter (see [`page_of`]), order, dialect.
pub(crate) static PAGES: [[[Statement; 2]; 2]; 8] = [
    pages!("runs_tenant"),
    pages!("runs_tenant_kind" "r.kind = $5 AND "),
    pages!("runs_tenant_state" "r.state = $5 AND "),
    pages!("runs_tenant_state_kind" "r.state = $5 AND r.kind = $6 AND "),
    pages_of_dag!("runs_dag"),
    pages_of_dag!("runs_dag_kind" "r.kind = $6 AND "),
    pages_of_dag!("runs_dag_state" "r.state = $6 AND "),
    pages_of_dag!("runs_dag_state_kind" "r.state = $6 AND r.kind = $7 AND "),
];

/// The statement for what is filtered by.
fn page_of(filter: &RunFilter, newest_first: bool, dialect: Dialect) -> Statement {
    let of = usize::from(filter.kind.is_some())
        + 2 * usize::from(filter.state.is_some())
        + 4 * usize::from(filter.dag.is_some());
    PAGES[of][usize::from(!newest_first)][dialect as usize]
}

statements! {
    SHOW = list!("r.id = $2");
    COUNT = "SELECT count(*) FROM \
        (SELECT 1 AS one FROM runs WHERE tenant = $1 AND state = $2 LIMIT $3) AS counted";
    /// $2 the DAG, $3 and $4 the dates between which runs are, $5 one that they are not of, $6 and $7
    /// date and run after which the page begins, $8 how many.
    BY_DATE = concat!(
        "SELECT ",
        columns!(),
        " FROM runs r CROSS JOIN dags d CROSS JOIN versions v \
         WHERE d.key = r.dag AND v.id = r.version AND r.tenant = $1 AND r.dag = $2 AND r.logical_date > $3 \
         AND r.logical_date < $4 AND r.logical_date <> $5 AND r.state <> 1 AND (r.logical_date, r.id) > ($6, $7) \
         ORDER BY r.logical_date, r.id LIMIT $8"
    );
    /// How many active runs a DAG has, and how many of them have a key.
    ACTIVE_OF_KEY = "SELECT count(*), COALESCE(SUM(CASE WHEN concurrency_key = $2 THEN 1 ELSE 0 END), 0) \
        FROM runs WHERE dag = $1 AND state = 2";
    /// How many runs of a DAG with a key started after $3, and when the first of them did.
    STARTS_OF_KEY = "SELECT count(*), min(started) FROM runs \
        WHERE dag = $1 AND concurrency_key = $2 AND started > $3 AND concurrency_key IS NOT NULL AND started IS NOT NULL";
    SUMMARIES = "SELECT t.task, t.instances, t.counts FROM runs r CROSS JOIN run_tasks t \
        WHERE r.tenant = $1 AND r.id = $2 AND t.run = r.id ORDER BY t.task";
}

/// The limit is [`MAX_LATEST_RUNS`], since SQLite's can't come from a column.
static LATEST: Bulk = Bulk::with(
    "WITH wanted (tenant, dag) AS (VALUES ",
    &[Column::Text, Column::Int],
    concat!(
        ") SELECT ",
        columns!(),
        " FROM wanted w CROSS JOIN runs r CROSS JOIN dags d CROSS JOIN versions v \
         WHERE r.id IN (SELECT n.id FROM runs n WHERE n.dag = w.dag ORDER BY n.id DESC LIMIT 25) \
         AND r.tenant = w.tenant AND d.key = r.dag AND v.id = r.version"
    ),
);
pub(crate) static BULKS: &[&Bulk] = &[&LATEST];

/// The most runs of each DAG that [`Database::latest_runs`] gives.
pub const MAX_LATEST_RUNS: u32 = 25;

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// Id of the run.
    pub id: RunId,
    /// Tenant that owns the run.
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
    /// How many of its instances are in each state; all zero while it is queued.
    pub counts: Counts,
    /// The W3C `traceparent` that it began under.
    pub trace: Option<Arc<str>>,
    /// Why no scheduler can continue it, where that is so.
    pub held: Option<Arc<str>>,
    /// The run whose task called it.
    pub caller: Option<RunId>,
    /// What people wrote about it.
    pub note: Option<Note>,
    /// What it counts by, if its DAG bounds runs by key; empty if the DAG counts as a whole.
    pub concurrency_key: Option<Arc<str>>,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Tenant whose runs are listed.
    pub tenant: TenantId,
    /// Of which DAG; one that was deleted has none.
    pub dag: Option<DagId>,
    /// Only runs in this state.
    pub state: Option<RunState>,
    /// What made them.
    pub kind: Option<RunKind>,
    /// Made at this time or later.
    pub created_from: Option<Timestamp>,
    /// Made before this time.
    pub created_before: Option<Timestamp>,
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

/// Which other runs of a DAG, by logical date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherDates {
    /// Before the date of a run.
    Earlier,
    /// After it.
    Later,
    /// Both.
    All,
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
    /// Runs in the order of [`RunFilter::from`]; at most `limit`. One that can't be read is in its
    /// place between the others.
    pub async fn list_runs(
        &self,
        filter: &RunFilter,
        limit: u32,
    ) -> Result<Vec<Result<RunRow, Unreadable<RunId>>>, StoreError> {
        // Ids rise with the time that a run was made.
        let mut above = filter
            .created_from
            .map_or(-1, |from| RunId::new(from, 0).as_i64() - 1);
        let mut below = filter
            .created_before
            .map_or(i64::MAX, |before| RunId::new(before, 0).as_i64());
        let newest_first = match filter.from {
            RunCursor::Newest => true,
            RunCursor::Before(run) => {
                below = below.min(run.as_i64());
                true
            }
            RunCursor::After(run) => {
                above = above.max(run.as_i64());
                false
            }
        };
        let mut values = args![&filter.tenant, above, below, limit];
        values.extend(filter.dag.as_ref().map(Value::from));
        values.extend(
            filter
                .state
                .map(|state| Value::from(encoding::encode_run_state(state))),
        );
        values.extend(filter.kind.map(Value::from));
        let statement = page_of(filter, newest_first, self.backend().dialect());
        let rows = self.backend().read(statement, values).await?;
        rows.into_iter().map(readable).collect()
    }

    /// Started runs of a run's DAG with an earlier logical date, a later one, or both, by date; at most `limit`
    /// after the one that `after` names.
    pub async fn list_runs_beside(
        &self,
        run: &RunRow,
        dates: OtherDates,
        after: Option<(Timestamp, RunId)>,
        limit: u32,
    ) -> Result<Vec<Result<RunRow, Unreadable<RunId>>>, StoreError> {
        let date = run.logical_date.0;
        let (above, below) = match dates {
            OtherDates::Earlier => (i64::MIN, date),
            OtherDates::Later => (date, i64::MAX),
            OtherDates::All => (i64::MIN, i64::MAX),
        };
        let (after_date, after_run) =
            after.map_or((i64::MIN, -1), |(date, run)| (date.0, run.as_i64()));
        let values = args![
            &run.tenant,
            run.dag,
            above,
            below,
            date,
            after_date,
            after_run,
            limit
        ];
        let rows = self.backend().read(BY_DATE, values).await?;
        rows.into_iter().map(readable).collect()
    }

    /// One run.
    pub async fn show_run(
        &self,
        tenant: &TenantId,
        run: RunId,
    ) -> Result<Option<RunRow>, StoreError> {
        let row = self.backend().read_one(SHOW, args![tenant, run]).await?;
        row.map(run_row).transpose()
    }

    /// How many runs of a DAG are active, and how many of those have a key.
    pub async fn active_runs_of_key(
        &self,
        dag: DagKey,
        key: Option<&str>,
    ) -> Result<(u32, u32), StoreError> {
        let row = self
            .backend()
            .read_one(ACTIVE_OF_KEY, args![dag, key])
            .await?;
        row.map_or(Ok((0, 0)), |mut row| Ok((row.take()?, row.take()?)))
    }

    /// How many runs of a DAG with a key started after this time, and when the first of them did.
    pub async fn starts_of_key(
        &self,
        dag: DagKey,
        key: &str,
        after: Timestamp,
    ) -> Result<(u32, Option<Timestamp>), StoreError> {
        let args = args![dag, key, after];
        let row = self.backend().read_one(STARTS_OF_KEY, args).await?;
        row.map_or(Ok((0, None)), |mut row| Ok((row.take()?, row.take()?)))
    }

    /// The last `each` runs (at most [`MAX_LATEST_RUNS`]) of each of these DAGs, by DAG and then the
    /// newest first; for the page that lists DAGs.
    pub async fn latest_runs(
        &self,
        tenant: &TenantId,
        dags: &[DagKey],
        each: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let wanted = dags
            .iter()
            .flat_map(|dag| args![tenant, *dag])
            .collect::<Vec<_>>();
        let mut left: HashMap<DagKey, u32> = HashMap::new();
        let mut runs = Vec::new();
        let mut rows = self
            .backend()
            .read_bulk(&LATEST, wanted)
            .await?
            .into_iter()
            .map(run_row)
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|run| (run.dag, std::cmp::Reverse(run.id)));
        for run in rows {
            let left = left.entry(run.dag).or_insert(each);
            if *left > 0 {
                *left -= 1;
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// How many runs have not ended.
    pub async fn count_active_runs(&self, tenant: &TenantId) -> Result<ActiveRuns, StoreError> {
        let mut counts = ActiveRuns::default();
        for (state, count) in [
            (RunState::Pending, &mut counts.queued),
            (RunState::Running, &mut counts.running),
        ] {
            let row = self
                .backend()
                .read_one(
                    COUNT,
                    args![
                        tenant,
                        encoding::encode_run_state(state),
                        MAX_COUNTED_RUNS + 1
                    ],
                )
                .await?;
            if let Some(mut row) = row {
                *count = row.take()?;
            }
        }
        counts.capped = counts.queued.max(counts.running) > MAX_COUNTED_RUNS;
        counts.queued = counts.queued.min(MAX_COUNTED_RUNS);
        counts.running = counts.running.min(MAX_COUNTED_RUNS);
        Ok(counts)
    }

    /// The counts of the mapped tasks of a run, by task.
    pub async fn list_task_summaries(
        &self,
        tenant: &TenantId,
        run: RunId,
    ) -> Result<Vec<TaskSummary>, StoreError> {
        let rows = self.backend().read(SUMMARIES, args![tenant, run]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(TaskSummary {
                    run,
                    task: TaskIndex(row.take()?),
                    instances: row.take()?,
                    counts: encoding::decode_counts(Some(&row.take::<Arc<str>>()?))?,
                })
            })
            .collect()
    }
}

/// A run, or why it can't be read.
fn readable(mut row: Row) -> Result<Result<RunRow, Unreadable<RunId>>, StoreError> {
    let id = row.take()?;
    match run_row_of(id, row) {
        Err(StoreError::Corrupt(why)) => Ok(Err(Unreadable { key: id, why })),
        read => read.map(Ok),
    }
}

pub(crate) fn run_row(mut row: Row) -> Result<RunRow, StoreError> {
    let id = row.take()?;
    run_row_of(id, row)
}

/// The run with this id, whose other columns are left.
fn run_row_of(id: RunId, mut row: Row) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        id,
        tenant: row.take()?,
        dag: row.take()?,
        dag_id: row.take()?,
        version: row.take()?,
        version_number: row.take()?,
        kind: encoding::decode_run_kind(row.take()?)?,
        state: encoding::decode_run_state(row.take()?)?,
        logical_date: row.take()?,
        interval: (row.take()?, row.take()?),
        params: row.take()?,
        not_before: row.take()?,
        created: row.take()?,
        created_by: row.take()?,
        started: row.take()?,
        ended: row.take()?,
        counts: encoding::decode_counts(row.take::<Option<Arc<str>>>()?.as_deref())?,
        trace: row.take()?,
        held: row.take()?,
        caller: row.take()?,
        note: decode_note(row.take::<Option<Arc<str>>>()?.as_deref())?,
        concurrency_key: row.take()?,
    })
}
