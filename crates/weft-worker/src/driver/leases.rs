//! Leases: one call renews all of them, and an attempt without a lease is killed.
//!
//! An attempt is killed before its lease expires. The margin is larger than the delay of a claim
//! or a tick, so that by the broker's clock the attempt has stopped before another worker may
//! start it.

use super::{Driver, membership::CallKind, within};
use crate::{clock::BootInstant, held::Stage};
use std::sync::Arc;
use weft_broker::{AttemptKey, BrokerError, HeldClaim};

/// An attempt is killed when this part of the lease is left.
const MARGIN_PART: u32 = 5;

/// One round of renewals.
pub(super) struct Renewal {
    /// When it was requested: the new leases count from here.
    asked_at: BootInstant,
    asked: Vec<HeldClaim>,
    /// The attempts that the worker lost.
    result: Result<Vec<AttemptKey>, BrokerError>,
}

impl Driver {
    /// Renews all held attempts; without any, the registration.
    pub(super) fn renew(&mut self, now: BootInstant) {
        let terms = self.terms;
        if now < self.renewed_at + terms.renew_every || !self.calls.renew.may_begin(now) {
            return;
        }
        let asked = self.holding();
        let broker = Arc::clone(&self.broker);
        self.calls.renew.begin(self.registrations, async move {
            let result = within(terms.renew_every, broker.renew(&asked)).await;
            Renewal {
                asked_at: now,
                asked,
                result,
            }
        });
    }

    pub(super) fn on_renewed(&mut self, renewal: Renewal, now: BootInstant) {
        let Renewal {
            asked_at,
            asked,
            result,
        } = renewal;
        match result {
            Ok(lost) => {
                self.calls.renew.backoff.succeeded();
                self.renewed_at = asked_at;
                let lease_ends = asked_at + self.terms.lease;
                for claim in asked {
                    if let Some(held) = self.held.get_mut(&claim.key) {
                        held.lease_ends = held.lease_ends.max(lease_ends);
                    }
                }
                for key in lost {
                    self.lose(&key);
                }
            }
            Err(error) => self.failed(CallKind::Renew, &error, now),
        }
    }

    /// Kills attempts whose lease is about to expire, and revoked ones whose grace is over.
    pub(super) fn watch_leases(&mut self, now: BootInstant) {
        let margin = self.terms.lease / MARGIN_PART;
        let mut over = Vec::new();
        for (key, held) in &mut self.held {
            if let Stage::Running(running) = &mut held.stage {
                running.tick(now);
            }
            if held.is_kept() && held.is_lost(now, margin) {
                over.push(*key);
            }
        }
        for key in over {
            self.lose(&key);
        }
    }

    /// Kills an attempt that another worker has or may soon get, without a report.
    fn lose(&mut self, key: &AttemptKey) {
        let Some(held) = self.held.get_mut(key) else {
            return;
        };
        if !held.is_kept() {
            return;
        }
        tracing::warn!(worker = %self.info.id, run = %key.run, attempt = ?key.attempt, operation = "renew leases", "an attempt lost its lease; killing it");
        match &mut held.stage {
            Stage::Running(running) => running.lose(),
            Stage::Loading(_) | Stage::Waiting(..) => {
                self.held.remove(key);
            }
        }
    }
}
