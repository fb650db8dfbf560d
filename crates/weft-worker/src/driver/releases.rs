//! Releases of claimed attempts that never started: all of them in a drain, else those that waited
//! too long.
//!
//! An attempt that was claimed ahead can't start on another worker. So none waits here behind long
//! tasks for more than [`MAX_TIME_TO_START`](weft_broker::MAX_TIME_TO_START), and nothing is
//! claimed ahead again until one of the running attempts has ended.

use super::{CALL_TIMEOUT, Driver, membership::CallKind, within};
use crate::{
    clock::BootInstant,
    held::{Held, Stage},
};
use std::sync::Arc;
use weft_broker::{BrokerError, Claim, HeldClaim};

impl Driver {
    /// Collects attempts for release that have waited too long for their start.
    pub(super) fn collect_stuck(&mut self, now: BootInstant) {
        let most = self.options.start_within;
        let count = self.collect_unbegun(|held| now.since(held.claimed) >= most);
        if count > 0 {
            self.is_crowded = true;
            tracing::info!(worker = %self.info.id, attempts = count, running = self.running, operation = "release", "claimed attempts waited too long for a slot; they are released for other workers");
        }
    }

    /// Collects held attempts for release that have not started; returns how many.
    pub(super) fn collect_unbegun(&mut self, is_due: impl Fn(&Held) -> bool) -> usize {
        let has_begun = |held: &Held| matches!(held.stage, Stage::Running(_));
        let before = self.unbegun.len();
        let unbegun = self
            .held
            .extract_if(|_, held| !has_begun(held) && is_due(held));
        self.unbegun.extend(unbegun.map(|(key, held)| HeldClaim {
            key,
            secret: held.secret,
        }));
        let count = self.unbegun.len() - before;
        if count > 0 {
            let held = &self.held;
            self.queued.retain(|key| held.contains_key(key));
            self.watch.waiting.retain(|key| held.contains_key(key));
        }
        count
    }

    /// Collects a claim for release that came after a drain began.
    pub(super) fn decline(&mut self, claim: &Claim) {
        let key = claim.dispatch.key;
        // A broker that lost its state may give the worker an attempt that it holds.
        if self.held.contains_key(&key) || self.outbox.remind(&key) {
            return;
        }
        self.unbegun.push(claim.held());
    }

    /// Releases the collected attempts; in a drain once the broker gives this worker no more.
    pub(super) fn release(&mut self, now: BootInstant) {
        let waits = self.draining.as_ref().is_some_and(|it| !it.is_paused);
        if waits || self.unbegun.is_empty() || !self.calls.release.may_begin(now) {
            return;
        }
        let claims = self.unbegun.clone();
        let broker = Arc::clone(&self.broker);
        self.calls.release.begin(self.registrations, async move {
            let result = within(CALL_TIMEOUT, broker.release(&claims)).await;
            (claims, result)
        });
    }

    pub(super) fn on_released(
        &mut self,
        claims: &[HeldClaim],
        result: Result<(), BrokerError>,
        now: BootInstant,
    ) {
        match result {
            Ok(()) => self.unbegun.retain(|claim| !claims.contains(claim)),
            Err(error) => self.failed(CallKind::Release, &error, now),
        }
    }
}
