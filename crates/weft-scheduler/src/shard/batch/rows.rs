//! The rows that a turn writes, read from runs and changes.

use super::{super::runs::Runs, changes::Changes};
use crate::active_run::{ActiveRun, AttemptFacts, Record};
use weft_core::{
    document::TaskIndex,
    run::{Cause, Counts, Instance, InstanceState, RunState, record},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_store::{
    Asked, AttemptRecord, ClearedTask, EventChunk, InstanceRow, InstanceTag, RunUpdate, ShardLease,
    TaskSummary, Turn, Updated,
};

/// The turn that writes these changes.
pub(super) fn turn(
    lease: ShardLease,
    number: i64,
    now: Timestamp,
    changes: &Changes,
    runs: &Runs,
) -> Turn {
    let instances: Vec<InstanceRow> = changes
        .instances
        .iter()
        .filter_map(|(id, instance)| instance_row(runs.get(*id)?, *instance))
        .collect();
    Turn {
        lease,
        number,
        new_runs: changes.new_runs.clone(),
        runs: changes
            .runs
            .iter()
            .filter_map(|id| runs.get(*id))
            .map(run_update)
            .chain(changes.failed.iter().map(|(run, at)| failed_run(*run, *at)))
            .collect(),
        events: changes
            .with_events
            .iter()
            .filter_map(|id| runs.get(*id))
            .filter(|run| !run.new_events.is_empty())
            .map(|run| EventChunk {
                run: run.id,
                seq: run.next_seq,
                at: now,
                body: if run.has_recorded_defaults {
                    record::encode(&run.new_events)
                } else {
                    record::encode_first(&run.version.defaults, &run.new_events)
                },
            })
            .collect(),
        cleared: cleared_tasks(changes),
        attempts: changes.attempts.clone(),
        approvals: instances
            .iter()
            .filter_map(|row| asked(runs, row, now))
            .collect(),
        missed: changes.missed.clone(),
        updates: instances
            .iter()
            .flat_map(|row| updated(runs, row, now))
            .collect(),
        instances,
        tasks: changes
            .mapped
            .iter()
            .filter_map(|(id, task)| runs.get(*id).map(|run| summary(run, *task)))
            .collect(),
        commands: changes.commands.clone(),
        timetables: changes.timetables.values().cloned().collect(),
    }
}

fn cleared_tasks(changes: &Changes) -> Vec<ClearedTask> {
    let portions = changes.cleared_below.iter();
    let portions = portions.map(|((run, task), below)| (*run, *task, Some(*below)));
    let whole = changes
        .cleared
        .keys()
        .map(|(run, task)| (*run, *task, None));
    let tasks = portions.chain(whole).map(|(run, task, below)| ClearedTask {
        run,
        task,
        from: 0,
        below,
    });
    let instances = changes
        .cleared_ranges
        .iter()
        .flat_map(|((run, task), ranges)| {
            ranges.iter().map(|range| ClearedTask {
                run: *run,
                task: *task,
                from: range.start,
                below: Some(range.end),
            })
        });
    tasks.chain(instances).collect()
}

/// The row of a run that fails although its state is not known.
pub(crate) fn failed_run(id: RunId, at: Timestamp) -> RunUpdate {
    RunUpdate {
        id,
        state: RunState::Failed,
        started: None,
        ended: Some(at),
        counts: Counts::default(),
    }
}

fn run_update(run: &ActiveRun) -> RunUpdate {
    RunUpdate {
        id: run.id,
        state: run.run.state(),
        started: run.started,
        ended: run.ended,
        counts: run.run.totals(),
    }
}

fn summary(run: &ActiveRun, task: TaskIndex) -> TaskSummary {
    TaskSummary {
        run: run.id,
        task,
        instances: run.run.instances_of(task),
        counts: run.run.counts(task),
    }
}

/// The row of an instance; it has none while it waits for its first attempt.
fn instance_row(run: &ActiveRun, instance: Instance) -> Option<InstanceRow> {
    let record = run.records.get(&instance);
    let empty = Record::default();
    let record = record.unwrap_or(&empty);
    let (state, due) = stored_state(run.run.instance(instance)?, record)?;
    // After a recovery only the state machine knows the attempts that have ended.
    let last = AttemptFacts {
        number: run.run.next_number(instance)?.saturating_sub(1),
        ..AttemptFacts::default()
    };
    let attempt = record.attempt.as_ref().unwrap_or(&last);
    Some(InstanceRow {
        run: run.id,
        instance,
        state,
        cause: record.cause.map_or("progress", cause_name),
        number: attempt.number,
        nonce: attempt.nonce,
        queued: attempt.queued,
        started: attempt.started,
        ended: record.ended,
        due,
        worker: attempt.worker.clone(),
        output: record.output.clone(),
        resume: record.resume.clone(),
        wait: record
            .wait
            .clone()
            .filter(|_wait| state == InstanceTag::Deferred),
        woken: record.woken.clone(),
        error: record.error.clone(),
        usage: attempt.usage.clone(),
        log: attempt.log.clone(),
    })
}

/// What an instance asks since it deferred.
fn asked(runs: &Runs, row: &InstanceRow, at: Timestamp) -> Option<Asked> {
    let Some(Wait::Approval { .. }) = &row.wait else {
        return None;
    };
    let record = runs.get(row.run)?.records.get(&row.instance)?;
    Some(Asked {
        run: row.run,
        instance: row.instance,
        number: row.number,
        request: record.request.clone()?,
        at,
    })
}

/// What the success of an instance updated.
fn updated(runs: &Runs, row: &InstanceRow, now: Timestamp) -> Vec<Updated> {
    if row.state != InstanceTag::Success {
        return Vec::new();
    }
    let run = runs.get(row.run).filter(|run| run.version.has_outlets);
    let record = run.and_then(|run| run.records.get(&row.instance));
    let updates = record.map_or(&[][..], |record| &record.updates);
    let updates = updates.iter().map(|update| Updated {
        run: row.run,
        instance: row.instance,
        number: row.number,
        nonce: row.nonce,
        update: update.clone(),
        at: row.ended.unwrap_or(now),
    });
    updates.collect()
}

fn stored_state(state: InstanceState, record: &Record) -> Option<(InstanceTag, Option<Timestamp>)> {
    Some(match state {
        InstanceState::Waiting | InstanceState::Expanding => return None,
        InstanceState::Ready => {
            // One that was woken after a takeover has no attempt in memory.
            if record.attempt.is_none() && record.woken.is_none() {
                return None;
            }
            (InstanceTag::Ready, None)
        }
        InstanceState::Queued { attempt: _ } => (InstanceTag::Queued, None),
        InstanceState::Running { attempt: _ } => (InstanceTag::Running, None),
        InstanceState::UpForRetry { at } => (InstanceTag::UpForRetry, Some(at)),
        InstanceState::Deferred { until } => (InstanceTag::Deferred, until),
        InstanceState::Success => (InstanceTag::Success, None),
        InstanceState::Failed => (InstanceTag::Failed, None),
        InstanceState::Skipped => (InstanceTag::Skipped, None),
        InstanceState::UpstreamFailed => (InstanceTag::UpstreamFailed, None),
        InstanceState::Cancelled => (InstanceTag::Cancelled, None),
    })
}

/// The state of an instance as it is stored; `None` for one without a row.
pub(crate) fn instance_tag(run: &ActiveRun, instance: Instance) -> Option<InstanceTag> {
    let empty = Record::default();
    let record = run.records.get(&instance).unwrap_or(&empty);
    stored_state(run.run.instance(instance)?, record).map(|(tag, _)| tag)
}

/// The record of an attempt that ended while its instance goes on.
pub(crate) fn attempt_record(
    run: RunId,
    instance: Instance,
    record: &Record,
    end: &'static str,
    now: Timestamp,
) -> Option<AttemptRecord> {
    let attempt = record.attempt.as_ref()?;
    Some(AttemptRecord {
        run,
        instance,
        number: attempt.number,
        end,
        queued: attempt.queued,
        started: attempt.started,
        ended: now,
        worker: attempt.worker.clone(),
        error: record.error.clone(),
        usage: attempt.usage.clone(),
        log: attempt.log.clone(),
    })
}

/// A cause in snake case.
pub(crate) const fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Progress => "progress",
        Cause::Outcome => "outcome",
        Cause::Rule => "rule",
        Cause::Branch => "branch",
        Cause::Expansion => "expansion",
        Cause::NoSource => "no_source",
        Cause::BadBranch => "bad_branch",
        Cause::DeferredTooOften => "deferred_too_often",
        Cause::LostTooOften => "lost_too_often",
        Cause::Marked => "marked",
        Cause::Cancelled => "cancelled",
        Cause::RunTimeout => "run_timeout",
        Cause::Precondition => "precondition",
        Cause::Deadline => "deadline",
    }
}
