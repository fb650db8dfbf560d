//! Active runs in memory again after a takeover.

use super::{attempts, deadlines, events::RunEvents};
use crate::{active_run::ActiveRun, shard::attempt_key, versions::Version};
use serde_json::{Map, Value};
use std::sync::Arc;
use weft_broker::AttemptKey;
use weft_core::run::{Phase, Run};
use weft_store::StoredRun;

/// Brings a run into memory; the error says why it can't be replayed.
pub(crate) fn replay_run(stored: StoredRun, version: Arc<Version>) -> Result<ActiveRun, String> {
    let run = replay_events(&stored, &version)?;
    Ok(ActiveRun::recovered(stored, version, run))
}

/// Replays a run's events; the error says why that is impossible.
pub(crate) fn replay_events(stored: &StoredRun, version: &Version) -> Result<Run, String> {
    // Tasks would get none of them.
    if let Err(error) = serde_json::from_str::<Map<String, Value>>(&stored.params) {
        return Err(format!("its parameters: {error}"));
    }
    Run::replay(Arc::clone(&version.plan), None, &stored.events).map_err(|error| error.to_string())
}

/// Adds a replayed run to the shard: its pending actions are applied, and its live attempts
/// occupy their slots. Returns those attempts, to be reconciled with the broker.
pub(crate) fn add_recovered_run(
    events: &mut RunEvents<'_>,
    mut active: ActiveRun,
) -> Vec<(AttemptKey, Phase)> {
    let id = active.id;
    active
        .metrics
        .update(&events.cx.heartbeat.metrics, active.run.totals());
    if let Some(entry) = events.runs.dag_mut(active.dag) {
        entry.add_active(id, active.concurrency_key.as_ref());
    }
    let pending = events
        .cx
        .faults
        .pending_actions(active.run.pending().collect());
    let live: Vec<_> = active.run.live_attempts().collect();
    let unwritten_starts = active.take_unwritten_starts();
    events.runs.insert(active);
    for action in pending {
        events.apply_action(id, action);
    }
    deadlines::set_deadlines(events, id);
    if events.cx.faults.occupies_slots() {
        let attempts: Vec<_> = live.iter().map(|alive| alive.attempt).collect();
        attempts::occupy_slots(events, id, &attempts);
    }
    for instance in unwritten_starts {
        let now = events.cx.now();
        events.batch.add_started(now, id, instance);
    }
    let keys = live.iter().map(|alive| {
        let key = attempt_key(events.shard, id, alive.attempt);
        (key, alive.phase)
    });
    keys.collect()
}
