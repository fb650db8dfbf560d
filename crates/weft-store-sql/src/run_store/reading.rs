//! Reads runs with their events, DAGs, commands and outputs for a scheduler.
//!
//! Every statement goes by an index and is bounded by what is active, never by
//! what ever was.

use super::damaged;
use crate::{
    Database,
    backend::{Bulk, Column, Row, Statement, Value, args, statements},
    dialect::Dialect,
    encoding,
};
use std::{collections::HashMap, sync::Arc};
use weft_core::{
    document::TaskIndex,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::{Wait, WaitError},
};
use weft_store::{
    Command, CommandId, DagKey, DagState, Output, ResumeState, Rows, RunKind, ShardId, StoreError,
    StoredRun, StoredVersion, Unreadable, VersionId,
};

macro_rules! run_columns {
    () => {
        "r.id, r.tenant, r.dag, r.version, r.kind, r.logical_date, r.interval_start, r.interval_end, \
         r.params, r.not_before, r.created, r.trace, r.caller, r.caller_task, r.caller_index, r.caller_dags, r.concurrency_key"
    };
}

statements! {
    DAGS = "SELECT key, tenant, id, active, paused, CASE WHEN paused = 1 THEN held ELSE 0 END, last_scheduled, scheduled_since FROM dags \
        WHERE shard = $1 AND key > $2 AND deleted IS NULL ORDER BY key LIMIT $3";
    VERSION = "SELECT id, dag, digest, document, files FROM versions WHERE id = $1";
    ACTIVE_RUNS = concat!("SELECT ", run_columns!(), " FROM runs r \
        WHERE r.shard = $1 AND r.state = 2 AND r.id > $2 ORDER BY r.id LIMIT $3");
    ONE_RUN = concat!("SELECT ", run_columns!(), " FROM runs r WHERE r.id = $1");
    /// Whether a run has events comes with it: hardly one has, and asking for them takes another call.
    QUEUED_RUNS = concat!("SELECT ", run_columns!(), ", EXISTS (SELECT 1 FROM run_events e WHERE e.run = r.id) \
        FROM runs r WHERE r.dag = $1 AND r.state = 1 AND r.not_before <= $2 ORDER BY r.logical_date, r.id LIMIT $3");
    STARTS_BY_KEY = "SELECT started, concurrency_key FROM runs WHERE dag = $1 AND started > $2 \
        AND concurrency_key IS NOT NULL AND started IS NOT NULL ORDER BY started DESC LIMIT $3";
    COUNT_QUEUED_SCHEDULED = "SELECT count(*) FROM (SELECT 1 FROM runs \
        WHERE dag = $1 AND state = 1 AND kind IN ($2, $3) LIMIT $4) counted";
    /// Steps from DAG to DAG through the index, however many runs of one wait.
    DAGS_WITH_QUEUED_RUNS = "WITH RECURSIVE waiting (dag) AS ( \
            SELECT (SELECT r.dag FROM runs r WHERE r.shard = $1 AND r.state = 1 AND r.dag > $3 ORDER BY r.dag LIMIT 1) \
            UNION ALL \
            SELECT (SELECT r.dag FROM runs r WHERE r.shard = $1 AND r.state = 1 AND r.dag > waiting.dag ORDER BY r.dag LIMIT 1) \
            FROM waiting WHERE waiting.dag IS NOT NULL \
        ) \
        SELECT d.key FROM waiting CROSS JOIN dags d \
        WHERE d.key = waiting.dag AND d.paused = 0 AND EXISTS ( \
            SELECT 1 FROM runs r WHERE r.shard = $1 AND r.dag = d.key AND r.state = 1 AND r.not_before <= $2) \
        ORDER BY d.key LIMIT $4";
    NEXT_QUEUED = "SELECT min(not_before) FROM runs WHERE shard = $1 AND state = 1 AND not_before > $2";
    COMMANDS = "SELECT id, run, body FROM commands \
        WHERE shard = $1 AND done IS NULL AND id > $2 ORDER BY id LIMIT $3";
    OUTPUTS_OF_TASK = "SELECT task, map_index, output, output_digest, output_bytes FROM task_instances \
        WHERE run = $1 AND task = $2 AND map_index >= $3 AND (output IS NOT NULL OR output_digest IS NOT NULL) \
        ORDER BY map_index LIMIT $4";
}

pub(crate) static QUEUED_RUNS_WITHOUT: [Statement; 2] = queued_runs_without!(
    run_columns!(),
    ", EXISTS (SELECT 1 FROM run_events e WHERE e.run = r.id)"
);

static EVENTS: Bulk = Bulk::with(
    "WITH wanted (run) AS (VALUES ",
    &[Column::Int],
    ") SELECT e.run, e.seq, e.body FROM wanted w CROSS JOIN run_events e WHERE e.run = w.run ORDER BY e.run, e.seq",
);
static OUTPUTS: Bulk = Bulk::with(
    "WITH wanted (run, task, map_index) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") SELECT i.task, i.map_index, i.output, i.output_digest, i.output_bytes FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.task = w.task AND i.map_index = w.map_index \
     AND (i.output IS NOT NULL OR i.output_digest IS NOT NULL)",
);
static RESUME_STATES: Bulk = Bulk::with(
    "WITH wanted (run, task, map_index) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") SELECT i.run, i.task, i.map_index, i.resume, i.wait, i.woken FROM wanted w CROSS JOIN task_instances i \
     WHERE i.run = w.run AND i.task = w.task AND i.map_index = w.map_index AND i.resume IS NOT NULL",
);
static VERSIONS: Bulk = Bulk::with(
    "WITH wanted (id) AS (VALUES ",
    &[Column::Int],
    ") SELECT v.id, v.dag, v.digest, v.document, v.files FROM wanted w CROSS JOIN versions v WHERE v.id = w.id",
);
static DAGS_OF_RUNS: Bulk = Bulk::with(
    "WITH wanted (run) AS (VALUES ",
    &[Column::Int],
    ") SELECT r.id, r.dag FROM wanted w CROSS JOIN runs r WHERE r.id = w.run",
);
pub(crate) static BULKS: &[&Bulk] = &[&EVENTS, &OUTPUTS, &RESUME_STATES, &VERSIONS, &DAGS_OF_RUNS];

impl Database {
    pub(super) async fn shard_dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Rows<DagState, DagKey>, StoreError> {
        let after = after.map_or(0, |key| key.0);
        let rows = self
            .backend()
            .read(DAGS, args![shard, after, limit])
            .await?;
        collect(rows, Row::take, |key, row| {
            Ok(DagState {
                key,
                tenant: row.take()?,
                id: row.take()?,
                active: row.take()?,
                paused: row.take()?,
                held: row.take()?,
                last_scheduled: row.take()?,
                scheduled_since: row.take()?,
            })
        })
    }

    pub(super) async fn stored_version(
        &self,
        version: VersionId,
    ) -> Result<Option<StoredVersion>, StoreError> {
        let Some(mut row) = self.backend().read_one(VERSION, args![version]).await? else {
            return Ok(None);
        };
        Ok(Some(StoredVersion {
            id: row.take()?,
            dag: row.take()?,
            digest: row.take()?,
            document: row.take()?,
            files: encoding::decode_files(&row.take::<Arc<str>>()?)?,
        }))
    }

    pub(super) async fn stored_versions(
        &self,
        versions: &[VersionId],
    ) -> Result<Rows<StoredVersion, VersionId>, StoreError> {
        let ids = versions.iter().map(|version| Value::from(version.0));
        let rows = self.backend().read_bulk(&VERSIONS, ids.collect()).await?;
        collect(rows, Row::take, |id, row| {
            Ok(StoredVersion {
                id,
                dag: row.take()?,
                digest: row.take()?,
                document: row.take()?,
                files: encoding::decode_files(&row.take::<Arc<str>>()?)?,
            })
        })
    }

    pub(super) async fn dags_with_runs(
        &self,
        runs: &[RunId],
    ) -> Result<Vec<(RunId, DagKey)>, StoreError> {
        let ids = runs.iter().map(|run| Value::from(*run));
        let rows = self
            .backend()
            .read_bulk(&DAGS_OF_RUNS, ids.collect())
            .await?;
        rows.into_iter()
            .map(|mut row| Ok((row.take()?, row.take()?)))
            .collect()
    }

    pub(super) async fn runs_in_progress(
        &self,
        shard: ShardId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        // Ids are not negative.
        let after = after.map_or(-1, RunId::as_i64);
        let args = args![shard, after, limit];
        match self.read_runs(ACTIVE_RUNS, args.clone()).await {
            Err(StoreError::Corrupt(_)) => self.runs_one_by_one(damaged::ACTIVE_RUNS, args).await,
            read => read,
        }
    }

    pub(super) async fn one_run(
        &self,
        run: RunId,
    ) -> Result<Option<Result<StoredRun, Unreadable<RunId>>>, StoreError> {
        match self.read_runs(ONE_RUN, args![run]).await {
            Ok(mut rows) => {
                let readable = rows.readable.pop().map(Ok);
                Ok(readable.or_else(|| rows.unreadable.pop().map(Err)))
            }
            Err(StoreError::Corrupt(why)) => Ok(Some(Err(Unreadable { key: run, why }))),
            Err(error) => Err(error),
        }
    }

    pub(super) async fn runs_in_queue(
        &self,
        dag: DagKey,
        now: Timestamp,
        without: &[Arc<str>],
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let dialect = self.backend().dialect() as usize;
        let mut args = args![dag, now, limit];
        let (rows, keys) = if without.is_empty() {
            (QUEUED_RUNS, damaged::QUEUED_RUNS)
        } else {
            args.extend(args![encoding::encode_texts(without)]);
            (
                QUEUED_RUNS_WITHOUT[dialect],
                damaged::QUEUED_RUNS_WITHOUT[dialect],
            )
        };
        match self.read_queued_runs(rows, args.clone()).await {
            Err(StoreError::Corrupt(_)) => self.runs_one_by_one(keys, args).await,
            read => read,
        }
    }

    pub(super) async fn recent_starts(
        &self,
        dag: DagKey,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Arc<str>)>, StoreError> {
        let args = args![dag, after, limit];
        let rows = self.backend().read(STARTS_BY_KEY, args).await?;
        let latest_first = rows.into_iter().rev();
        latest_first
            .map(|mut row| Ok((row.take()?, row.take()?)))
            .collect()
    }

    async fn read_queued_runs(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let rows = self.backend().read(statement, args).await?;
        let mut has_events = false;
        let mut runs = collect(rows, Row::take, |id, row| {
            let run = stored_run(id, row)?;
            // A queued run has no events, unless it was cleared back to its start.
            has_events |= row.take::<bool>()?;
            Ok(run)
        })?;
        if has_events {
            self.read_events(&mut runs).await?;
        }
        Ok(runs)
    }

    pub(super) async fn scheduled_in_queue(
        &self,
        dag: DagKey,
        limit: u32,
    ) -> Result<u32, StoreError> {
        let args = args![dag, RunKind::Scheduled, RunKind::Assets, limit];
        let row = self
            .backend()
            .read_one(COUNT_QUEUED_SCHEDULED, args)
            .await?;
        row.map_or(Ok(0), |mut row| row.take())
    }

    pub(super) async fn dags_in_queue(
        &self,
        shard: ShardId,
        now: Timestamp,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<DagKey>, StoreError> {
        let after = after.map_or(0, |key| key.0);
        let rows = self
            .backend()
            .read(DAGS_WITH_QUEUED_RUNS, args![shard, now, after, limit])
            .await?;
        rows.into_iter().map(|mut row| row.take()).collect()
    }

    pub(super) async fn next_in_queue(
        &self,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        match self
            .backend()
            .read_one(NEXT_QUEUED, args![shard, now])
            .await?
        {
            Some(mut row) => row.take(),
            None => Ok(None),
        }
    }

    pub(super) async fn waiting_commands(
        &self,
        shard: ShardId,
        after: Option<CommandId>,
        limit: u32,
    ) -> Result<Rows<Command, (CommandId, RunId)>, StoreError> {
        let after = after.map_or(0, |id| id.0);
        let args = args![shard, after, limit];
        match self.backend().read(COMMANDS, args.clone()).await {
            Ok(rows) => collect_commands(rows),
            Err(StoreError::Corrupt(_)) => self.commands_one_by_one(args).await,
            Err(error) => Err(error),
        }
    }

    pub(super) async fn outputs_of(
        &self,
        run: RunId,
        instances: &[Instance],
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        let rows = self
            .backend()
            .read_bulk(&OUTPUTS, keys(run, instances))
            .await?;
        rows.into_iter().map(output_row).collect()
    }

    pub(super) async fn outputs_from(
        &self,
        run: RunId,
        task: TaskIndex,
        from: u32,
        limit: u32,
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        let rows = self
            .backend()
            .read(OUTPUTS_OF_TASK, args![run, task.0, from, limit])
            .await?;
        rows.into_iter().map(output_row).collect()
    }

    pub(super) async fn resume_states_of(
        &self,
        instances: &[(RunId, Instance)],
    ) -> Result<Vec<ResumeState>, StoreError> {
        let keys = instances
            .iter()
            .flat_map(|(run, instance)| key(*run, *instance));
        let rows = self
            .backend()
            .read_bulk(&RESUME_STATES, keys.collect())
            .await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(ResumeState {
                    run: row.take()?,
                    instance: take_instance(&mut row)?,
                    state: row.take()?,
                    wait: decode_wait(row.take()?)?,
                    woken: row.take()?,
                })
            })
            .collect()
    }

    /// Runs with their events.
    async fn read_runs(
        &self,
        statement: Statement,
        args: Vec<Value>,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        let rows = self.backend().read(statement, args).await?;
        let mut runs = collect(rows, Row::take, stored_run)?;
        self.read_events(&mut runs).await?;
        Ok(runs)
    }

    /// Adds the events of these runs.
    async fn read_events(&self, runs: &mut Rows<StoredRun, RunId>) -> Result<(), StoreError> {
        let readable = runs.readable.iter();
        let positions: HashMap<RunId, usize> = readable
            .enumerate()
            .map(|(position, run)| (run.id, position))
            .collect();
        let ids = runs.readable.iter().map(|run| Value::from(run.id));
        for mut row in self.backend().read_bulk(&EVENTS, ids.collect()).await? {
            let run: RunId = row.take()?;
            let position = positions
                .get(&run)
                .ok_or_else(|| StoreError::Defect("events of another run".into()))?;
            let run = &mut runs.readable[*position];
            run.next_seq = row.take::<i64>()? + 1;
            run.events.push(row.take()?);
        }
        Ok(())
    }
}

/// Reads rows one by one: one that can't be read is returned by its key, which begins each row.
pub(crate) fn collect<T, K: Clone>(
    rows: Vec<Row>,
    mut key: impl FnMut(&mut Row) -> Result<K, StoreError>,
    mut read: impl FnMut(K, &mut Row) -> Result<T, StoreError>,
) -> Result<Rows<T, K>, StoreError> {
    let mut collected = Rows::default();
    for mut row in rows {
        let key = key(&mut row)?;
        match read(key.clone(), &mut row) {
            Ok(row) => collected.readable.push(row),
            Err(StoreError::Corrupt(why)) => collected.unreadable.push(Unreadable { key, why }),
            Err(error) => return Err(error),
        }
    }
    Ok(collected)
}

/// Rows of `id`, `run`, `body`.
pub(super) fn collect_commands(
    rows: Vec<Row>,
) -> Result<Rows<Command, (CommandId, RunId)>, StoreError> {
    let key = |row: &mut Row| Ok((row.take()?, row.take()?));
    collect(rows, key, |(id, run), row| {
        let kind = encoding::decode_command(&row.take::<Arc<str>>()?)?;
        Ok(Command { id, run, kind })
    })
}

fn decode_wait(text: Option<String>) -> Result<Option<Wait>, StoreError> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|error: WaitError| StoreError::Corrupt(format!("a wait: {error}")))
}

fn keys(run: RunId, instances: &[Instance]) -> Vec<Value> {
    instances
        .iter()
        .flat_map(|instance| key(run, *instance))
        .collect()
}

fn key(run: RunId, instance: Instance) -> [Value; 3] {
    [
        Value::from(run),
        Value::from(instance.task.0),
        Value::from(instance.index),
    ]
}

fn stored_run(id: RunId, row: &mut Row) -> Result<StoredRun, StoreError> {
    Ok(StoredRun {
        id,
        tenant: row.take()?,
        dag: row.take()?,
        version: row.take()?,
        kind: encoding::decode_run_kind(row.take()?)?,
        logical_date: row.take()?,
        interval: (row.take()?, row.take()?),
        params: row.take()?,
        not_before: row.take()?,
        created: row.take()?,
        trace: row.take()?,
        caller: encoding::decode_caller(
            row.take()?,
            row.take()?,
            row.take()?,
            row.take::<Option<Arc<str>>>()?.as_deref(),
        )?,
        concurrency_key: row.take()?,
        events: Vec::new(),
        next_seq: 0,
    })
}

pub(crate) fn take_instance(row: &mut Row) -> Result<Instance, StoreError> {
    Ok(Instance {
        task: TaskIndex(row.take()?),
        index: row.take()?,
    })
}

/// The columns `output`, `output_digest`, `output_bytes`.
pub(crate) fn take_output(row: &mut Row) -> Result<Option<Output>, StoreError> {
    let inline: Option<Arc<str>> = row.take()?;
    let digest = row.take()?;
    let bytes: Option<u64> = row.take()?;
    Ok(match (inline, digest) {
        (Some(inline), _) => Some(Output::Inline(inline)),
        (None, Some(digest)) => Some(Output::Blob {
            digest,
            bytes: bytes.unwrap_or(0),
        }),
        (None, None) => None,
    })
}

fn output_row(mut row: Row) -> Result<(Instance, Output), StoreError> {
    let instance = take_instance(&mut row)?;
    let output = take_output(&mut row)?
        .ok_or_else(|| StoreError::Defect("a row without an output".into()))?;
    Ok((instance, output))
}
