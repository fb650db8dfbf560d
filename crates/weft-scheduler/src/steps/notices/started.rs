//! A worker claimed an attempt.

use crate::{shard::outbox::Outbox, steps::events::RunEvents};
use std::sync::Arc;
use weft_broker::AttemptKey;
use weft_core::run::Event;

pub(super) fn apply(
    events: &mut RunEvents<'_>,
    outbox: &mut Outbox,
    key: AttemptKey,
    worker: Arc<str>,
) {
    let event = Event::Started {
        attempt: key.attempt,
    };
    // To the run, an attempt that its first worker released has started already.
    let is_claimed_again = outbox.remove_released(&key) && events.runs.is_running(&key);
    // The run rejects it if the attempt ended or was revoked before the notice arrived.
    let is_started = events.apply(key.run, event).is_ok();
    let now = events.cx.now();
    if (is_started || is_claimed_again)
        && let Some(active) = events.runs.get_mut(key.run)
    {
        let facts = active.attempt_facts(key.attempt);
        facts.started = Some(now);
        facts.worker = Some(worker);
    }
    if !is_started && !events.runs.is_current(&key) {
        // Its revocation came before the claim, or died with a scheduler.
        events.batch.revoke(key);
    }
    if is_claimed_again {
        let instance = key.attempt.instance;
        events.batch.add_started(now, key.run, instance);
    }
}
