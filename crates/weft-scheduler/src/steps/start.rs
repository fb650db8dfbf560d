//! The start of queued runs.

use super::{deadlines, events::RunEvents, recovery};
use crate::{
    active_run::ActiveRun,
    faults::FaultPoints,
    outputs::Outputs,
    shard::{Shard, run_keys::Key, runs::Runs},
    versions::Version,
};
use std::sync::Arc;
use weft_core::{
    run::{Event, Run, RunState},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{DagKey, StoredRun};

/// How many queued runs of a DAG may start now; none where it is paused, unknown or full.
pub(crate) fn startable_runs(runs: &Runs, faults: FaultPoints, dag: DagKey) -> Option<u32> {
    let entry = runs.dag(dag)?;
    let limit = faults.startable_runs(entry.startable_runs());
    (limit > 0 && !entry.state().paused).then_some(limit)
}

/// How many runs of a DAG have started at most that are queued by what is committed.
pub(crate) fn uncommitted_starts(shard: &Shard, dag: DagKey) -> u32 {
    if !shard.batch.has_sent_ahead() {
        return 0;
    }
    let changed = shard.batch.changed_runs().iter();
    let of_dag = changed.filter(|run| shard.runs.get(**run).is_some_and(|run| run.dag == dag));
    u32::try_from(of_dag.count()).unwrap_or(u32::MAX)
}

/// The keys of a DAG of which no run may start now, and of those that its rate holds back the time
/// when the first one may.
pub(crate) fn full_keys(
    runs: &mut Runs,
    dag: DagKey,
    now: Timestamp,
) -> (Vec<Key>, Option<Timestamp>) {
    let Some(entry) = runs.dag_mut(dag) else {
        return (Vec::new(), None);
    };
    let keys = entry.keys();
    (keys.full(now), keys.next_start())
}

/// Whether the bounds by key allow a queued run to start now.
pub(crate) fn may_start(runs: &mut Runs, dag: DagKey, key: Option<&Key>, now: Timestamp) -> bool {
    runs.dag_mut(dag)
        .is_some_and(|entry| entry.keys().may_start(key, now))
}

/// Whether a run of a continuous DAG is to be created, since none is queued or active.
pub(crate) fn needs_continuous_run(runs: &Runs, dag: DagKey, queued: &[StoredRun]) -> bool {
    let entry = runs.dag(dag);
    queued.is_empty()
        && entry.is_some_and(|entry| entry.is_continuous() && !entry.has_active_runs())
}

/// Whether a run that is stored as queued has started by its events.
pub(crate) fn has_started(stored: &StoredRun, version: &Version) -> bool {
    // Most have no events; a run that was marked before its start has a few.
    !stored.events.is_empty()
        && Run::replay(Arc::clone(&version.plan), None, &stored.events)
            .is_ok_and(|run| run.state() != RunState::Pending)
}

/// Starts a queued run that was read; the error says why its events can't be replayed.
pub(crate) fn start_run(
    events: &mut RunEvents<'_>,
    stored: StoredRun,
    version: Arc<Version>,
) -> Result<(), String> {
    let id = stored.id;
    // A run that was marked while it waited has events.
    let run = recovery::replay_events(&stored, &version)?;
    let mut active = ActiveRun::new(stored, version, run);
    active.outputs = Outputs::of_new_run(active.run.plan().tasks());
    events.runs.insert(active);
    start_loaded_run(events, id);
    Ok(())
}

/// Starts a queued run that is in memory.
pub(crate) fn start_loaded_run(events: &mut RunEvents<'_>, id: RunId) {
    let before = events.batch.urgency();
    if let Err(rejection) = events.apply(id, Event::Start) {
        tracing::error!(run = %id, %rejection, operation = "start run", "a queued run rejects its start; it stays queued");
        return;
    }
    let now = events.cx.now();
    if let Some(active) = events.runs.get(id) {
        let (dag, key, is_over) = (active.dag, active.concurrency_key.clone(), active.is_over());
        if let Some(entry) = events.runs.dag_mut(dag) {
            if let Some(key) = &key {
                entry.keys().add_start(key, now);
            }
            if !is_over {
                entry.add_active(id, key.as_ref());
            }
        }
        if !is_over {
            // A takeover finds it queued, and starts it again.
            events.batch.relax_since(before);
        }
    }
    deadlines::set_deadlines(events, id);
}

/// Corrects a run that was recovered although its row says that it is queued. Events are the
/// truth, and this turn writes its row.
pub(crate) fn correct_row(events: &mut RunEvents<'_>, id: RunId, dag: DagKey) {
    let is_over = events.runs.get(id).is_some_and(ActiveRun::is_over);
    if is_over && let Some(entry) = events.runs.dag_mut(dag) {
        entry.remove_active(id);
    }
    events.batch.change_run(id);
    events.batch.set_urgent();
}
