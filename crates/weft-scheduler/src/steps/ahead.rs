//! Instances that run ahead of a commit (`weft_core::run_ahead`): which travel with a dispatch, and
//! the ends that come with its report.
//!
//! Their ends are applied in the turn of the end that they came with, in order, each as the end of an
//! attempt that this turn creates: they are committed with it or not at all. An end that does not
//! count is dropped, and its instance is dispatched as any other.
//!
//! Instances that travel with another one and don't follow it in a chain are reserved meanwhile: they
//! stay ready to the state machine, and are in no queue. Where the one that they travel with ends in
//! whatever way, those that did not end return to the queue.

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
use weft_broker::{Ahead, AheadReport, AttemptKey, Dispatch};
use weft_core::{
    document::TaskIndex,
    fair_queue::Like,
    inputs::AheadInput,
    run::{Instance, InstanceState},
    run_ahead::{MAX_TASKS, is_sealed},
    run_id::RunId,
};

/// Adds what may run ahead to a dispatch: instances whose tasks took little time when they succeeded
/// last, since the worker reports the end of the attempt after them.
pub(super) fn add_ahead(events: &mut RunEvents<'_>, dispatch: &mut Dispatch) {
    if !events.cx.options.runs_ahead || dispatch.watched {
        return;
    }
    let AttemptKey { run, attempt, .. } = dispatch.key;
    // One that is prepared again may have some.
    return_reserved(events, run, attempt.instance);
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    if active
        .task_facts(attempt.instance.task)
        .next_in_chain
        .is_some()
    {
        let (settings, crashes, faults) = (events.settings, &*events.crashes, events.cx.faults);
        add_chain(active, dispatch, settings, crashes, faults);
    }
    if dispatch.ahead.is_empty() {
        reserve_others(events, dispatch);
    }
    if let Some(active) = events.runs.get_mut(run) {
        let ahead = dispatch.ahead.iter().map(|ahead| ahead.instance);
        active.attempt_facts(attempt).ahead = ahead.collect();
    }
}

/// Whether a dispatch may be sent ahead of the commit of its own attempt: if that is never committed,
/// nothing was seen of it, and its report is refused.
pub(super) fn may_be_sent_ahead(events: &mut RunEvents<'_>, dispatch: &Dispatch) -> bool {
    if !events.cx.options.runs_ahead || dispatch.watched {
        return false;
    }
    let AttemptKey { run, attempt, .. } = dispatch.key;
    let Some(active) = events.runs.get(run) else {
        return false;
    };
    let took = active.task_facts(attempt.instance.task).last_wall.get();
    took.is_some_and(|took| took <= MAX_AHEAD_WALL)
        && (is_sealed(&dispatch.granted) || !events.cx.faults.seals_ahead())
}

/// Adds the chain that follows a task.
fn add_chain(
    active: &mut ActiveRun,
    dispatch: &mut Dispatch,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) {
    let mut before = dispatch.key.attempt.instance.task;
    let (mut wall, mut bytes) = (Duration::ZERO, 0);
    while dispatch.ahead.len() < MAX_TASKS {
        let Some((task, grant)) = next_after(active, before, settings, crashes, faults) else {
            return;
        };
        let Some(took) = active.task_facts(task).last_wall.get() else {
            return;
        };
        let instance = Instance { task, index: 0 };
        let Ok(inputs) = active.inputs.ahead(task, &mut active.outputs) else {
            return;
        };
        let Some(next) = ahead_of(active, instance, true, inputs, &grant) else {
            return;
        };
        wall += took;
        bytes += next.bytes();
        if wall > MAX_AHEAD_WALL || bytes > MAX_AHEAD_BYTES {
            return;
        }
        dispatch.ahead.push(next);
        before = task;
    }
}

/// Reserves ready instances of the same run that go next, as many as there are more of than free slots
/// for each slot. They are of the same file, and occupy the same as the dispatched one.
fn reserve_others(events: &mut RunEvents<'_>, dispatch: &mut Dispatch) {
    let AttemptKey { run, attempt, .. } = dispatch.key;
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    let (settings, crashes, faults) = (events.settings, &*events.crashes, events.cx.faults);
    let like = Like {
        account: &Arc::clone(&active.task_facts(attempt.instance.task).account),
        run,
        memory_bytes: dispatch.limits.memory_bytes,
    };
    let most = events.queue.surplus(&like);
    if most == 0 {
        return;
    }
    let most = most.min(u32::try_from(MAX_TASKS).unwrap_or(u32::MAX));
    let (digest, ahead) = (dispatch.digest, &mut dispatch.ahead);
    let (mut wall, mut bytes) = (Duration::ZERO, 0);
    let fits = |instance: Instance| {
        let facts = active.task_facts(instance.task);
        let (is_of_file, took) = (facts.digest == Some(digest), facts.last_wall.get());
        let Some(took) = took.filter(|_| is_of_file) else {
            return false;
        };
        let next = reserve(active, instance, settings, crashes, faults);
        let Some(next) = next else {
            return false;
        };
        wall += took;
        bytes += next.bytes();
        if wall > MAX_AHEAD_WALL || bytes > MAX_AHEAD_BYTES {
            return false;
        }
        ahead.push(next);
        true
    };
    events.queue.draw(&like, most, fits);
}

fn reserve(
    active: &mut ActiveRun,
    instance: Instance,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) -> Option<Ahead> {
    let grant = active.grant(instance.task, settings).ok()?;
    let is_sealed = is_sealed(&grant.granted) || !faults.seals_ahead();
    if !is_sealed || is_suspect(crashes, active, instance) {
        return None;
    }
    // What a deferral left travels with a dispatch of its own.
    let record = active.records.get(&instance);
    if record.is_some_and(|record| record.resume.is_some() || record.woken.is_some()) {
        return None;
    }
    let inputs = active.inputs_of(instance).ok()?;
    let inputs = inputs.into_iter();
    let inputs = inputs.map(|(name, value)| (name, AheadInput::Value(value)));
    ahead_of(active, instance, false, inputs.collect(), &grant)
}

fn ahead_of(
    active: &ActiveRun,
    instance: Instance,
    on_success: bool,
    inputs: Vec<(String, AheadInput)>,
    grant: &Grant,
) -> Option<Ahead> {
    let task = active.task(instance.task);
    Some(Ahead {
        instance,
        on_success,
        is_mapped: !task.expand.is_empty(),
        id: task.id.clone(),
        number: active.run.next_number(instance)?,
        code: Arc::clone(&active.task_facts(instance.task).code),
        inputs,
        idempotency_key: active.idempotency_key(instance),
        limits: grant.limits,
        deterministic: task.deterministic,
    })
}

fn is_suspect(crashes: &Crashes, active: &ActiveRun, instance: Instance) -> bool {
    crashes.refusal(active, instance).is_some() || crashes.is_watched(active, instance)
}

/// The task that may run ahead on a success of `before`, and its grants.
fn next_after(
    active: &mut ActiveRun,
    before: TaskIndex,
    settings: &Settings,
    crashes: &Crashes,
    faults: FaultPoints,
) -> Option<(TaskIndex, Grant)> {
    let task = active.task_facts(before).next_in_chain?;
    if is_suspect(crashes, active, Instance { task, index: 0 }) {
        return None;
    }
    let memory_bytes = active.grant(before, settings).ok()?.limits.memory_bytes;
    let grant = active.grant(task, settings).ok()?;
    let may_run = (is_sealed(&grant.granted) || !faults.seals_ahead())
        && grant.limits.memory_bytes <= memory_bytes;
    may_run.then_some((task, grant))
}

/// Has the instances that travelled with an attempt dispatched by themselves, if they are still ready: it
/// is no longer live, or about to be dispatched again.
pub(super) fn return_reserved(events: &mut RunEvents<'_>, run: RunId, instance: Instance) {
    let ahead = take_reserved(events, run, instance);
    return_ready(events, run, &ahead);
}

/// The instances that travel with an attempt of this instance, which forgets them.
pub(super) fn take_reserved(
    events: &mut RunEvents<'_>,
    run: RunId,
    instance: Instance,
) -> Vec<Instance> {
    let active = events.runs.get_mut(run);
    let record = active.and_then(|active| active.records.get_mut(&instance));
    let attempt = record.and_then(|record| record.attempt.as_mut());
    attempt.map_or_else(Vec::new, |attempt| std::mem::take(&mut attempt.ahead))
}

/// Has those of these instances that are ready dispatched. One may be in the queue already.
fn return_ready(events: &mut RunEvents<'_>, run: RunId, instances: &[Instance]) {
    let Some(active) = events.runs.get(run) else {
        return;
    };
    let is_ready = |ahead: &Instance| active.run.instance(*ahead) == Some(InstanceState::Ready);
    let ready: Vec<Instance> = instances.iter().copied().filter(is_ready).collect();
    let is_next =
        |one: &Instance, next: &Instance| one.task == next.task && one.index + 1 == next.index;
    for range in ready.chunk_by(is_next) {
        let (first, last) = (range[0], range[range.len() - 1]);
        events.push_ready(run, first.task, first.index..last.index + 1);
    }
}

/// Applies the ends that came with one that was just applied, whose attempt these instances travelled
/// with. Those that did not end are dispatched.
pub(super) fn apply(
    events: &mut RunEvents<'_>,
    key: AttemptKey,
    worker: &Arc<str>,
    travelled: &[Instance],
    ahead: Vec<AheadReport>,
) {
    let mut before = key.attempt.instance.task;
    for report in ahead {
        let AheadReport {
            instance,
            number,
            outcome,
            usage,
            log,
            artifacts: _,
            updates,
        } = report;
        if !travelled.contains(&instance) {
            continue;
        }
        let Some(key) = begin(events, key, before, instance, number) else {
            continue;
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
        apply_end(events, end);
        before = instance.task;
    }
    return_ready(events, key.run, travelled);
}

/// Creates the attempt of an instance that ran ahead, if its end counts: it may run ahead by what holds
/// now, it is ready, and no hold and no bound keeps it from being dispatched.
fn begin(
    events: &mut RunEvents<'_>,
    with: AttemptKey,
    before: TaskIndex,
    instance: Instance,
    number: u32,
) -> Option<AttemptKey> {
    let run = with.run;
    let active = events.runs.get_mut(run)?;
    let (settings, crashes, faults) = (events.settings, &*events.crashes, events.cx.faults);
    let state = active.run.instance(instance);
    if let Some(attempt) = faults.attempt_of_void_end(state) {
        return Some(AttemptKey { attempt, ..with });
    }
    if state != Some(InstanceState::Ready) || active.run.next_number(instance) != Some(number) {
        return None;
    }
    let is_of_chain = active.task_facts(before).next_in_chain == Some(instance.task);
    let may_run = if is_of_chain {
        next_after(active, before, settings, crashes, faults).is_some()
    } else {
        let grant = active.grant(instance.task, settings).ok()?;
        is_sealed(&grant.granted) && !is_suspect(crashes, active, instance)
    };
    if !may_run {
        return None;
    }
    let account = Arc::clone(&active.task_facts(instance.task).account);
    let taken = events.queue.take_ran(run, instance, &account)?;
    let attempt = create_attempt(events, &taken)?;
    Some(AttemptKey { attempt, ..with })
}
