//! Workers and the queues they serve.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A worker that is there now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Worker {
    /// Its name.
    pub id: String,
    /// The queues it takes from.
    pub queues: Vec<String>,
    /// How many attempts it runs at once.
    pub slots: u32,
    /// How many it runs or holds now.
    pub running: u32,
    /// It takes no new work.
    pub draining: bool,
    /// Version, host, architecture, own words.
    pub labels: BTreeMap<String, String>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How many workers serve it.
    pub workers: u32,
    /// How many more attempts they could take now.
    pub places: u32,
    /// How many attempts wait in it for a worker.
    pub queued: u64,
    /// How many task instances could run in it if there were workers for them; a queue is kept
    /// only as long as its workers have places.
    pub ready: u64,
    /// How many slots would do all that it has to do at once: what is ready, what waits, and what
    /// the workers that serve it hold. What an autoscaler needs to know.
    pub wanted: u64,
}

/// A shard: tenants that one scheduler schedules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Shard {
    /// Its number.
    pub id: u32,
    /// Who schedules it now; nobody while it changes hands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,
    /// How often that changed.
    pub takeovers: u64,
    /// How many tenants it has.
    pub tenants: u32,
}

/// How many shards there are to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ShardCount {
    /// At least as many as there are.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 64))]
    pub count: u32,
}
