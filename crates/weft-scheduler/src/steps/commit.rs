//! Memory after a commit, and after a turn that could not be committed as it was.

use super::{due_runs, notifications};
use crate::{
    context::Context,
    shard::{
        Shard,
        batch::{Batch, failed_run},
    },
};
use weft_core::{run::InstanceState, run_id::RunId, wait::Wait};
use weft_store::{NewRun, RunKind, Turn};

/// The turn that commits the batch.
pub(crate) fn next_turn(shard: &Shard, cx: &Context) -> Turn {
    let number = shard.turn + 1;
    shard.batch.turn(shard.lease, number, cx.now(), &shard.runs)
}

/// Takes in that the batch is committed: listeners are notified, runs that ended leave memory,
/// and the outbox gets what the broker is sent.
pub(crate) fn finish_turn(shard: &mut Shard, cx: &mut Context, turn: &Turn) {
    shard.turn += 1;
    let metrics = &cx.heartbeat.metrics;
    metrics.record_turn();
    // What was waited for may have come already.
    let instances = turn.instances.iter();
    let waits = instances
        .map(|row| &row.wait)
        .any(|wait| matches!(wait, Some(Wait::Event(_))));
    // A refused command may free an event, and one that cancels a tree of runs goes on to others.
    shard.expects_commands |= waits || !turn.commands.is_empty();
    shard.expects_assets |= !turn.updates.is_empty();
    look_up_waits(shard, turn);
    for update in &turn.runs {
        let dag = shard.runs.get(update.id).map(|active| active.dag);
        shard.preconditions.dag_changed(dag);
        if let Some(active) = shard.runs.get_mut(update.id) {
            active.metrics.update(metrics, update.counts);
        }
    }
    notifications::notify_listeners(shard, cx);
    for run in shard.batch.take_completed() {
        resume_large_run(shard, run);
    }
    let committed = shard.batch.take_committed();
    for run in committed.committed_runs() {
        let Some(active) = shard.runs.get_mut(run) else {
            continue;
        };
        active.set_events_committed();
        if active.is_over() {
            shard.waits.forget_run(run);
            shard.preconditions.forget_run(run);
            shard.runs.remove(run);
            shard.crashes.forget_run(run);
        }
    }
    for (run, instance) in committed.committed_instances() {
        if let Some(active) = shard.runs.get_mut(run)
            && active
                .run
                .instance(instance)
                .is_none_or(InstanceState::is_ended)
        {
            active.records.remove(&instance);
        }
    }
    for asked in &turn.approvals {
        if let Some(active) = shard.runs.get_mut(asked.run) {
            active.record(asked.instance).request = None;
        }
    }
    if cx.memory.is_full() {
        let (reads, batch) = (&shard.reads, &shard.batch);
        let runs = &mut shard.runs;
        runs.drop_committed_outputs(|run| reads.is_awaited(run) || batch.is_large(run));
    }
    let (dispatches, revocations, confirmations) = committed.into_messages();
    shard.outbox.extend(dispatches, revocations, confirmations);
}

/// Has waits looked up that this turn may have ended: for runs, for tasks, and for updates of assets.
fn look_up_waits(shard: &mut Shard, turn: &Turn) {
    if shard.waits.is_empty() {
        return;
    }
    for update in &turn.runs {
        let active = shard.runs.get(update.id);
        let dated = active.map(|active| {
            let dag = active.version.dag.id.clone();
            (active.tenant.clone(), dag, active.logical_date)
        });
        if update.state.is_ended() {
            shard.waits.run_ended(update.id, dated.as_ref());
        } else if let (Some(active), Some(dated)) = (active, dated) {
            let has_ended = |task| active.run.counts(task).unfinished() == 0;
            shard.waits.run_changed(update.id, has_ended);
            if matches!(active.kind, RunKind::Scheduled | RunKind::Backfill) {
                shard.waits.run_appeared(&dated);
            }
        }
    }
    if !shard.waits.has_assets() {
        return;
    }
    for updated in &turn.updates {
        if let Some(active) = shard.runs.get(updated.run) {
            let asset = (active.tenant.clone(), updated.update.asset.clone());
            shard.waits.asset_updated(&asset);
        }
    }
}

/// Holds a run whose changes take several turns: no attempt of it is made, and what it occupied stays
/// occupied until its last portion is committed. A takeover before that finds the run as it was.
pub(crate) fn hold_large_run(shard: &mut Shard, run: RunId) {
    shard.queue.hold_run(run);
    let Some(active) = shard.runs.get_mut(run) else {
        return;
    };
    active.withhold_slots(&mut shard.queue);
    let (dag, is_over) = (active.dag, active.is_over());
    let key = active.concurrency_key.clone();
    if is_over && let Some(entry) = shard.runs.dag_mut(dag) {
        entry.add_active(run, key.as_ref());
    }
}

/// Frees what a run occupied whose last portion is committed.
fn resume_large_run(shard: &mut Shard, run: RunId) {
    shard.queue.resume_run(run);
    let Some(active) = shard.runs.get_mut(run) else {
        return;
    };
    active.release_withheld(&mut shard.queue);
    let (dag, is_over) = (active.dag, active.is_over());
    if is_over && let Some(entry) = shard.runs.dag_mut(dag) {
        entry.remove_active(run);
        shard.schedule.mark_startable(dag);
    }
}

/// Takes in that a run's part of the turn was committed by itself.
pub(crate) fn finish_part(shard: &mut Shard, run: RunId, part: &Turn) {
    // The events of a run whose rows take several turns come with the last of them.
    if !part.events.is_empty()
        && let Some(active) = shard.runs.get_mut(run)
    {
        active.set_events_committed();
    }
    shard.batch.remove_written(run);
}

/// Removes a run whose part of the turn can't be committed.
pub(crate) fn drop_run(shard: &mut Shard, run: RunId) {
    shard.batch.remove_run(run);
    shard.queue.remove_run(run);
    shard.queue.resume_run(run);
    shard.reads.drop_run(run);
    let Some(mut active) = shard.runs.remove(run) else {
        return;
    };
    let live: Vec<_> = active.live.iter().copied().collect();
    for instance in live {
        active.free_slot(instance, &mut shard.queue);
    }
    active.release_withheld(&mut shard.queue);
    if let Some(entry) = shard.runs.dag_mut(active.dag) {
        entry.remove_active(run);
    }
}

/// Gives a run of this turn another id, since a run in the database has the one that was drawn.
/// It starts in the next turn: what it did so far is dropped.
pub(crate) fn redraw_run_id(shard: &mut Shard, cx: &mut Context, taken: RunId) {
    tracing::info!(run = %taken, operation = "create run", "another run has this id; the new run gets another one");
    let new_runs = shard.batch.take_new_runs(taken);
    drop_run(shard, taken);
    for new in new_runs {
        shard.schedule.mark_startable(new.dag);
        let id = due_runs::draw_free_run_id(cx, &shard.runs, &shard.batch);
        shard.batch.add_run(NewRun { id, ..new });
        for (run, instance) in shard.waits.rename_called_run(taken, id) {
            if let Some(active) = shard.runs.get_mut(run) {
                active.record(instance).wait = Some(Wait::Call(id));
                shard.batch.change_instance(run, instance);
            }
        }
    }
}

/// Removes the runs that break a turn. If none does, the parts of the turn that belong to no run
/// are removed: they can't be committed.
pub(crate) fn drop_broken(shard: &mut Shard, broken: &[RunId], error: &str) {
    for run in broken {
        tracing::error!(%run, error, operation = "commit turn", "a run can't be written; it fails, and the others continue");
        drop_run(shard, *run);
    }
    // What waits for a run that is not created after all is woken.
    shard.waits.look_up_all();
    if broken.is_empty() {
        tracing::error!(
            shard = shard.id().0,
            error,
            operation = "commit turn",
            "a turn can't be written and no run is the cause; its commands, timetables and new runs are dropped"
        );
        shard.batch.remove_unwritable();
    }
}

/// The turn that fails a run which can't be written otherwise.
pub(crate) fn failing_turn(shard: &Shard, cx: &Context, run: RunId) -> Turn {
    let (number, now) = (shard.turn + 1, cx.now());
    let mut turn = Batch::default().turn(shard.lease, number, now, &shard.runs);
    turn.runs.push(failed_run(run, now));
    turn
}
