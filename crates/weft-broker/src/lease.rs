//! A claim and its lease.

use crate::{ClaimSecret, Dispatch, HeldClaim};
use std::time::Duration;

/// A dispatch that one worker holds until its lease expires.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What to run.
    pub dispatch: Dispatch,
    /// What proves the claim; absent for a worker that is trusted.
    pub secret: Option<ClaimSecret>,
    /// The lease, from the claim on; each renewal starts it again.
    pub lease: Duration,
    /// How long it was queued, by the broker's clock; used for metrics only.
    pub waited: Duration,
}

impl Claim {
    /// The attempt with its proof.
    pub fn held(&self) -> HeldClaim {
        HeldClaim {
            key: self.dispatch.key,
            secret: self.secret,
        }
    }
}

/// How long leases are, and when they are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTerms {
    /// How long a claim holds without a renewal.
    pub lease: Duration,
    /// How often a worker renews; at most a third of `lease`.
    pub renew_every: Duration,
}

impl Default for LeaseTerms {
    /// 15 seconds, renewed every 5: a crashed worker's attempts are dispatched again within 15
    /// seconds, and two lost renewals are harmless.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_every: Duration::from_secs(5),
        }
    }
}
