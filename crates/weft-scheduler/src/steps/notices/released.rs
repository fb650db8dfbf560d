//! A worker released an attempt that it never began. It is published again as the same attempt:
//! to the run it stays queued or started, as a claim is the broker's matter.

use crate::{
    shard::{outbox::Outbox, reconcile::Reconcile},
    steps::events::RunEvents,
};
use weft_broker::AttemptKey;

pub(super) fn apply(
    events: &mut RunEvents<'_>,
    outbox: &mut Outbox,
    reconcile: &mut Reconcile,
    key: AttemptKey,
) {
    let (runs, batch) = (&mut *events.runs, &mut *events.batch);
    reconcile.record_released(&key);
    let AttemptKey { run, attempt, .. } = key;
    if runs.is_running(&key) {
        outbox.add_released(key);
        if let Some(active) = runs.get_mut(run) {
            active.attempt_facts(attempt).worker = None;
        }
        // The row names a worker, and bars every other one until this is committed.
        batch.change_instance(run, attempt.instance);
    } else if !runs.is_queued(&key) {
        // The attempt is outdated; the broker may forget it.
        batch.revoke(key);
        return;
    }
    outbox.postpone_once(run, attempt);
}
