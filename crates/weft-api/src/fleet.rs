//! Workers and the queues they serve.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A connected worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Worker {
    /// Name of the worker.
    pub id: String,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// The number of attempts that it runs at the same time.
    pub slots: u32,
    /// The number of attempts that it runs or holds.
    pub running: u32,
    /// Whether it is draining: it takes no new attempts.
    pub draining: bool,
    /// Its labels: version, host, architecture, and those that its operator chose.
    pub labels: BTreeMap<String, String>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Name of the queue.
    pub name: String,
    /// The number of workers that serve it.
    pub workers: u32,
    /// The free slots of its workers.
    pub places: u32,
    /// The attempts that wait in it for a worker.
    pub queued: u64,
    /// The eligible task instances that are not dispatched yet. The scheduler fills a queue only as
    /// far as its workers have slots.
    pub ready: u64,
    /// The slots that would run all of its work at once: ready instances, waiting attempts, and
    /// attempts that its workers hold. For autoscalers.
    pub wanted: u64,
}

/// A shard: a group of tenants that one scheduler owns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shard {
    /// Number of the shard.
    pub id: u32,
    /// The scheduler that owns it; absent during a takeover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// How often its owner has changed.
    pub takeovers: u64,
    /// How many turns the database had acknowledged and no longer had later, over all times that
    /// its scheduler noticed. What they recorded was done again, as far as the database knew of it.
    #[serde(default)]
    pub lost_turns: u64,
    /// When that was noticed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Time>,
    /// How many tenants it has.
    pub tenants: u32,
}

/// The new number of shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShardCount {
    /// At least the current number.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 64))]
    pub count: u32,
}
