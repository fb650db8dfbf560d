//! Failed attempts by cause: written with each turn that has failed attempts, read without
//! history.

use crate::{
    Database,
    backend::{Bulk, Column, Row, Value, args, statements},
    fingerprint::{Cause, FINGERPRINT_BYTES},
};
use std::collections::BTreeMap;
use weft_core::{
    document::TaskIndex,
    id::{DagId, TenantId},
    run::Instance,
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{InstanceTag, StoreError, Turn, VersionId};

/// The period in which failures are counted, in milliseconds. The statement repeats it.
const HOUR_MS: i64 = 3_600_000;
/// The most rows that are read to say what fails, the newest: beyond it the answer is of these.
pub const MAX_FAILURE_ROWS: u32 = 10_000;
/// How an attempt ended that counts.
const FAILED: &str = "failed";
/// Of an instance that failed, what made it so where no attempt did.
const BY_OPERATORS: [&str; 3] = ["marked", "cancelled", "run_timeout"];

statements! {
    SINCE = "SELECT c.hour, d.id, c.version, v.number, c.task, c.fingerprint, c.code, c.message, c.first_at, c.last_at, \
        c.attempts, c.newest FROM failures c CROSS JOIN dags d CROSS JOIN versions v \
        WHERE c.tenant = $1 AND c.hour >= $2 AND d.key = c.dag AND v.id = c.version \
        ORDER BY c.hour DESC LIMIT $3";
    FORGET = "DELETE FROM failures WHERE (tenant, hour, dag, version, task, fingerprint) IN \
        (SELECT c.tenant, c.hour, c.dag, c.version, c.task, c.fingerprint FROM tenants t CROSS JOIN failures c \
        WHERE c.tenant = t.id AND c.hour < $1 / 3600000 LIMIT $2) RETURNING 1";
}

/// The rows of a turn, one for each run, task and cause.
static COUNTED: Bulk = Bulk::with(
    "WITH failed (run, task, fingerprint, code, message, first_at, last_at, attempts, newest) AS (VALUES ",
    {
        use Column::{Bytes, Int, Text};
        &[Int, Int, Bytes, Text, Text, Int, Int, Int, Text]
    },
    ") INSERT INTO failures (tenant, hour, dag, version, task, fingerprint, code, message, first_at, last_at, attempts, newest) \
     SELECT r.tenant, w.first_at / 3600000, r.dag, r.version, w.task, w.fingerprint, min(w.code), max(w.message), \
     min(w.first_at), max(w.last_at), CAST(sum(w.attempts) AS BIGINT), max(w.newest) \
     FROM failed w CROSS JOIN runs r WHERE r.id = w.run \
     GROUP BY r.tenant, w.first_at / 3600000, r.dag, r.version, w.task, w.fingerprint \
     ORDER BY r.tenant, w.first_at / 3600000, r.dag, r.version, w.task, w.fingerprint \
     ON CONFLICT (tenant, hour, dag, version, task, fingerprint) DO UPDATE SET message = excluded.message, \
     last_at = excluded.last_at, attempts = failures.attempts + excluded.attempts, newest = excluded.newest",
);
/// When each cause was seen first, and in which version.
static FIRST: Bulk = Bulk::with(
    "WITH wanted (tenant, fingerprint) AS (VALUES ",
    &[Column::Text, Column::Bytes],
    ") SELECT w.fingerprint, c.first_at, d.id, v.number FROM wanted w CROSS JOIN failures c CROSS JOIN dags d \
     CROSS JOIN versions v WHERE c.tenant = w.tenant AND c.fingerprint = w.fingerprint \
     AND c.hour = (SELECT min(e.hour) FROM failures e WHERE e.tenant = w.tenant AND e.fingerprint = w.fingerprint) \
     AND d.key = c.dag AND v.id = c.version",
);
pub(crate) static BULKS: &[&Bulk] = &[&COUNTED, &FIRST];
/// What a turn writes.
pub(crate) static OF_TURN: &Bulk = &COUNTED;

/// Names a cause: 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; FINGERPRINT_BYTES]);

/// The failures of one task of one version with one cause in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureRow {
    /// Hours since the Unix epoch.
    pub hour: i64,
    /// The DAG.
    pub dag: DagId,
    /// The version that the runs were pinned to.
    pub version: VersionId,
    /// That version's number.
    pub version_number: u32,
    /// The task in that version.
    pub task: TaskIndex,
    /// The cause.
    pub fingerprint: Fingerprint,
    /// The cause's code.
    pub code: String,
    /// The message of one of the failures.
    pub message: String,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// How many attempts.
    pub attempts: u64,
    /// The last attempt.
    pub newest: FailedAttempt,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Run of the attempt.
    pub run: RunId,
    /// Its map index.
    pub index: u32,
    /// Number of the attempt, from 1 on.
    pub number: u32,
}

/// When a cause was seen first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstSeen {
    /// The cause.
    pub fingerprint: Fingerprint,
    /// When the first attempt with this cause ended.
    pub at: Timestamp,
    /// DAG that failed first.
    pub dag: DagId,
    /// In which of its versions.
    pub version_number: u32,
}

impl Database {
    /// What has failed since the hour of `since`, the newest hours first, at most [`MAX_FAILURE_ROWS`].
    pub async fn list_failures(
        &self,
        tenant: &TenantId,
        since: Timestamp,
    ) -> Result<Vec<FailureRow>, StoreError> {
        let values = args![tenant, since.0.div_euclid(HOUR_MS), MAX_FAILURE_ROWS];
        let rows = self.backend().read(SINCE, values).await?;
        rows.into_iter().map(failure_row).collect()
    }

    /// When and where each of these causes was seen first, as far as it is remembered.
    pub async fn first_failures(
        &self,
        tenant: &TenantId,
        causes: &[Fingerprint],
    ) -> Result<BTreeMap<Fingerprint, FirstSeen>, StoreError> {
        let wanted = causes
            .iter()
            .flat_map(|cause| args![tenant, &cause.0[..]])
            .collect();
        let mut first: BTreeMap<Fingerprint, FirstSeen> = BTreeMap::new();
        for mut row in self.backend().read_bulk(&FIRST, wanted).await? {
            let seen = FirstSeen {
                fingerprint: take_fingerprint(&mut row)?,
                at: row.take()?,
                dag: row.take()?,
                version_number: row.take()?,
            };
            let place = first
                .entry(seen.fingerprint)
                .or_insert_with(|| seen.clone());
            if seen.at < place.at {
                *place = seen;
            }
        }
        Ok(first)
    }

    /// Forgets up to `batch` rows of hours before this time; returns how many went.
    pub(crate) async fn forget_failures(
        &self,
        before: Timestamp,
        batch: u32,
    ) -> Result<u64, StoreError> {
        let rows = self.backend().write(FORGET, args![before, batch]).await?;
        Ok(rows.len() as u64)
    }
}

/// What failed in one run and hour with one cause, in one turn.
pub(crate) struct FailedTask {
    pub(crate) run: RunId,
    pub(crate) task: u32,
    pub(crate) fingerprint: [u8; FINGERPRINT_BYTES],
    pub(crate) code: String,
    /// That of the newest.
    pub(crate) message: String,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) attempts: i64,
    /// Those of them whose instances are tried again.
    pub(crate) retried: i64,
    /// See [`newest`].
    pub(crate) newest: String,
}

/// What failed in a turn, in the order of the keys. Nothing, and no work, where nothing failed.
pub(crate) fn count(turn: &Turn) -> Vec<FailedTask> {
    let mut counted: BTreeMap<(RunId, u32, [u8; FINGERPRINT_BYTES], i64), FailedTask> =
        BTreeMap::new();
    let failed = turn.attempts.iter().filter(|row| row.end == FAILED);
    let went_on = failed.filter_map(|row| {
        let error = row.error.as_deref()?;
        Some((row.run, row.instance, row.number, row.ended, error, true))
    });
    let ended = turn.instances.iter().filter_map(|row| {
        if row.state != InstanceTag::Failed || BY_OPERATORS.contains(&row.cause) {
            return None;
        }
        let error = row.error.as_deref()?;
        Some((row.run, row.instance, row.number, row.ended?, error, false))
    });
    for (run, instance, number, at, error, is_retried) in went_on.chain(ended) {
        let cause = Cause::of(error);
        let newest = newest(at, run, instance, number);
        let task = instance.task.0;
        let key = (run, task, cause.fingerprint, at.0.div_euclid(HOUR_MS));
        let entry = counted.entry(key).or_insert_with(|| FailedTask {
            run,
            task,
            fingerprint: cause.fingerprint,
            code: cause.code,
            message: String::new(),
            first: at,
            last: at,
            attempts: 0,
            retried: 0,
            newest: newest.clone(),
        });
        entry.attempts += 1;
        entry.retried += i64::from(is_retried);
        entry.first = entry.first.min(at);
        if newest >= entry.newest {
            entry.last = at;
            entry.newest = newest;
            entry.message = cause.message;
        }
    }
    counted.into_values().collect()
}

/// What a turn adds to the counts.
pub(crate) fn of_turn(failed: &[FailedTask]) -> Vec<Value> {
    failed
        .iter()
        .flat_map(|entry| {
            args![
                entry.run,
                entry.task,
                &entry.fingerprint[..],
                &entry.code,
                &entry.message,
                entry.first,
                entry.last,
                entry.attempts,
                &entry.newest
            ]
        })
        .collect()
}

/// The attempt as a text that sorts by its time, so that a database finds the newest of many.
pub(crate) fn newest(at: Timestamp, run: RunId, instance: Instance, number: u32) -> String {
    let (at, run, index) = (at.0.max(0), run.as_i64(), instance.index);
    format!("{at:019} {run:019} {index:010} {number:010}")
}

pub(crate) fn read_newest(text: &str) -> Result<FailedAttempt, StoreError> {
    let odd = || StoreError::Corrupt("an attempt that failed can't be read".into());
    let mut numbers = text.split(' ').skip(1).map(str::parse::<i64>);
    let mut next = || numbers.next().and_then(Result::ok).ok_or_else(odd);
    Ok(FailedAttempt {
        run: RunId::from_i64(next()?).ok_or_else(odd)?,
        index: u32::try_from(next()?).map_err(|_large| odd())?,
        number: u32::try_from(next()?).map_err(|_large| odd())?,
    })
}

pub(crate) fn take_fingerprint(row: &mut Row) -> Result<Fingerprint, StoreError> {
    let bytes: Vec<u8> = row.take()?;
    let bytes = bytes.try_into();
    bytes
        .map(Fingerprint)
        .map_err(|_other_length| StoreError::Corrupt("a fingerprint has another length".into()))
}

fn failure_row(mut row: Row) -> Result<FailureRow, StoreError> {
    Ok(FailureRow {
        hour: row.take()?,
        dag: row.take()?,
        version: row.take()?,
        version_number: row.take()?,
        task: TaskIndex(row.take()?),
        fingerprint: take_fingerprint(&mut row)?,
        code: row.take()?,
        message: row.take()?,
        first: row.take()?,
        last: row.take()?,
        attempts: row.take()?,
        newest: read_newest(&row.take::<String>()?)?,
    })
}
