//! Notifications of listeners about what a turn committed.

use crate::{
    active_run::ActiveRun,
    context::Context,
    feed::{Change, Feed},
    shard::{Shard, batch::instance_tag},
};
use weft_core::run::Instance;

/// Publishes the changes of a batch that is committed.
pub(crate) fn notify_listeners(shard: &mut Shard, cx: &Context) {
    if cx.feed.wants_runs() {
        for run in shard.batch.changed_runs() {
            if let Some(active) = shard.runs.get_mut(*run)
                && !active.notify(&cx.feed)
            {
                shard.pending_notifications.insert(*run);
            }
        }
    }
    if cx.feed.wants_everything() {
        notify_of_everything(shard, &cx.feed);
    }
}

fn notify_of_everything(shard: &Shard, feed: &Feed) {
    for (run, instance) in shard.batch.changed_instances() {
        let active = shard.runs.get(*run);
        if let Some(change) = active.and_then(|active| instance_change(active, *instance)) {
            feed.publish(change);
        }
    }
    let changed = shard.batch.changed_runs().iter();
    for active in changed.filter_map(|run| shard.runs.get(*run)) {
        feed.publish(active.change());
    }
}

fn instance_change(active: &ActiveRun, instance: Instance) -> Option<Change> {
    let state = instance_tag(active, instance)?;
    let record = active.records.get(&instance);
    let attempt = record.and_then(|record| record.attempt.as_ref());
    let is_mapped = active.run.is_expanded(instance.task);
    Some(Change::Instance {
        tenant: active.tenant.clone(),
        run: active.id,
        task: active.task(instance.task).id.clone(),
        map_index: is_mapped.then_some(instance.index),
        state,
        number: attempt.map_or(0, |attempt| attempt.number),
        worker: attempt.and_then(|attempt| attempt.worker.clone()),
    })
}

/// Notifies listeners of runs of the changes that had to wait.
pub(crate) fn notify_pending(shard: &mut Shard, cx: &Context) {
    for run in std::mem::take(&mut shard.pending_notifications) {
        if let Some(active) = shard.runs.get_mut(run)
            && !active.notify(&cx.feed)
        {
            shard.pending_notifications.insert(run);
        }
    }
}
