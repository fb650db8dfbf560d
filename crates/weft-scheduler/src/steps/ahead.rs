//! Tasks that run ahead of a commit (`weft_core::run_ahead`): which travel with a dispatch, and the
//! ends that come with its report.
//!
//! Their ends are applied in the turn of the success that they ran on, in the order of the chain, each
//! as the end of an attempt that this turn creates: they are committed with that success or not at
//! all. An end that does not count is dropped, and its task is dispatched as any other.

use super::{
    attempts::create_attempt,
    events::RunEvents,
    notices::{End, apply_end},
};
use crate::{
    active_run::ActiveRun,
    faults::FaultPoints,
    grants::Grant,
    limits::{MAX_AHEAD_BYTES, MAX_AHEAD_WALL},
    shard::{crashes::Crashes, settings::Settings},
};
use std::{sync::Arc, time::Duration};
use weft_broker::{AheadReport, AheadTask, AttemptKey};
use weft_core::{
    document::TaskIndex,
    run::Instance,
    run_ahead::{MAX_TASKS, is_sealed},
};

/// What may run ahead on a success of this instance: tasks whose last success took little time, since
/// the worker reports the success after them.
pub(super) fn tasks_after(
    active: &mut ActiveRun,
    instance: Instance,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) -> Vec<AheadTask> {
    let mut ahead = Vec::new();
    let (mut before, mut wall, mut bytes) = (instance.task, Duration::ZERO, 0);
    while ahead.len() < MAX_TASKS {
        let Some((task, grant)) = next_after(active, before, settings, crashes, faults) else {
            break;
        };
        let Some(took) = active.task_facts(task).last_wall.get() else {
            break;
        };
        wall += took;
        let instance = Instance { task, index: 0 };
        let Some(number) = active.run.next_number(instance) else {
            break;
        };
        let Ok(inputs) = active.inputs.ahead(task, &mut active.outputs) else {
            break;
        };
        let next = AheadTask {
            task,
            id: active.task(task).id.clone(),
            number,
            code: Arc::clone(&active.task_facts(task).code),
            inputs,
            idempotency_key: active.idempotency_key(instance),
            limits: grant.limits,
            deterministic: active.task(task).deterministic,
        };
        bytes += next.bytes();
        if wall > MAX_AHEAD_WALL || bytes > MAX_AHEAD_BYTES {
            break;
        }
        ahead.push(next);
        before = task;
    }
    ahead
}

/// The task that may run ahead on a success of `before`, and its grants.
fn next_after(
    active: &mut ActiveRun,
    before: TaskIndex,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) -> Option<(TaskIndex, Grant)> {
    let next = active.task_facts(before).next_in_chain?;
    let instance = Instance {
        task: next,
        index: 0,
    };
    if crashes.refusal(active, instance).is_some() || crashes.is_watched(active, instance) {
        return None;
    }
    let memory_bytes = active.grant(before, settings).ok()?.limits.memory_bytes;
    let grant = active.grant(next, settings).ok()?;
    let may_run = (is_sealed(&grant.granted) || !faults.seals_ahead())
        && grant.limits.memory_bytes <= memory_bytes;
    may_run.then_some((next, grant))
}

/// Applies the ends of what ran ahead on a success that was just applied.
pub(super) fn apply(
    events: &mut RunEvents<'_>,
    key: AttemptKey,
    worker: &Arc<str>,
    ahead: Vec<AheadReport>,
) {
    if !events.cx.options.runs_ahead {
        return;
    }
    let mut before = key.attempt.instance.task;
    for report in ahead {
        let AheadReport {
            task,
            number,
            outcome,
            usage,
            log,
            artifacts: _,
            updates,
        } = report;
        let Some(key) = begin(events, key, before, task, number) else {
            return;
        };
        let end = End {
            key,
            outcome,
            usage,
            log,
            updates,
            worker: Arc::clone(worker),
            ran_ahead: true,
        };
        if !apply_end(events, end) {
            return;
        }
        before = task;
    }
}

/// Creates the attempt of a task that ran ahead, if its end counts: the task may run after `before`
/// by what holds now, it is ready, and no hold and no bound keeps it from being dispatched.
fn begin(
    events: &mut RunEvents<'_>,
    of: AttemptKey,
    before: TaskIndex,
    task: TaskIndex,
    number: u32,
) -> Option<AttemptKey> {
    let run = of.run;
    let active = events.runs.get_mut(run)?;
    let (settings, crashes, faults) = (events.settings, &*events.crashes, events.cx.faults);
    let (next, _grant) = next_after(active, before, settings, crashes, faults)?;
    let instance = Instance { task, index: 0 };
    if let Some(attempt) = faults.attempt_of_void_end(active.run.instance(instance)) {
        return Some(AttemptKey { attempt, ..of });
    }
    if next != task || active.run.next_number(instance) != Some(number) {
        return None;
    }
    let taken = events.queue.take_task(run, task)?;
    let attempt = create_attempt(events, &taken)?;
    Some(AttemptKey { attempt, ..of })
}
