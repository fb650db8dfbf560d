//! What can be set about the Redis broker, and its bounds.

use std::time::Duration;
use weft_broker::LeaseTerms;

/// What can be set.
#[derive(Debug, Clone)]
pub struct Options {
    /// The first part of every key; installations that share a Redis differ in it.
    pub namespace: String,
    /// Which shard's queues these are; the keys of a shard lie in one slot of a Cluster.
    pub shard: u32,
    /// What workers are granted; the scheduler's are the ones that count.
    pub terms: LeaseTerms,
    /// A report that was told to the scheduler and not confirmed for this long is told again.
    pub redeliver_every: Duration,
    /// After Redis lost what it held, attempts that nobody had started are
    /// published again when workers had this long to announce what they run.
    pub announce_within: Duration,
    /// A call that is not answered for this long has failed, and so has its connection.
    pub call_timeout: Duration,
    /// Certificates (PEM) that a server's must lead to; the system's where none are given.
    pub roots: Option<Vec<u8>>,
    /// How much Redis is made to hold.
    pub bounds: Bounds,
}

/// The most that is held of each thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Attempts that wait in one queue; beyond it a publish is refused.
    pub queue_length: usize,
    /// Queues that hold something; beyond it a publish into another one is refused.
    pub queues: usize,
    /// Reports that no scheduler confirmed; beyond it a report is refused.
    pub unconfirmed_reports: usize,
    /// Entries of notices that no scheduler received; while there are so many, claims wait.
    /// An entry has what one call brought about, at most 64 notices of it.
    pub notices: usize,
}

impl Default for Options {
    /// The default lease; unconfirmed reports come again each 15 seconds, and
    /// workers notice a loss within a second.
    fn default() -> Self {
        Self {
            namespace: "weft".to_owned(),
            shard: 0,
            terms: LeaseTerms::default(),
            redeliver_every: Duration::from_secs(15),
            announce_within: Duration::from_secs(3),
            call_timeout: Duration::from_secs(3),
            roots: None,
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
        }
    }
}
