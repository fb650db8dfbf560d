//! The overview of a tenant: counts, and the health of services.

use crate::Time;
use serde::{Deserialize, Serialize};

/// The tenant's runs and DAGs, and the health of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// Since when failed runs are counted.
    pub since: Time,
    /// Runs that are running.
    pub running: u32,
    /// Runs that are queued.
    pub queued: u32,
    /// Queued runs that could have started more than a minute ago.
    pub late: u32,
    /// Runs that failed since.
    pub failed: u32,
    /// One of these counts ends at its bound, 10,000.
    pub capped: bool,
    /// How many DAGs there are, up to 5,000.
    pub dags: u32,
    /// How many of these are paused.
    pub dags_paused: u32,
    /// How many of these failed in their last run that succeeded or failed.
    pub dags_failing: u32,
    /// The runs that were created in each hour since, oldest first, by their state now.
    pub hours: Vec<HourOfRuns>,
    /// The services.
    pub health: Health,
}

/// The runs of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HourOfRuns {
    /// The beginning of the hour.
    pub at: Time,
    /// How many have succeeded.
    pub success: u32,
    /// How many have failed.
    pub failed: u32,
    /// How many were cancelled.
    pub cancelled: u32,
}

/// How the services are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// How long ago a scheduler's loop last advanced, in milliseconds; absent if none has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_turn_ms: Option<u64>,
    /// Whether that is recent enough.
    pub scheduler_ok: bool,
    /// Shards of the installation.
    pub shards: u32,
    /// Shards that no scheduler owns.
    pub shards_unowned: u32,
    /// Whether the broker answers. If not, there are no workers and queues here.
    pub broker_ok: bool,
    /// Connected workers.
    pub workers: u32,
    /// How many of these are draining.
    pub workers_draining: u32,
    /// The slots of all workers.
    pub slots: u32,
    /// The attempts that workers run.
    pub slots_used: u32,
    /// The queues, by name, at most 100.
    pub queues: Vec<QueueHealth>,
}

/// How a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QueueHealth {
    /// Name of the queue.
    pub name: String,
    /// Workers that serve it.
    pub workers: u32,
    /// Their free slots.
    pub places: u32,
    /// Attempts that wait for a worker.
    pub queued: u64,
    /// Task instances that could run if there were slots.
    pub ready: u64,
}
