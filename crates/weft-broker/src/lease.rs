//! A claim and how long it holds.

use crate::Dispatch;
use std::time::Duration;

/// A dispatch that one worker holds until its lease runs out.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What to run.
    pub dispatch: Dispatch,
    /// Counted from the moment of the claim; each renewal gives it again.
    pub lease: Duration,
    /// How long it waited in its queue, by the broker's own clock: for figures,
    /// and nothing else.
    pub waited: Duration,
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
    /// 15 seconds, renewed every 5: a dead worker's tasks go on within a
    /// quarter of a minute, and two lost renewals cost nothing.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            renew_every: Duration::from_secs(5),
        }
    }
}
