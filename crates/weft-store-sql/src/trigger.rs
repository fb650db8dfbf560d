//! Making runs: by hand, and over a range of dates.

use crate::{
    Database,
    audit::{self, Change},
    backend::{Bulk, Column, Row, Statement, Value, args, statements},
    database::machine_clock,
    dialect::Dialect,
    runs::{RunRow, run_row},
    tokens::TokenId,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_core::{
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, RunKind, ShardId, StoreError, VersionId};

/// $1 tenant, $2 DAG, $3 version, $4 the random bits of the id, and so on: one statement and one
/// commit, which also reads the clock and returns the row. The id is that of `RunId::new`. `condition` is
/// what has to hold besides.
macro_rules! trigger {
    ($now:literal, $condition:literal) => {
        concat!(
            "WITH clock (now) AS (SELECT ",
            $now,
            ") INSERT INTO runs (id, tenant, dag, version, shard, kind, state, logical_date, interval_start, \
             interval_end, params, not_before, created, created_by, trace, idempotency_key, concurrency_key) \
             SELECT (clock.now << 20) | CAST($4 AS BIGINT), d.tenant, d.key, v.id, d.shard, 1, 1, \
             COALESCE(CAST($5 AS BIGINT), clock.now), COALESCE(CAST($6 AS BIGINT), CAST($5 AS BIGINT), clock.now), \
             COALESCE(CAST($7 AS BIGINT), CAST($5 AS BIGINT), clock.now), CAST($8 AS TEXT), \
             COALESCE(CAST($9 AS BIGINT), clock.now), clock.now, CAST($11 AS TEXT), CAST($12 AS TEXT), CAST($13 AS TEXT), CAST($14 AS TEXT) \
             FROM clock CROSS JOIN dags d JOIN versions v ON v.dag = d.key \
             WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL AND v.id = $3",
            $condition,
            " ON CONFLICT DO NOTHING RETURNING id, tenant, dag, (SELECT d.id FROM dags d WHERE d.key = runs.dag), version, \
             (SELECT v.number FROM versions v WHERE v.id = runs.version), kind, state, logical_date, interval_start, \
             interval_end, params, not_before, created, created_by, started, ended, counts, trace, CAST(NULL AS TEXT), caller, \
             CAST(NULL AS TEXT), concurrency_key"
        )
    };
}

/// The statement by dialect. $10 is this machine's clock where it is the database's.
macro_rules! trigger_by_dialect {
    ($condition:literal) => {
        [
            Statement::only(
                Dialect::Sqlite,
                trigger!("CAST($10 AS BIGINT)", $condition),
            ),
            Statement::only(
                Dialect::Postgres,
                trigger!(
                    "COALESCE(CAST($10 AS BIGINT), CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT))",
                    $condition
                ),
            ),
        ]
    };
}

pub(crate) static TRIGGER: [Statement; 2] = trigger_by_dialect!("");

/// As [`TRIGGER`], if the version is the active one and the token $15 holds.
pub(crate) static TRIGGER_IF: [Statement; 2] = trigger_by_dialect!(
    " AND d.active = v.id AND EXISTS (SELECT 1 FROM tokens t WHERE t.id = $15 AND t.revoked IS NULL \
     AND (t.expires IS NULL OR t.expires > clock.now))"
);

statements! {
    OF_KEY = "SELECT id FROM runs WHERE tenant = $1 AND idempotency_key = $2";
    TARGET = "SELECT d.key, d.shard, v.id FROM dags d LEFT JOIN versions v ON v.dag = d.key AND v.id = $3 \
        WHERE d.tenant = $1 AND d.id = $2 AND d.deleted IS NULL";
}

const NEW_RUN_COLUMNS: &[Column] = {
    use Column::{Int, Text};
    &[
        Int, Text, Int, Int, Int, Int, Int, Int, Int, Int, Text, Int, Int, Text, Text,
    ]
};
static NEW_RUNS: Bulk = Bulk::insert(
    "INSERT INTO runs (id, tenant, dag, version, shard, kind, state, logical_date, interval_start, interval_end, \
     params, not_before, created, created_by, concurrency_key) VALUES ",
    NEW_RUN_COLUMNS,
    " ON CONFLICT DO NOTHING RETURNING id, logical_date",
);
static EXISTING: Bulk = Bulk::with(
    "WITH wanted (dag, logical_date) AS (VALUES ",
    &[Column::Int, Column::Int],
    ") SELECT r.logical_date FROM wanted w CROSS JOIN runs r \
     WHERE r.dag = w.dag AND r.logical_date = w.logical_date AND r.kind IN (2, 3)",
);
pub(crate) static BULKS: &[&Bulk] = &[&NEW_RUNS, &EXISTING];

/// How often ids are drawn: two of the same millisecond differ in 20 random bits.
const MAX_ID_DRAWS: usize = 8;

/// The most dates of one backfill.
pub const MAX_BACKFILL_RUNS: usize = 10_000;

/// A run that a person or program triggers.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Tenant that owns the DAG.
    pub tenant: TenantId,
    /// DAG to run.
    pub dag: DagId,
    /// The version that its parameters were checked against.
    pub version: VersionId,
    /// The date it is for; none means now.
    pub logical_date: Option<Timestamp>,
    /// Start and end of its data; none means the logical date, twice.
    pub interval: Option<(Timestamp, Timestamp)>,
    /// A JSON object, defaults filled in.
    pub params: Arc<str>,
    /// What it counts by, if its DAG bounds runs by key.
    pub concurrency_key: Option<Arc<str>>,
    /// Not started earlier; none means at once.
    pub not_before: Option<Timestamp>,
    /// Who wants it.
    pub by: String,
    /// The W3C `traceparent` that it begins under.
    pub trace: Option<Arc<str>>,
    /// The same key again makes no second run.
    pub idempotency_key: Option<String>,
}

/// What a trigger made.
#[derive(Debug, Clone, PartialEq)]
pub enum Triggered {
    /// A new run.
    New(Box<RunRow>),
    /// The run that this idempotency key made before.
    Before(RunId),
}

impl Triggered {
    /// Id of the run, new or existing.
    pub fn run(&self) -> RunId {
        match self {
            Self::New(run) => run.id,
            Self::Before(run) => *run,
        }
    }
}

/// Runs over a range of dates.
#[derive(Debug, Clone, PartialEq)]
pub struct Backfill {
    /// Tenant that owns the DAG.
    pub tenant: TenantId,
    /// DAG to backfill.
    pub dag: DagId,
    /// The version that the parameters were checked against.
    pub version: VersionId,
    /// The requested range, for the audit.
    pub range: (Timestamp, Timestamp),
    /// At most [`MAX_BACKFILL_RUNS`].
    pub dates: Vec<BackfillDate>,
    /// A JSON object, defaults filled in; of each run.
    pub params: Arc<str>,
    /// What each counts by, if the DAG bounds runs by key.
    pub concurrency_key: Option<Arc<str>>,
    /// How many runs are made at most, and of which dates.
    pub limit: Option<BackfillLimit>,
    /// Who wants them.
    pub by: String,
}

/// The bound of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillLimit {
    /// The most runs.
    pub runs: usize,
    /// Those of the latest dates are made, else those of the earliest.
    pub newest_first: bool,
}

/// One date of a backfill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackfillDate {
    /// The date.
    pub logical_date: Timestamp,
    /// Start and end of its data.
    pub interval: (Timestamp, Timestamp),
}

/// What a backfill made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backfilled {
    /// The new runs with their dates, by date.
    pub made: Vec<(RunId, Timestamp)>,
    /// Dates that have a scheduled or backfilled run already, by date.
    pub existing: Vec<Timestamp>,
}

/// Why no run was made.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// No such DAG.
    #[error("there is no DAG {0}")]
    UnknownDag(DagId),
    /// No such version of it.
    #[error("the DAG {0} has no such version")]
    UnknownVersion(DagId),
    /// More than [`MAX_BACKFILL_RUNS`].
    #[error("{0} runs at once are too many, the most is {MAX_BACKFILL_RUNS}")]
    TooMany(usize),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Database {
    /// Makes a run, queued; durable when it returns.
    pub async fn trigger(&self, trigger: &Trigger) -> Result<Triggered, TriggerError> {
        for _attempt in 0..MAX_ID_DRAWS {
            let made = self.insert(&TRIGGER, trigger, Vec::new()).await?;
            if let Some(run) = made {
                return Ok(Triggered::New(Box::new(run)));
            }
            if let Some(before) = self.why_not_triggered(trigger).await? {
                return Ok(Triggered::Before(before));
            }
        }
        Err(StoreError::Unavailable("every run id that was drawn is taken".into()).into())
    }

    /// As [`Self::trigger`], if the version is still its DAG's active one and the token still holds: one
    /// statement checks both and makes the run. None where one of these is no longer so, or the
    /// idempotency key or the id is taken.
    pub async fn trigger_if(
        &self,
        trigger: &Trigger,
        token: TokenId,
    ) -> Result<Option<RunRow>, StoreError> {
        self.insert(&TRIGGER_IF, trigger, args![token.0]).await
    }

    async fn insert(
        &self,
        statement: &[Statement; 2],
        trigger: &Trigger,
        more: Vec<Value>,
    ) -> Result<Option<RunRow>, StoreError> {
        let dialect = self.backend().dialect();
        let machine_clock = match dialect {
            Dialect::Sqlite => Some(machine_clock()),
            Dialect::Postgres => None,
        };
        let random_bits = RunId::new(Timestamp(0), draw());
        let mut values = args![
            &trigger.tenant,
            &trigger.dag,
            trigger.version,
            random_bits,
            trigger.logical_date,
            trigger.interval.map(|interval| interval.0),
            trigger.interval.map(|interval| interval.1),
            &trigger.params,
            trigger.not_before,
            machine_clock,
            &trigger.by,
            trigger.trace.as_ref(),
            trigger.idempotency_key.as_ref(),
            trigger.concurrency_key.as_ref(),
        ];
        values.extend(more);
        let made = self
            .backend()
            .write(statement[dialect as usize], values)
            .await?;
        made.into_iter().next().map(run_row).transpose()
    }

    /// The dates of which a backfill would make runs, and those that have one already.
    pub async fn preview_backfill(
        &self,
        dag: DagKey,
        backfill: &Backfill,
    ) -> Result<(Vec<Timestamp>, Vec<Timestamp>), StoreError> {
        let dates = backfill.dates.iter().map(|date| date.logical_date);
        let mut left: BTreeSet<Timestamp> = dates.collect();
        let wanted = left.iter().flat_map(|date| args![dag, *date]).collect();
        let mut existing = Vec::new();
        for mut row in self.backend().read_bulk(&EXISTING, wanted).await? {
            let date = row.take()?;
            left.remove(&date);
            existing.push(date);
        }
        existing.sort_unstable();
        let mut left: Vec<Timestamp> = left.into_iter().collect();
        if let Some(limit) = backfill.limit {
            let beyond = left.len().saturating_sub(limit.runs);
            if limit.newest_first {
                left.drain(..beyond);
            } else {
                left.truncate(limit.runs);
            }
        }
        Ok((left, existing))
    }

    /// Makes a run for each date that has none, up to the limit, in one transaction.
    pub async fn backfill(&self, backfill: &Backfill) -> Result<Backfilled, TriggerError> {
        let wanted: BTreeMap<Timestamp, BackfillDate> = backfill
            .dates
            .iter()
            .map(|date| (date.logical_date, *date))
            .collect();
        if wanted.len() > MAX_BACKFILL_RUNS {
            return Err(TriggerError::TooMany(wanted.len()));
        }
        let now = self.clock().await?;
        let mut tx = self.backend().begin().await?;
        let row = tx
            .run_one(
                TARGET,
                args![&backfill.tenant, &backfill.dag, backfill.version],
            )
            .await?;
        let (dag, shard) = target(row, &backfill.dag)?;
        let mut left = wanted;
        let mut done = Backfilled::default();
        if let Some(limit) = backfill.limit {
            let dates = left.keys().flat_map(|date| args![dag, *date]).collect();
            for mut row in tx.run_bulk(&EXISTING, dates).await? {
                let date = row.take()?;
                left.remove(&date);
                done.existing.push(date);
            }
            while left.len() > limit.runs {
                if limit.newest_first {
                    left.pop_first();
                } else {
                    left.pop_last();
                }
            }
        }
        for _attempt in 0..MAX_ID_DRAWS {
            if left.is_empty() {
                break;
            }
            let rows = new_rows(backfill, (dag, shard), left.values(), now);
            for mut row in tx.run_bulk(&NEW_RUNS, rows).await? {
                let (id, date) = (row.take()?, row.take()?);
                left.remove(&date);
                done.made.push((id, date));
            }
            // What was not made has a run already, or drew an id that is taken.
            let dates = left
                .keys()
                .flat_map(|date| args![dag, *date])
                .collect::<Vec<_>>();
            for mut row in tx.run_bulk(&EXISTING, dates).await? {
                let date = row.take()?;
                left.remove(&date);
                done.existing.push(date);
            }
        }
        if !left.is_empty() {
            return Err(
                StoreError::Unavailable("every run id that was drawn is taken".into()).into(),
            );
        }
        let details = serde_json::json!({
            "from": backfill.range.0.to_string(),
            "to": backfill.range.1.to_string(),
            "runs": done.made.len(),
        });
        let change = Change {
            at: now,
            tenant: Some(&backfill.tenant),
            actor: &backfill.by,
            action: "dag.backfill",
            subject: backfill.dag.as_str(),
            details: Some(details.to_string()),
        };
        audit::append(&mut tx, change).await?;
        tx.commit().await?;
        done.made.sort_by_key(|(_id, date)| *date);
        done.existing.sort_unstable();
        // A date that was made in this call is found as existing by the second round.
        let made: BTreeSet<Timestamp> = done.made.iter().map(|(_id, date)| *date).collect();
        done.existing.retain(|date| !made.contains(date));
        Ok(done)
    }
}

impl Database {
    /// The run that the trigger's key made before, or an error where it can't make one;
    /// none where only the id was taken.
    async fn why_not_triggered(&self, trigger: &Trigger) -> Result<Option<RunId>, TriggerError> {
        if let Some(key) = &trigger.idempotency_key {
            let row = self
                .backend()
                .read_one(OF_KEY, args![&trigger.tenant, key])
                .await?;
            if let Some(mut row) = row {
                return Ok(Some(row.take()?));
            }
        }
        let row = self
            .backend()
            .read_one(
                TARGET,
                args![&trigger.tenant, &trigger.dag, trigger.version],
            )
            .await?;
        target(row, &trigger.dag).map(|_dag| None)
    }
}

fn target(row: Option<Row>, dag: &DagId) -> Result<(DagKey, ShardId), TriggerError> {
    let mut row = row.ok_or_else(|| TriggerError::UnknownDag(dag.clone()))?;
    let found = (row.take()?, row.take()?);
    match row.take::<Option<VersionId>>()? {
        Some(_version) => Ok(found),
        None => Err(TriggerError::UnknownVersion(dag.clone())),
    }
}

/// The random part of an id.
fn draw() -> u64 {
    getrandom::u64().expect("the operating system has randomness once it has booted")
}

/// Rows of [`NEW_RUNS`], by date, with ids that differ among them.
fn new_rows<'a>(
    backfill: &Backfill,
    (dag, shard): (DagKey, ShardId),
    dates: impl Iterator<Item = &'a BackfillDate>,
    now: Timestamp,
) -> Vec<Value> {
    let dates: Vec<&BackfillDate> = dates.collect();
    let mut ids = BTreeSet::new();
    while ids.len() < dates.len() {
        ids.insert(RunId::new(now, draw()));
    }
    dates
        .into_iter()
        .zip(ids)
        .flat_map(|(date, id)| {
            args![
                id,
                &backfill.tenant,
                dag,
                backfill.version,
                shard,
                RunKind::Backfill,
                1_i64,
                date.logical_date,
                date.interval.0,
                date.interval.1,
                &backfill.params,
                now,
                now,
                &backfill.by,
                backfill.concurrency_key.as_ref(),
            ]
        })
        .collect()
}
