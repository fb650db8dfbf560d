//! The operators' side of a broker: workers, queues and drains.

use crate::{BrokerError, WorkerInfo};
use async_trait::async_trait;
use std::sync::Arc;

/// The operators' handle.
#[async_trait]
pub trait OperatorBroker: Send + Sync {
    /// All workers and queues.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn survey(&self) -> Result<Survey, BrokerError>;

    /// Signals a worker to claim no more, finish what it runs, and leave; `false` if no worker of
    /// this name is registered. The signal may be lost: the caller repeats it.
    ///
    /// # Errors
    /// As [`Self::survey`].
    async fn drain(&self, worker: &str) -> Result<bool, BrokerError>;
}

/// Workers and queues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// The registered workers, by name.
    pub workers: Vec<RegisteredWorker>,
    /// The queues that are served or not empty, by name.
    pub queues: Vec<QueueLoad>,
}

/// A registered worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWorker {
    /// As it announced itself.
    pub info: WorkerInfo,
    /// How many attempts it holds.
    pub held: u32,
    /// It claims no new attempts.
    pub is_paused: bool,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLoad {
    /// Name of the queue.
    pub name: Arc<str>,
    /// How many attempts are queued.
    pub queued: u64,
    /// How many more its workers could claim.
    pub free_slots: u32,
    /// How many unpaused workers serve it.
    pub workers: u32,
}
