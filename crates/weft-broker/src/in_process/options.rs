//! Options and bounds of the in-process broker.

use crate::LeaseTerms;
use std::time::Duration;

/// What can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What workers are granted.
    pub terms: LeaseTerms,
    /// An unconfirmed report is delivered to the scheduler again after this long.
    pub redeliver_every: Duration,
    /// How much it holds.
    pub bounds: Bounds,
}

/// The most that the broker holds of each thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Attempts that wait in one queue; beyond it a publish is refused.
    pub queue_length: usize,
    /// Queues that hold something; beyond it a publish into another one is refused.
    pub queues: usize,
    /// Reports that no scheduler confirmed; beyond it a report is refused.
    pub unconfirmed_reports: usize,
    /// Notices that no scheduler received; while there are so many, claims wait.
    pub notices: usize,
    /// Signals that a worker didn't take; beyond it the oldest is dropped. A
    /// lost confirmation is repeated when the report comes again, a lost
    /// revocation is what the next renewal says.
    pub signals: usize,
    /// Attempts that were taken from a worker, remembered so that it can't announce them as held.
    pub fenced: usize,
}

impl Default for Options {
    /// The default lease; unconfirmed reports come again each 15 seconds.
    fn default() -> Self {
        Self {
            terms: LeaseTerms::default(),
            redeliver_every: Duration::from_secs(15),
            bounds: Bounds::default(),
        }
    }
}

impl Default for Bounds {
    /// Enough for tens of thousands of attempts a second.
    fn default() -> Self {
        Self {
            queue_length: 10_000,
            queues: 1_000,
            unconfirmed_reports: 20_000,
            notices: 50_000,
            signals: 20_000,
            fenced: 50_000,
        }
    }
}
