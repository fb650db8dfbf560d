//! Claims without secrets: those of workers of the version before, which keep none, and those
//! that a server of the version before gave.
//!
//! A session may go on naming what it claimed itself, and what its worker claimed through
//! another server, as far as the broker knows it. The gateway adds the secrets then. Nothing else
//! counts: a worker can't announce an attempt to a broker that lost its state, and so loses it.

use super::{Session, WorkerSessions};
use crate::wire::claims;
use std::collections::{HashSet, VecDeque};
use weft_broker::{AttemptKey, BrokerError, ClaimKeys, HeldClaim, Signal, WorkerInfo};

/// Attempts of a session that are remembered; beyond it the oldest are forgotten.
const MAX_REMEMBERED: usize = 2 * super::MAX_CAPACITY as usize;

/// The attempts that a session may name without their secrets.
#[derive(Default)]
pub(super) struct Unproven {
    /// Its worker keeps no secrets.
    keeps_none: bool,
    known: HashSet<AttemptKey>,
    order: VecDeque<AttemptKey>,
}

impl Unproven {
    /// What a new session begins with.
    pub(super) fn new(keeps_none: bool, known: impl IntoIterator<Item = AttemptKey>) -> Self {
        let mut unproven = Self {
            keeps_none,
            ..Self::default()
        };
        for key in known {
            unproven.remember(key);
        }
        unproven
    }

    pub(super) fn contains(&self, key: &AttemptKey) -> bool {
        self.known.contains(key)
    }

    /// Remembers a claim of a worker that keeps no secrets.
    pub(super) fn add_claim(&mut self, key: AttemptKey) {
        if self.keeps_none {
            self.remember(key);
        }
    }

    /// Forgets attempts whose reports the worker drops.
    pub(super) fn forget_confirmed(&mut self, signals: &[Signal]) {
        for signal in signals {
            if let Signal::Confirmed(key) = signal {
                self.known.remove(key);
            }
        }
    }

    /// Adds the secret of a claim that has none and is known.
    pub(super) fn prove(&self, claim: HeldClaim, keys: &ClaimKeys) -> HeldClaim {
        if claim.secret.is_some() || !self.contains(&claim.key) {
            return claim;
        }
        HeldClaim {
            secret: Some(keys.secret(&claim.key)),
            ..claim
        }
    }

    fn remember(&mut self, key: AttemptKey) {
        if self.known.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > MAX_REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl WorkerSessions {
    /// The announced attempts without secrets that the worker's session before knew, or that the
    /// broker says it holds.
    pub(super) async fn find_unproven(
        &self,
        info: &WorkerInfo,
        holding: &[HeldClaim],
        before: Option<&Session>,
    ) -> Result<Vec<AttemptKey>, BrokerError> {
        let without = holding.iter().filter(|claim| claim.secret.is_none());
        let (mut known, others): (Vec<_>, Vec<_>) = without
            .map(|claim| claim.key)
            .partition(|key| before.is_some_and(|session| session.state().unproven.contains(key)));
        if !others.is_empty() {
            let held = self.direct_workers.held_by(&info.id).await?;
            let held: HashSet<AttemptKey> = held.into_iter().collect();
            known.extend(others.into_iter().filter(|key| held.contains(key)));
        }
        Ok(known)
    }

    /// The attempts of a call with their secrets.
    pub(super) fn prove(
        &self,
        session: &Session,
        attempts: Vec<AttemptKey>,
        secrets: Option<&[String]>,
    ) -> Vec<HeldClaim> {
        let state = session.state();
        claims(attempts, secrets)
            .into_iter()
            .map(|claim| state.unproven.prove(claim, &self.claim_keys))
            .collect()
    }
}
