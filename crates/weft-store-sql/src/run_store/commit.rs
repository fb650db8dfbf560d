//! Writing a turn: everything of it in one transaction, in one order of tables and rows.
//!
//! Rows are written in the order of their keys, so that two transactions never
//! wait for each other's rows crosswise.

use super::lease::{STATE, read_state};
use crate::{
    Database, approvals,
    assets::waiting,
    backend::{Bulk, Column, Tx, Value, args, statements},
    dialect::Dialect,
    encoding, failures, named_events, noticed,
};
use std::{cmp::Ordering, collections::BTreeSet};
use weft_core::{run_id::RunId, time::Timestamp};
use weft_store::{ClearedTask, CommitError, NewRun, Output, RunUpdate, ShardId, StoreError, Turn};

statements! {
    ID_TAKEN = "SELECT 1 FROM runs WHERE id = $1";
    /// $1 run, $2 task, $3 the first map index that is cleared, $4 one beyond those that are.
    KEEP_CLEARED = "INSERT INTO attempts \
        (run, task, map_index, number, outcome, queued, started, ended, worker, error, usage, log) \
        SELECT run, task, map_index, number, CASE state \
            WHEN 1 THEN 'queued' WHEN 2 THEN 'running' WHEN 3 THEN 'up_for_retry' WHEN 4 THEN 'deferred' \
            WHEN 5 THEN 'ready' WHEN 10 THEN 'success' WHEN 11 THEN 'failed' WHEN 12 THEN 'skipped' \
            WHEN 13 THEN 'upstream_failed' ELSE 'cancelled' END, \
            queued, started, ended, worker, error, usage, log \
        FROM task_instances WHERE run = $1 AND task = $2 AND map_index >= $3 AND map_index < $4 AND number > 0 \
        ON CONFLICT (run, task, map_index, number) DO NOTHING";
    DELETE_CLEARED = "DELETE FROM task_instances \
        WHERE run = $1 AND task = $2 AND map_index >= $3 AND map_index < $4";
    DELETE_SUMMARY = "DELETE FROM run_tasks WHERE run = $1 AND task = $2";
}

/// Holds the shard's row until the transaction ends, so that a takeover waits for it.
static FENCE: Bulk = Bulk::with(
    "WITH fences (shard, epoch, turn) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") UPDATE shards SET turn = fences.turn, last_epoch = fences.epoch, last_turn = fences.turn FROM fences \
     WHERE shards.shard = fences.shard AND shards.epoch = fences.epoch AND shards.turn = fences.turn - 1 \
     RETURNING shards.shard",
);
static NEW_RUNS: Bulk = Bulk::insert(
    "INSERT INTO runs (id, tenant, dag, version, shard, kind, state, logical_date, interval_start, interval_end, \
     params, not_before, created, trace, caller, caller_task, caller_index, caller_dags, concurrency_key) VALUES ",
    {
        use Column::{Int, Text};
        &[
            Int, Text, Int, Int, Int, Int, Int, Int, Int, Int, Text, Int, Int, Text, Int, Int, Int,
            Text, Text,
        ]
    },
    " ON CONFLICT DO NOTHING RETURNING id",
);
static ATTEMPTS: Bulk = Bulk::insert(
    "INSERT INTO attempts (run, task, map_index, number, outcome, queued, started, ended, worker, error, usage, log) \
     VALUES ",
    {
        use Column::{Int, Text};
        &[
            Int, Int, Int, Int, Text, Int, Int, Int, Text, Text, Text, Text,
        ]
    },
    " ON CONFLICT (run, task, map_index, number) DO UPDATE SET outcome = excluded.outcome, queued = excluded.queued, \
     started = excluded.started, ended = excluded.ended, worker = excluded.worker, error = excluded.error, \
     usage = excluded.usage, log = excluded.log",
);
static INSTANCES: Bulk = Bulk::insert(
    "INSERT INTO task_instances (run, task, map_index, state, cause, number, nonce, queued, started, ended, due, worker, \
     output, output_digest, output_bytes, resume, wait, woken, error, usage, log) VALUES ",
    {
        use Column::{Bytes, Int, Text};
        &[
            Int, Int, Int, Int, Text, Int, Int, Int, Int, Int, Int, Text, Text, Bytes, Int, Text,
            Text, Text, Text, Text, Text,
        ]
    },
    " ON CONFLICT (run, task, map_index) DO UPDATE SET state = excluded.state, cause = excluded.cause, \
     number = excluded.number, nonce = excluded.nonce, queued = excluded.queued, started = excluded.started, \
     ended = excluded.ended, due = excluded.due, worker = excluded.worker, output = excluded.output, \
     output_digest = excluded.output_digest, output_bytes = excluded.output_bytes, resume = excluded.resume, \
     wait = excluded.wait, woken = excluded.woken, error = excluded.error, usage = excluded.usage, log = excluded.log",
);
static TASKS: Bulk = Bulk::insert(
    "INSERT INTO run_tasks (run, task, instances, counts) VALUES ",
    &[Column::Int, Column::Int, Column::Int, Column::Text],
    " ON CONFLICT (run, task) DO UPDATE SET instances = excluded.instances, counts = excluded.counts",
);
static EVENTS: Bulk = Bulk::insert(
    "INSERT INTO run_events (run, seq, at, body) VALUES ",
    &[Column::Int, Column::Int, Column::Int, Column::Text],
    "",
);
/// The columns of rows of [`runs`].
const RUN_COLUMNS: &[Column] = &[
    Column::Int,
    Column::Int,
    Column::Int,
    Column::Int,
    Column::Text,
];
static RUNS: Bulk = Bulk::with(
    "WITH changed (id, state, started, ended, counts) AS (VALUES ",
    RUN_COLUMNS,
    ") UPDATE runs SET state = changed.state, started = changed.started, ended = changed.ended, counts = changed.counts \
     FROM changed WHERE runs.id = changed.id",
);
static RUNS_GOING_ON: Bulk = Bulk::with(
    "WITH changed (id, state, started, ended, counts) AS (VALUES ",
    RUN_COLUMNS,
    ") UPDATE runs SET started = changed.started, ended = changed.ended, counts = changed.counts \
     FROM changed WHERE runs.id = changed.id AND runs.state = changed.state",
);
static RUNS_MOVED: Bulk = Bulk::with(
    "WITH changed (id, state, started, ended, counts) AS (VALUES ",
    RUN_COLUMNS,
    ") UPDATE runs SET state = changed.state, started = changed.started, ended = changed.ended, counts = changed.counts \
     FROM changed WHERE runs.id = changed.id AND runs.state <> changed.state",
);
static COMMANDS: Bulk = Bulk::with(
    "WITH carried (id, done, refused) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Text],
    ") UPDATE commands SET done = carried.done, refused = carried.refused FROM carried WHERE commands.id = carried.id",
);
/// Gives the command that cancels a tree of runs to the runs that these commands' runs called.
static CANCEL_CALLED: Bulk = Bulk::with(
    "WITH carried (id, now) AS (VALUES ",
    &[Column::Int, Column::Int],
    ") INSERT INTO commands (shard, tenant, run, body, created, created_by) \
     SELECT r.shard, r.tenant, r.id, c.body, carried.now, c.created_by \
     FROM carried CROSS JOIN commands c CROSS JOIN runs r \
     WHERE c.id = carried.id AND c.body = '{\"kind\":\"cancel_tree\"}' AND r.caller = c.run AND r.state IN (1, 2)",
);
static TIMETABLES: Bulk = Bulk::with(
    "WITH moved (key, last_scheduled, next_run) AS (VALUES ",
    &[Column::Int, Column::Int, Column::Int],
    ") UPDATE dags SET last_scheduled = moved.last_scheduled, next_run = moved.next_run \
     FROM moved WHERE dags.key = moved.key",
);
pub(crate) static BULKS: &[&Bulk] = &[
    &FENCE,
    &NEW_RUNS,
    &ATTEMPTS,
    &INSTANCES,
    &TASKS,
    &EVENTS,
    &RUNS,
    &RUNS_GOING_ON,
    &RUNS_MOVED,
    &COMMANDS,
    &CANCEL_CALLED,
    &TIMETABLES,
];

impl Database {
    pub(super) async fn commit_turn(&self, turn: &Turn) -> Result<(), CommitError> {
        // The values are laid out before the writer is taken.
        let matches = named_events::concerns(turn);
        let now = if turn.commands.is_empty() && !matches {
            Timestamp::default()
        } else {
            self.clock().await?
        };
        let mut writes = vec![
            (&ATTEMPTS, attempts(turn)),
            (&INSTANCES, instances(turn)),
            (&TASKS, tasks(turn)),
            (&EVENTS, events(turn)),
            (&approvals::OF_TURN, approvals::asked(turn)),
            // Before the runs, whose states show what changes.
            (noticed::OF_TURN[0], noticed::ended(turn)),
        ];
        match self.backend().dialect() {
            // It writes every index of a column that a statement sets, whether the value is
            // another one or not: six hold the state, and most turns leave it as it is.
            Dialect::Sqlite => writes.extend([
                (&RUNS_GOING_ON, runs(&turn.runs)),
                (&RUNS_MOVED, runs(&turn.runs)),
            ]),
            // It compares values itself.
            Dialect::Postgres => writes.push((&RUNS, runs(&turn.runs))),
        }
        let failed = failures::count(turn);
        writes.push((failures::OF_TURN, failures::of_turn(&failed)));
        writes.push((noticed::OF_TURN[1], noticed::of_tasks(&failed, turn)));
        writes.push((&COMMANDS, commands(turn, now)));
        writes.push((&CANCEL_CALLED, carried_out(turn, now)));
        writes.push((&TIMETABLES, timetables(turn)));
        let shard = turn.lease.shard;
        let fence = (&FENCE, args![shard, turn.lease.epoch, turn.number]);
        let is_plain = turn.new_runs.is_empty()
            && turn.cleared.is_empty()
            && turn.updates.is_empty()
            && !matches;
        if is_plain
            && self
                .backend()
                .write_batch(std::iter::once(&fence).chain(&writes))
                .await?
        {
            return Ok(());
        }
        let mut tx = self.backend().begin().await?;
        let (bulk, values) = fence;
        if tx.run_bulk(bulk, values).await?.is_empty() {
            return why_fenced(&mut tx, turn).await;
        }
        insert_runs(&mut tx, shard, &turn.new_runs).await?;
        clear(&mut tx, &turn.cleared).await?;
        for (bulk, values) in writes {
            tx.run_bulk(bulk, values).await?;
        }
        waiting::write_turn(&mut tx, turn).await?;
        if matches {
            named_events::match_turn(&mut tx, turn, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// What a turn means that the fence stopped: fine if it was committed before. A database that
/// came back without turns that it had acknowledged is behind the turn, or in an earlier epoch.
async fn why_fenced(tx: &mut Tx, turn: &Turn) -> Result<(), CommitError> {
    let shard = turn.lease.shard;
    let Some(row) = tx.run_one(STATE, args![shard]).await? else {
        return Err(CommitError::Fenced(shard));
    };
    let found = read_state(row)?;
    match (found.epoch, found.turn).cmp(&(turn.lease.epoch, turn.number)) {
        Ordering::Equal => Ok(()),
        Ordering::Less => Err(CommitError::TurnsLost(found)),
        Ordering::Greater => Err(CommitError::Fenced(shard)),
    }
}

async fn insert_runs(tx: &mut Tx, shard: ShardId, new: &[NewRun]) -> Result<(), CommitError> {
    if new.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<&NewRun> = new.iter().collect();
    sorted.sort_by_key(|run| run.id);
    // The second of two would be left out in silence, as if it were there already.
    if let Some(same) = sorted.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(CommitError::IdTaken(same[0].id));
    }
    let mut values = Vec::with_capacity(sorted.len() * 19);
    for run in sorted {
        let caller = run.caller.as_ref();
        values.extend(args![
            run.id,
            &run.tenant,
            run.dag,
            run.version,
            shard,
            run.kind,
            encoding::encode_run_state(weft_core::run::RunState::Pending),
            run.logical_date,
            run.interval.0,
            run.interval.1,
            &run.params,
            run.not_before,
            run.created,
            run.trace.as_ref(),
            caller.map(|caller| caller.run),
            caller.map(|caller| caller.instance.task.0),
            caller.map(|caller| caller.instance.index),
            caller.map(|caller| encoding::encode_dags(&caller.dags)),
            run.concurrency_key.as_ref(),
        ]);
    }
    let mut made = BTreeSet::new();
    for mut row in tx.run_bulk(&NEW_RUNS, values).await? {
        made.insert(row.take::<RunId>()?);
    }
    let Some(refused) = new.iter().find(|run| !made.contains(&run.id)) else {
        return Ok(());
    };
    let id = refused.id;
    match tx.run_one(ID_TAKEN, args![id]).await? {
        Some(_another) => Err(CommitError::IdTaken(id)),
        None => Err(CommitError::RunExists(id)),
    }
}

async fn clear(tx: &mut Tx, cleared: &[ClearedTask]) -> Result<(), StoreError> {
    for ClearedTask {
        run,
        task,
        from,
        below,
    } in sorted(cleared, |row| (row.run, row.task, row.from))
    {
        let end = below.map_or(i64::MAX, i64::from);
        for statement in [KEEP_CLEARED, DELETE_CLEARED] {
            tx.run(statement, args![*run, task.0, *from, end]).await?;
        }
        if below.is_none() {
            tx.run(DELETE_SUMMARY, args![*run, task.0]).await?;
        }
    }
    Ok(())
}

/// References in the order of their keys.
fn sorted<T, K: Ord>(rows: &[T], key: impl Fn(&T) -> K) -> Vec<&T> {
    let mut rows: Vec<&T> = rows.iter().collect();
    rows.sort_by_key(|row| key(row));
    rows
}

fn attempts(turn: &Turn) -> Vec<Value> {
    let mut values = Vec::with_capacity(turn.attempts.len() * 12);
    for row in sorted(&turn.attempts, |row| (row.run, row.instance, row.number)) {
        values.extend(args![
            row.run,
            row.instance.task.0,
            row.instance.index,
            row.number,
            row.end,
            row.queued,
            row.started,
            row.ended,
            row.worker.as_ref(),
            row.error.as_ref(),
            row.usage.as_ref(),
            row.log.as_ref(),
        ]);
    }
    values
}

fn instances(turn: &Turn) -> Vec<Value> {
    let mut values = Vec::with_capacity(turn.instances.len() * 21);
    for row in sorted(&turn.instances, |row| (row.run, row.instance)) {
        let (inline, digest, bytes) = match &row.output {
            None => (None, None, None),
            Some(Output::Inline(text)) => (Some(text), None, None),
            // No output has more than 2^63 bytes.
            Some(Output::Blob { digest, bytes }) => (None, Some(digest), Some(bytes.cast_signed())),
        };
        values.extend(args![
            row.run,
            row.instance.task.0,
            row.instance.index,
            row.state as i16,
            row.cause,
            row.number,
            row.nonce.cast_signed(),
            row.queued,
            row.started,
            row.ended,
            row.due,
            row.worker.as_ref(),
            inline,
            digest,
            bytes,
            row.resume.as_ref(),
            row.wait.as_ref().map(ToString::to_string),
            row.woken.as_ref(),
            row.error.as_ref(),
            row.usage.as_ref(),
            row.log.as_ref(),
        ]);
    }
    values
}

fn tasks(turn: &Turn) -> Vec<Value> {
    sorted(&turn.tasks, |row| (row.run, row.task))
        .into_iter()
        .flat_map(|row| {
            args![
                row.run,
                row.task.0,
                row.instances,
                encoding::encode_counts(&row.counts)
            ]
        })
        .collect()
}

fn events(turn: &Turn) -> Vec<Value> {
    sorted(&turn.events, |row| (row.run, row.seq))
        .into_iter()
        .flat_map(|row| args![row.run, row.seq, row.at, &row.body])
        .collect()
}

fn runs(runs: &[RunUpdate]) -> Vec<Value> {
    sorted(runs, |row| row.id)
        .into_iter()
        .flat_map(|row| {
            args![
                row.id,
                encoding::encode_run_state(row.state),
                row.started,
                row.ended,
                encoding::encode_counts(&row.counts)
            ]
        })
        .collect()
}

fn commands(turn: &Turn, now: Timestamp) -> Vec<Value> {
    sorted(&turn.commands, |row| row.id)
        .into_iter()
        .flat_map(|row| args![row.id, now, row.refused.as_ref()])
        .collect()
}

/// Commands that were not refused.
fn carried_out(turn: &Turn, now: Timestamp) -> Vec<Value> {
    let carried = turn.commands.iter().filter(|done| done.refused.is_none());
    carried.flat_map(|done| args![done.id, now]).collect()
}

fn timetables(turn: &Turn) -> Vec<Value> {
    sorted(&turn.timetables, |row| row.dag)
        .into_iter()
        .flat_map(|row| args![row.dag, row.last_scheduled, row.next])
        .collect()
}
