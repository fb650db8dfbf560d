//! Options and bounds of the Redis broker.

use std::time::Duration;
use weft_broker::LeaseTerms;

/// Options of the Redis broker.
#[derive(Debug, Clone)]
pub struct Options {
    /// The first part of every key; installations that share a Redis differ in it.
    pub namespace: String,
    /// Which shard's queues these are; the keys of a shard lie in one slot of a Cluster.
    pub shard: u32,
    /// The workers' lease terms; Redis uses those of the scheduler.
    pub terms: LeaseTerms,
    /// An unconfirmed report is delivered to the scheduler again after this long.
    pub redeliver_every: Duration,
    /// After Redis lost its state, workers have this long to announce what they run before
    /// queued attempts are published again.
    pub announce_within: Duration,
    /// A call without an answer for this long has failed, and so has its connection.
    pub call_timeout: Duration,
    /// Trusted root certificates (PEM); the system's where none are given.
    pub roots: Option<Vec<u8>>,
    /// How much Redis may hold.
    pub bounds: Bounds,
}

/// The most that Redis holds of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Attempts in one queue; Redis refuses to publish more.
    pub queue_length: usize,
    /// Queues that hold attempts; Redis refuses to publish to another one.
    pub queues: usize,
    /// Unconfirmed reports; Redis refuses more.
    pub unconfirmed_reports: usize,
    /// Entries of notices that the scheduler has not received; with this many, claims wait.
    /// An entry has at most 64 notices of one call.
    pub notices: usize,
}

impl Default for Options {
    /// The default lease; unconfirmed reports are delivered again every 15 seconds, and
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
