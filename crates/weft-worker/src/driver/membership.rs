//! The worker's registration, and what follows from failed calls.

use super::{CALL_TIMEOUT, Driver, Membership, within};
use crate::{backoff::Backoff, clock::BootInstant};
use std::sync::Arc;
use weft_broker::{BrokerError, HeldClaim, LeaseTerms};

/// The kinds of calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum CallKind {
    Register,
    Claim,
    Signals,
    Renew,
    Report,
    Pause,
    Release,
}

impl Driver {
    /// Registers the worker and announces all held attempts.
    pub(super) fn register(&mut self, now: BootInstant) {
        if !self.calls.register.may_begin(now) {
            return;
        }
        let broker = Arc::clone(&self.broker);
        let info = self.info.clone();
        let holding = self.holding();
        self.is_unannounced = false;
        self.calls.register.begin(self.registrations, async move {
            within(CALL_TIMEOUT, broker.register(&info, &holding)).await
        });
    }

    /// The attempts to announce: waiting and running ones, those with a report that the broker
    /// does not have, and those to release.
    pub(super) fn holding(&self) -> Vec<HeldClaim> {
        self.held
            .iter()
            .filter(|(_, held)| held.is_kept())
            .map(|(key, held)| HeldClaim {
                key: *key,
                secret: held.secret,
            })
            .chain(self.outbox.unaccepted())
            .chain(self.unbegun.iter().copied())
            .collect()
    }

    pub(super) fn on_registered(
        &mut self,
        result: Result<LeaseTerms, BrokerError>,
        now: BootInstant,
    ) {
        match result {
            Ok(terms) => {
                tracing::debug!(worker = %self.info.id, holding = self.held.len(), operation = "register", "registered");
                self.calls.register.backoff.succeeded();
                self.membership = Membership::Joined;
                self.registrations += 1;
                self.terms = terms;
                // The held attempts are renewed at once: their new leases began with the call.
                self.renewed_at = BootInstant::START;
                self.outbox.resend_all();
                if let Some(draining) = &mut self.draining {
                    draining.pause_again();
                }
            }
            Err(error) => self.failed(CallKind::Register, &error, now),
        }
    }

    /// Handles a failed call: it is repeated later, after a new registration if the broker does
    /// not know the worker.
    pub(super) fn failed(&mut self, kind: CallKind, error: &BrokerError, now: BootInstant) {
        match error {
            BrokerError::Closed => self.membership = Membership::Closed,
            // The worker registered again meanwhile; the call is repeated.
            BrokerError::Unregistered if self.call(kind).0 < self.registrations => {}
            BrokerError::Unregistered => {
                if let Membership::Joined = self.membership {
                    tracing::warn!(worker = %self.info.id, operation = "register", "the broker lost the registration; registering again");
                    self.membership = Membership::Joining;
                }
                // The backoff avoids a tight loop with a broker that loses the registration each time.
                self.call(kind).1.failed(now);
            }
            BrokerError::Unavailable(_) | BrokerError::Full { .. } => {
                tracing::warn!(worker = %self.info.id, ?kind, %error, operation = "call broker", "broker call failed; retrying");
                self.call(kind).1.failed(now);
            }
        }
    }

    /// The registration of the last call of a kind, and its backoff.
    fn call(&mut self, kind: CallKind) -> (u64, &mut Backoff) {
        let calls = &mut self.calls;
        match kind {
            CallKind::Register => calls.register.state(),
            CallKind::Claim => calls.claim.state(),
            CallKind::Signals => calls.signals.state(),
            CallKind::Renew => calls.renew.state(),
            CallKind::Report => calls.report.state(),
            CallKind::Pause => calls.pause.state(),
            CallKind::Release => calls.release.state(),
        }
    }
}
