//! Attempts: created from what the fair queue chose, and lost with their workers.

use super::events::RunEvents;
use crate::{
    active_run::AttemptFacts,
    shard::batch::{Urgency, attempt_record},
};
use weft_broker::AttemptKey;
use weft_core::{
    fair_queue::Taken,
    run::{Attempt, Event},
    run_id::RunId,
};

/// Creates the next attempt of an instance; `None` where its run has ended meanwhile.
pub(crate) fn create_attempt(events: &mut RunEvents<'_>, taken: &Taken) -> Option<Attempt> {
    let Taken {
        run,
        instance,
        account,
    } = taken;
    let (run, instance) = (*run, *instance);
    let Some(active) = events.runs.get_mut(run) else {
        events.queue.release(account);
        return None;
    };
    active.live.insert(instance);
    let nonce = events.cx.draw_nonce();
    let dispatched = events.apply(run, Event::Dispatched { instance, nonce });
    let active = events.runs.get_mut(run)?;
    if dispatched.is_err() {
        // An earlier attempt of this turn ended the run.
        active.live.remove(&instance);
        events.queue.release(account);
        return None;
    }
    let number = active.run.next_number(instance).map_or(1, |next| next - 1);
    let record = active.record(instance);
    record.error = None;
    record.attempt = Some(AttemptFacts {
        number,
        nonce,
        queued: Some(events.cx.now()),
        ..AttemptFacts::default()
    });
    events.batch.raise_urgency(Urgency::Dispatch);
    Some(Attempt {
        instance,
        number,
        nonce,
    })
}

/// Ends an attempt whose worker was lost.
pub(crate) fn lose_attempt(events: &mut RunEvents<'_>, key: AttemptKey) {
    let AttemptKey { run, attempt, .. } = key;
    let record = events
        .runs
        .get(run)
        .and_then(|active| active.records.get(&attempt.instance))
        .cloned();
    if events.apply(run, Event::Lost { attempt }).is_err() {
        return;
    }
    tracing::warn!(%run, task = attempt.instance.task.0, number = attempt.number, operation = "lose attempt", "the worker of an attempt was lost; the attempt is retried or fails");
    // Losing an attempt revokes it too, which is not a second end.
    events.batch.remove_attempt(&key);
    let now = events.cx.now();
    let lost =
        record.and_then(|record| attempt_record(run, attempt.instance, &record, "lost", now));
    events.batch.add_attempt(lost);
}

/// The attempts of a recovered run occupy their slots again.
pub(crate) fn occupy_slots(events: &mut RunEvents<'_>, run: RunId, attempts: &[Attempt]) {
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    for attempt in attempts {
        active.live.insert(attempt.instance);
        let account = &active.task_facts(attempt.instance.task).account;
        events.queue.occupy(account);
    }
}
