//! The workers that are there now.

use async_trait::async_trait;

/// Knows workers and queues, from the broker of this process or from Redis.
#[async_trait]
pub trait Fleet: Send + Sync {
    /// Every worker that is registered, by name.
    ///
    /// # Errors
    /// The broker doesn't answer now.
    async fn workers(&self) -> Result<Vec<WorkerInfo>, FleetError>;

    /// Every queue that a worker serves or something waits in, by name.
    ///
    /// # Errors
    /// The broker doesn't answer now.
    async fn queues(&self) -> Result<Vec<QueueInfo>, FleetError>;

    /// Asks a worker to take nothing more, to end what it runs, and to leave.
    ///
    /// # Errors
    /// The broker doesn't answer now.
    async fn drain(&self, worker: &str) -> Result<Drain, FleetError>;
}

/// What came of asking a worker to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// The request was passed on.
    Requested,
    /// It is a part of the server's own process.
    PartOfServer,
    /// There is no worker of this name.
    Unknown,
}

/// The broker doesn't answer now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FleetError(pub String);

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Name of the worker.
    pub id: String,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// The number of attempts that it runs at the same time.
    pub slots: u32,
    /// How many it holds.
    pub claimed: u32,
    /// Whether it is draining: it takes no new attempts.
    pub draining: bool,
    /// Its labels: version, host, architecture, and those that its operator chose.
    pub labels: Vec<(String, String)>,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    /// Name of the queue.
    pub name: String,
    /// The number of workers that serve it.
    pub workers: u32,
    /// The free slots of its workers.
    pub places: u32,
    /// How many attempts wait for a worker.
    pub queued: u64,
    /// How many task instances could run if there were workers for them; a scheduler's to say.
    pub ready: u64,
}
