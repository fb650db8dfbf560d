//! The ends of what task instances wait for: runs, tasks and updates of assets.

use super::events::RunEvents;
use crate::{shard::waits::Waiter, versions::Version};
use serde_json::{Map, Value};
use weft_core::{
    id::DagId,
    run::{Event, Instance, InstanceState, RunState},
    run_id::RunId,
    wait::{AwaitedRun, AwaitedTask, MAX_CALL_OUTPUT_BYTES, SeenUpdate, Wait, Woken},
};
use weft_store::{Output, StoredUpdate};

/// Whether an instance still waits for this.
pub(crate) fn waits_for(events: &mut RunEvents<'_>, (run, instance): Waiter, wait: &Wait) -> bool {
    let state = events.runs.instance(run, instance);
    matches!(state, Some(InstanceState::Deferred { .. }))
        && events
            .runs
            .get_mut(run)
            .is_some_and(|active| active.record(instance).wait.as_ref() == Some(wait))
}

/// Wakes an instance whose wait is over.
pub(crate) fn end_wait(events: &mut RunEvents<'_>, waiter: Waiter, woken: &Woken) {
    let (run, instance) = waiter;
    events.waits.remove(waiter);
    if let Err(rejection) = events.apply(run, Event::Woken { instance }) {
        tracing::debug!(%run, ?instance, %rejection, operation = "end wait", "the run rejects the end of a wait; it was over already");
        return;
    }
    events.end_wait(run, instance, woken.to_json().into());
}

/// What wakes an instance whose run has ended.
pub(crate) fn ended(
    (run, dag, state): (RunId, DagId, RunState),
    outputs: Option<Map<String, Value>>,
) -> Woken {
    Woken::Run(AwaitedRun {
        run: Some(run),
        dag: Some(dag),
        state: Some(state),
        outputs,
    })
}

/// What wakes an instance that waits for what there is not; none where what it waits for is not looked up.
pub(crate) fn missing(wait: Wait) -> Option<Woken> {
    let run = |run, dag| AwaitedRun {
        run,
        dag,
        state: None,
        outputs: None,
    };
    let task = |run, dag, task| AwaitedTask {
        run,
        dag,
        task,
        end: None,
    };
    match wait {
        Wait::Run(id) | Wait::Call(id) => Some(Woken::Run(run(Some(id), None))),
        Wait::Dag { dag, .. } => Some(Woken::Run(run(None, Some(dag)))),
        Wait::RunTask { run: id, task: of } => Some(Woken::Task(task(Some(id), None, of))),
        Wait::DagTask { dag, task: of, .. } => Some(Woken::Task(task(None, Some(dag), of))),
        Wait::Event(_) | Wait::Approval { .. } | Wait::Asset { .. } => None,
    }
}

/// The update that wakes an instance.
pub(crate) fn seen(update: StoredUpdate) -> Woken {
    let StoredUpdate {
        asset,
        partition,
        metadata,
        at,
        run,
    } = update;
    let metadata = metadata.and_then(|text| serde_json::from_str(&text).ok());
    Woken::Update(SeenUpdate {
        asset,
        partition,
        metadata,
        at,
        run,
    })
}

/// The instances whose outputs a called run returns: of the tasks that no other one waits for, and
/// that are not mapped.
pub(crate) fn last_instances(version: &Version) -> Vec<Instance> {
    let plan = &version.plan;
    plan.tasks()
        .filter(|task| plan.downstreams(*task).is_empty())
        .filter(|task| version.dag.tasks[task.as_usize()].expand.is_empty())
        .map(|task| Instance { task, index: 0 })
        .collect()
}

/// The outputs that a called run returns, by task; those in the blob store and those beyond the
/// bound are left out.
pub(crate) fn returned_outputs(
    version: &Version,
    run: RunId,
    outputs: Vec<(Instance, Output)>,
) -> Map<String, Value> {
    let mut returned = Map::new();
    let mut bytes = 0;
    for (instance, output) in outputs {
        let Output::Inline(text) = output else {
            continue;
        };
        bytes += text.len();
        if bytes > MAX_CALL_OUTPUT_BYTES {
            break;
        }
        let task = &version.dag.tasks[instance.task.as_usize()].id;
        match serde_json::from_str(&text) {
            Ok(value) => drop(returned.insert(task.to_string(), value)),
            Err(error) => {
                tracing::error!(%run, %task, %error, operation = "return outputs", "an output is no JSON; the caller doesn't get it");
            }
        }
    }
    returned
}
