//! Live attempts reconciled with the broker.
//!
//! A broker may lose a dispatch that it accepted, the expiry of a lease, or everything. So
//! attempts that are live for some time are compared with those that the broker knows, and all of
//! them after a takeover. An unknown attempt that no worker had is published again. One that a
//! worker had is lost, once the worker had time to announce it to a broker that lost everything.

use super::{attempts::lose_attempt, events::RunEvents};
use crate::{
    limits::RECONCILE_MIN_AGE,
    options::millis,
    shard::{
        Shard, attempt_key,
        reconcile::{Reconcile, Unknown},
    },
};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use weft_broker::AttemptKey;
use weft_core::{
    run::{InstanceState, Phase},
    time::Timestamp,
};

/// Attempts that the broker should know: live for some time, and published.
pub(crate) fn attempts_to_reconcile(shard: &Shard, now: Timestamp) -> Vec<(AttemptKey, Phase)> {
    let min_age = millis(RECONCILE_MIN_AGE);
    let outbox = &shard.outbox;
    let unprepared = outbox.unprepared().chain(shard.reads.attempts());
    let unpublished: HashSet<AttemptKey> = outbox
        .dispatches()
        .chain(shard.batch.dispatches().iter().map(|dispatch| dispatch.key))
        .chain(unprepared.map(|(run, attempt)| attempt_key(shard.id(), run, attempt)))
        .collect();
    let mut attempts = Vec::new();
    let runs = shard.runs.iter();
    for active in runs.filter(|active| !shard.batch.is_large(active.id)) {
        for instance in &active.live {
            let (attempt, phase) = match active.run.instance(*instance) {
                Some(InstanceState::Queued { attempt }) => (attempt, Phase::Queued),
                Some(InstanceState::Running { attempt }) => (attempt, Phase::Running),
                Some(_) | None => continue,
            };
            let facts = active.records.get(instance);
            let since = facts
                .and_then(|record| record.attempt.as_ref())
                .and_then(|attempt| attempt.queued);
            let key = attempt_key(shard.id(), active.id, attempt);
            let is_old = since.is_none_or(|since| since.plus(min_age) <= now);
            if is_old && !unpublished.contains(&key) {
                let phase = if outbox.is_released(&key) {
                    Phase::Queued
                } else {
                    phase
                };
                attempts.push((key, phase));
            }
        }
    }
    // The runs are in no order, and equal rounds are to have equal effects.
    attempts.sort_unstable_by_key(|(key, _)| (key.run, key.attempt.instance));
    attempts
}

/// Records that the broker does not know a started attempt. It is lost if it has been unknown for
/// `grace`.
pub(crate) fn record_unknown(
    events: &mut RunEvents<'_>,
    reconcile: &mut Reconcile,
    before: &Unknown,
    key: AttemptKey,
    now: Instant,
    grace: Duration,
) {
    if reconcile.record_unknown(before, key, now, grace) {
        lose_attempt(events, key);
    }
}
