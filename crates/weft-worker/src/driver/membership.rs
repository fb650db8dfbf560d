//! Being known to the broker: registering, and hearing that one isn't any more.

use super::{CALL_TIMEOUT, Driver, Membership, drain::Draining, within};
use crate::{backoff::Backoff, clock::BootInstant};
use std::sync::Arc;
use weft_broker::{AttemptKey, BrokerError, LeaseTerms};

/// Which of the calls failed.
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
    /// Announces the worker, with everything that it holds.
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

    /// What the broker may not give to others: what waits or runs, what ended and the
    /// broker doesn't know of, and what is on its way back.
    pub(super) fn holding(&self) -> Vec<AttemptKey> {
        self.held
            .iter()
            .filter(|(_, held)| held.is_kept())
            .map(|(key, _)| *key)
            .chain(self.outbox.unaccepted())
            .chain(self.draining.iter().flat_map(Draining::unbegun))
            .collect()
    }

    pub(super) fn on_registered(
        &mut self,
        result: Result<LeaseTerms, BrokerError>,
        now: BootInstant,
    ) {
        match result {
            Ok(terms) => {
                tracing::debug!(worker = %self.info.id, holding = self.held.len(), "registered");
                self.calls.register.backoff.succeeded();
                self.membership = Membership::Joined;
                self.registrations += 1;
                self.terms = terms;
                // What was held is renewed at once: the new leases began with the call.
                self.renewed_at = BootInstant::START;
                self.outbox.resend_all();
                if let Some(draining) = &mut self.draining {
                    draining.pause_again();
                }
            }
            Err(error) => self.failed(CallKind::Register, &error, now),
        }
    }

    /// A call failed: it is made again later, after registering anew where the
    /// broker doesn't know the worker.
    pub(super) fn failed(&mut self, kind: CallKind, error: &BrokerError, now: BootInstant) {
        match error {
            BrokerError::Closed => self.membership = Membership::Closed,
            // It has registered again meanwhile; the call is made again.
            BrokerError::Unregistered if self.call(kind).0 < self.registrations => {}
            BrokerError::Unregistered => {
                if let Membership::Joined = self.membership {
                    tracing::warn!(worker = %self.info.id, "the broker lost the registration; registering again");
                    self.membership = Membership::Joining;
                }
                // A broker that doesn't keep what it registered must not be asked in a tight loop.
                self.call(kind).1.failed(now);
            }
            BrokerError::Unavailable(_) | BrokerError::Full { .. } => {
                tracing::warn!(worker = %self.info.id, ?kind, %error, "broker call failed; retrying");
                self.call(kind).1.failed(now);
            }
        }
    }

    /// As of which registration the last call of a kind began, and its pauses.
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
