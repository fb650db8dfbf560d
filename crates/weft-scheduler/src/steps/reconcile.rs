//! Live attempts reconciled with the broker.
//!
//! A broker may lose a dispatch that it accepted, the expiry of a lease, or everything. So
//! attempts that are live for some time are compared with those that the broker knows, and all of
//! them after a takeover. An unknown attempt that no worker had is published again. One that a
//! worker had is lost, once the worker had time to announce it to a broker that lost everything.
//! A known one is lost as well when a worker has had it for longer than its task may take: the
//! worker should have ended it, and may renew its lease for ever. An attempt that only waits on its
//! worker is released in time, and its next claim begins anew.

use super::{attempts::lose_attempt, events::RunEvents};
use crate::{
    limits::RECONCILE_MIN_AGE,
    options::millis,
    shard::{
        Shard, attempt_key,
        reconcile::{Reconcile, Round},
    },
};
use std::{collections::HashSet, time::Duration};
use tokio::time::Instant;
use weft_broker::AttemptKey;
use weft_core::{
    limit::Limits,
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
        .iter()
        .chain(shard.batch.dispatches())
        .map(|dispatch| dispatch.key)
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
    before: &Round,
    key: AttemptKey,
    now: Instant,
    grace: Duration,
) {
    if reconcile.record_unknown(before, key, now, grace) {
        lose_attempt(events, key);
    }
}

/// Records that the broker knows a started attempt. It is lost, and its worker loses it, after the
/// timeout of its task and a grace, which includes the time that it may wait for a slot.
pub(crate) fn record_running(
    events: &mut RunEvents<'_>,
    reconcile: &mut Reconcile,
    before: &Round,
    key: AttemptKey,
    now: Instant,
) {
    let timeout = timeout(events, &key);
    let most = timeout.saturating_add(events.cx.options.overdue_grace);
    if reconcile.record_running(before, key, now, most) {
        tracing::warn!(run = %key.run, task = key.attempt.instance.task.0, number = key.attempt.number, ?timeout, operation = "reconcile", "a worker keeps an attempt beyond its timeout; the attempt is taken back");
        lose_attempt(events, key);
    }
}

/// How long an attempt may run at most, under the policy of now.
fn timeout(events: &mut RunEvents<'_>, key: &AttemptKey) -> Duration {
    let limits = events.runs.get_mut(key.run).and_then(|active| {
        let policy = events.settings.policy(&active.tenant)?;
        let (dag, task) = (&active.version.dag, key.attempt.instance.task);
        active.grants.evaluate(dag, task, policy).ok()
    });
    // A policy that no longer allows the task leaves its attempts the most that any may have.
    let limits = limits.map_or(Limits::MAXIMUM, |grant| grant.limits);
    Duration::from_millis(limits.timeout().0)
}
