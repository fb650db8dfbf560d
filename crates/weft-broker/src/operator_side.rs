//! What people do with a broker: look at workers and queues, and send workers home.

use crate::{BrokerError, WorkerInfo};
use async_trait::async_trait;
use std::sync::Arc;

/// The operators' end, through whatever shows it to them.
#[async_trait]
pub trait OperatorBroker: Send + Sync {
    /// Every worker and every queue, as of now.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn survey(&self) -> Result<Survey, BrokerError>;

    /// Asks a worker to take nothing more, to end what it runs, and to leave; `false`
    /// where none of this name is registered. One that doesn't hear of it is asked again
    /// by whoever asked.
    ///
    /// # Errors
    /// As [`Self::survey`].
    async fn drain(&self, worker: &str) -> Result<bool, BrokerError>;
}

/// Workers and queues.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Survey {
    /// Those that are registered, by name.
    pub workers: Vec<RegisteredWorker>,
    /// Those that are served or hold something, by name.
    pub queues: Vec<QueueLoad>,
}

/// A worker that is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWorker {
    /// As it announced itself.
    pub info: WorkerInfo,
    /// How many attempts it holds.
    pub held: u32,
    /// It takes no new work.
    pub is_paused: bool,
}

/// A queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLoad {
    /// Its name.
    pub name: Arc<str>,
    /// How many attempts wait in it.
    pub queued: u64,
    /// How many more its workers could take beyond those.
    pub free_slots: u32,
    /// How many workers serve it and are not paused.
    pub workers: u32,
}
