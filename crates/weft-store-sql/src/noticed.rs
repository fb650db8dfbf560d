//! What turns notice for destinations: written with each turn, planned into deliveries later.
//!
//! A turn writes nothing where no destination of the tenant wants it. What it wrote becomes
//! deliveries in a transaction that removes it, so that nothing is lost and nothing is planned
//! twice. What a destination wants of it is decided outside of the database.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Value, args, statements},
    database::machine_clock,
    deliveries::{self, NewDelivery},
    encoding,
    failures::{FailedAttempt, FailedTask, Fingerprint, newest, read_newest, take_fingerprint},
    fingerprint::{Cause, FINGERPRINT_BYTES},
};
use std::collections::{BTreeMap, BTreeSet};
use weft_core::{
    approval::ApprovalRequest,
    document::TaskIndex,
    id::{DagId, TenantId},
    notification::NotifyOn,
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{Asked, DagKey, StoreError, Turn, VersionId};

statements! {
    PLAN = "SELECT version FROM notification_plan";
    OLDEST = "SELECT n.id, n.tenant, n.dag, d.id, n.version, n.run, n.kind, n.at, n.attempts, n.task, n.newest, \
        n.fingerprint, n.code, n.message FROM noticed n CROSS JOIN dags d WHERE n.id > 0 AND d.key = n.dag ORDER BY n.id LIMIT $1";
    /// Holds the row until the transaction ends.
    RAISE_PLAN = "UPDATE notification_plan SET version = version + 1 WHERE version = $1 RETURNING version";
}

/// Runs that ended: $2 their state, $3 when, $4 what is noticed, $5 the bits of those that want to know. A run is
/// noticed when it ends, not when it is written again afterwards.
static ENDED: Bulk = Bulk::with(
    "WITH ended (run, state, at, kind, wanted) AS (VALUES ",
    &[
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
        Column::Int,
    ],
    ") INSERT INTO noticed (tenant, dag, version, run, kind, at, attempts) \
     SELECT r.tenant, r.dag, r.version, r.id, w.kind, w.at, 1 FROM ended w CROSS JOIN runs r \
     WHERE r.id = w.run AND r.state <> w.state AND EXISTS (SELECT 1 FROM destinations t \
        WHERE t.tenant = r.tenant AND (t.wanted & w.wanted) <> 0) ORDER BY r.id",
);
/// Attempts that are tried again, by run, task and cause, and what tasks ask.
static OF_TASKS: Bulk = Bulk::with(
    "WITH noticed_tasks (run, task, fingerprint, code, message, at, attempts, newest, wanted) AS (VALUES ",
    {
        use Column::{Bytes, Int, Text};
        &[Int, Int, Bytes, Text, Text, Int, Int, Text, Int]
    },
    ") INSERT INTO noticed (tenant, dag, version, run, kind, at, attempts, task, newest, fingerprint, code, message) \
     SELECT r.tenant, r.dag, r.version, r.id, w.wanted, w.at, w.attempts, w.task, w.newest, w.fingerprint, w.code, \
     w.message FROM noticed_tasks w CROSS JOIN runs r WHERE r.id = w.run AND EXISTS (SELECT 1 FROM destinations t \
        WHERE t.tenant = r.tenant AND (t.wanted & w.wanted) <> 0) ORDER BY r.id, w.task",
);
static LAST: Bulk = Bulk::with(
    "WITH wanted (dag) AS (VALUES ",
    &[Column::Int],
    ") SELECT l.dag, l.kind FROM wanted w CROSS JOIN last_noticed l WHERE l.dag = w.dag",
);
static SET_LAST: Bulk = Bulk::insert(
    "INSERT INTO last_noticed (dag, kind) VALUES ",
    &[Column::Int, Column::Int],
    " ON CONFLICT (dag) DO UPDATE SET kind = excluded.kind",
);
/// The first instance of each run that failed, with its error.
static FIRST_FAILED: Bulk = Bulk::with(
    "WITH wanted (run) AS (VALUES ",
    &[Column::Int],
    ") SELECT i.run, i.task, i.map_index, i.error FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.state = 11 \
     AND i.task = (SELECT min(j.task) FROM task_instances j WHERE j.run = w.run AND j.state = 11) \
     AND i.map_index = (SELECT min(k.map_index) FROM task_instances k WHERE k.run = w.run AND k.state = 11 \
        AND k.task = (SELECT min(j.task) FROM task_instances j WHERE j.run = w.run AND j.state = 11))",
);
static FORGET: Bulk = Bulk::with(
    "WITH wanted (id) AS (VALUES ",
    &[Column::Int],
    ") DELETE FROM noticed WHERE id IN (SELECT id FROM wanted)",
);
/// What turns write.
pub(crate) static OF_TURN: [&Bulk; 2] = [&ENDED, &OF_TASKS];
pub(crate) static BULKS: &[&Bulk] = &[&ENDED, &OF_TASKS, &LAST, &SET_LAST, &FIRST_FAILED, &FORGET];

/// Something that a turn noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noticed {
    /// Row of it; later ones are greater.
    id: i64,
    /// Tenant of the run.
    pub tenant: TenantId,
    /// DAG of the run.
    pub dag: DagKey,
    /// The DAG's name.
    pub dag_id: DagId,
    /// The version that the run is pinned to.
    pub version: VersionId,
    /// The run.
    pub run: RunId,
    /// What: success, failure, retry, deadline or approval.
    pub on: NotifyOn,
    /// When.
    pub at: Timestamp,
    /// How many attempts it is about, of a retry or an approval.
    pub attempts: u64,
    /// Which task failed why, asks what, or missed its deadline; none where no task does.
    pub failure: Option<NoticedFailure>,
}

/// Which task failed why, or asks what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticedFailure {
    /// The task in the run's version.
    pub task: TaskIndex,
    /// Its map index.
    pub index: u32,
    /// The cause.
    pub fingerprint: Fingerprint,
    /// The cause's code; `approval` of a question, `deadline` of a deadline.
    pub code: String,
    /// The beginning of its message, or the question.
    pub message: String,
}

/// The oldest of what was noticed, and how their DAGs fared before.
#[derive(Debug, Default)]
pub struct NoticedBatch {
    version: i64,
    /// In order.
    pub rows: Vec<Noticed>,
    /// How the last run of each DAG that was noticed before ended: success or failure.
    pub last: BTreeMap<DagKey, NotifyOn>,
}

impl Database {
    /// The oldest rows that turns noticed, at most `limit`, to be planned.
    pub async fn noticed(&self, limit: u32) -> Result<NoticedBatch, StoreError> {
        let plan = self.backend().read_one(PLAN, args![]).await?;
        let version = plan.map_or(Ok(0), |mut row| row.take())?;
        let rows = self.backend().read(OLDEST, args![limit]).await?;
        let mut rows: Vec<Noticed> = rows
            .into_iter()
            .map(noticed_row)
            .collect::<Result<_, _>>()?;
        self.explain_failures(&mut rows).await?;
        let dags: BTreeSet<DagKey> = rows.iter().map(|row| row.dag).collect();
        let wanted = dags.into_iter().map(Value::from).collect();
        let mut last = BTreeMap::new();
        for mut row in self.backend().read_bulk(&LAST, wanted).await? {
            last.insert(row.take()?, decode_kind(row.take()?)?);
        }
        Ok(NoticedBatch {
            version,
            rows,
            last,
        })
    }

    /// Replaces a batch by its deliveries, and remembers how DAGs fare; `false` if another process
    /// planned it in the meantime, and nothing was changed.
    pub async fn plan_deliveries(
        &self,
        batch: &NoticedBatch,
        last: &BTreeMap<DagKey, NotifyOn>,
        new: Vec<NewDelivery>,
    ) -> Result<bool, StoreError> {
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        if tx
            .run_one(RAISE_PLAN, args![batch.version])
            .await?
            .is_none()
        {
            return Ok(false);
        }
        for delivery in new {
            deliveries::fold_or_insert(&mut tx, delivery, now).await?;
        }
        let last = last.iter();
        let last = last.flat_map(|(dag, on)| args![*dag, on.bit()]).collect();
        tx.run_bulk(&SET_LAST, last).await?;
        let ids = batch.rows.iter().map(|row| Value::from(row.id)).collect();
        tx.run_bulk(&FORGET, ids).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Adds to runs that failed which of their tasks did, and why.
    async fn explain_failures(&self, rows: &mut [Noticed]) -> Result<(), StoreError> {
        let runs = rows.iter().filter(|row| row.on == NotifyOn::Failure);
        let runs = runs.map(|row| Value::from(row.run)).collect();
        let mut found: BTreeMap<RunId, NoticedFailure> = BTreeMap::new();
        for mut row in self.backend().read_bulk(&FIRST_FAILED, runs).await? {
            let run = row.take()?;
            let task = TaskIndex(row.take()?);
            let index = row.take()?;
            let error: Option<String> = row.take()?;
            let cause = Cause::of(error.as_deref().unwrap_or_default());
            let failure = NoticedFailure {
                task,
                index,
                fingerprint: Fingerprint(cause.fingerprint),
                code: cause.code,
                message: cause.message,
            };
            found.insert(run, failure);
        }
        for row in rows.iter_mut().filter(|row| row.on == NotifyOn::Failure) {
            row.failure = found.get(&row.run).cloned();
        }
        Ok(())
    }
}

/// What a turn adds of runs that ended.
pub(crate) fn ended(turn: &Turn) -> Vec<Value> {
    let recovery = NotifyOn::Recovery.bit();
    let mut ended: Vec<_> = turn
        .runs
        .iter()
        .filter_map(|run| {
            let on = match run.state {
                RunState::Success => NotifyOn::Success,
                RunState::Failed => NotifyOn::Failure,
                RunState::Pending | RunState::Running | RunState::Cancelled => return None,
            };
            Some((run.id, run, on))
        })
        .collect();
    ended.sort_by_key(|(id, ..)| *id);
    ended
        .into_iter()
        .flat_map(|(id, run, on)| {
            let at = run.ended.unwrap_or_else(machine_clock);
            let state = encoding::encode_run_state(run.state);
            // Who wants recoveries needs both.
            args![id, state, at, on.bit(), on.bit() | recovery]
        })
        .collect()
}

/// What a turn adds of attempts that are tried again, of what tasks ask, and of missed deadlines.
pub(crate) fn of_tasks(failed: &[FailedTask], turn: &Turn) -> Vec<Value> {
    let mut values = asked(turn);
    values.extend(missed(turn));
    let retried = failed.iter().filter(|row| row.retried > 0).flat_map(|row| {
        args![
            row.run,
            row.task,
            &row.fingerprint[..],
            &row.code,
            &row.message,
            row.last,
            row.retried,
            &row.newest,
            NotifyOn::Retry.bit()
        ]
    });
    values.extend(retried);
    values
}

/// What a turn adds of what tasks ask: once for each run and task.
fn asked(turn: &Turn) -> Vec<Value> {
    let mut by_task: BTreeMap<(RunId, u32), (&Asked, i64)> = BTreeMap::new();
    for asked in &turn.approvals {
        let key = (asked.run, asked.instance.task.0);
        by_task.entry(key).or_insert((asked, 0)).1 += 1;
    }
    let values = by_task
        .into_iter()
        .flat_map(|((run, task), (asked, count))| {
            let request = ApprovalRequest::parse(&asked.request);
            let subject = request.map_or_else(|_damaged| String::new(), |request| request.subject);
            let newest = newest(asked.at, run, asked.instance, asked.number);
            args![
                run,
                task,
                &[0_u8; FINGERPRINT_BYTES][..],
                "approval",
                subject,
                asked.at,
                count,
                newest,
                NotifyOn::Approval.bit()
            ]
        });
    values.collect()
}

/// What a turn adds of missed deadlines. That of a run names no task.
fn missed(turn: &Turn) -> impl Iterator<Item = Value> {
    turn.missed.iter().flat_map(|missed| {
        let instance = missed.task.map(|task| Instance { task, index: 0 });
        args![
            missed.run,
            instance.map(|instance| instance.task.0),
            &[0_u8; FINGERPRINT_BYTES][..],
            "deadline",
            "it has not ended by its deadline",
            missed.at,
            1,
            instance.map(|instance| newest(missed.at, missed.run, instance, 0)),
            NotifyOn::Deadline.bit()
        ]
    })
}

pub(crate) fn decode_kind(number: i64) -> Result<NotifyOn, StoreError> {
    let mut all = NotifyOn::SELECTABLE.into_iter().chain([NotifyOn::Test]);
    all.find(|on| on.bit() == number)
        .ok_or_else(|| encoding::unknown_number("kind of notification", number))
}

fn noticed_row(mut row: Row) -> Result<Noticed, StoreError> {
    let mut noticed = Noticed {
        id: row.take()?,
        tenant: row.take()?,
        dag: row.take()?,
        dag_id: row.take()?,
        version: row.take()?,
        run: row.take()?,
        on: decode_kind(row.take()?)?,
        at: row.take()?,
        attempts: row.take()?,
        failure: None,
    };
    let task: Option<u32> = row.take()?;
    let newest: Option<String> = row.take()?;
    let (Some(task), Some(newest)) = (task, newest) else {
        return Ok(noticed);
    };
    let FailedAttempt { index, .. } = read_newest(&newest)?;
    noticed.failure = Some(NoticedFailure {
        task: TaskIndex(task),
        index,
        fingerprint: take_fingerprint(&mut row)?,
        code: row.take()?,
        message: row.take()?,
    });
    Ok(noticed)
}
