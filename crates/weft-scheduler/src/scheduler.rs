//! The service: a supervisor, and one task for each shard of this process.
//!
//! Only this module and its submodules await. The `supervisor` routes requests, and renews,
//! takes and releases `leases`; it waits for no shard. A `shard_task` recovers its shard, waits
//! for events and runs turns; its `driver` reads and calls for a turn. Beside it a `reader` reads
//! outputs.

mod driver;
mod executor;
mod leases;
mod orphans;
mod reader;
mod shard_task;
mod supervisor;

pub use executor::{Executor, SchedulerTask, TaskGuard};

use crate::{
    feed::Feed,
    handle::{Handle, Request},
    heartbeat::Heartbeat,
    limits::MAX_WAITING_REQUESTS,
    options::{Deps, SchedulerOptions},
    retry::RetryDelays,
};
use executor::Tokio;
use std::{future::Future, sync::Arc};
use supervisor::Supervisor;
use tokio::{sync::mpsc, time::sleep};
use weft_broker::BrokerError;
use weft_core::time::Timestamp;
use weft_store::{ShardId, StoreError};

/// Why a scheduler stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The database contains something that no scheduler can work with.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker was shut down.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// A defect of the scheduler.
    #[error("the task of shard {} panicked", .0.0)]
    Panicked(ShardId),
}

/// A scheduler that is not running yet.
pub struct Scheduler {
    deps: Deps,
    options: SchedulerOptions,
    handle: Handle,
    requests: mpsc::Receiver<Request>,
}

impl Scheduler {
    /// A scheduler, and the handle of it.
    pub fn new(options: SchedulerOptions, deps: Deps) -> (Self, Handle) {
        let (sender, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
        let handle = Handle {
            requests: sender,
            feed: Feed::new(),
            heartbeat: Arc::new(Heartbeat::default()),
        };
        let scheduler = Self {
            deps,
            options,
            handle: handle.clone(),
            requests,
        };
        (scheduler, handle)
    }

    /// Schedules until `shutdown` is ready; then commits what has happened and releases its
    /// shards. A future that is dropped at any point loses nothing that was acknowledged.
    ///
    /// # Errors
    /// Errors that a retry does not fix. Calls to a database or broker that does not answer are
    /// retried.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        self.run_on(Arc::new(Tokio), shutdown).await
    }

    /// As [`Self::run`], with the shards' tasks on this executor.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn run_on(
        self,
        executor: Arc<dyn Executor>,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        let Self {
            deps,
            options,
            handle,
            requests,
        } = self;
        let now = read_clock(&deps).await?;
        let Handle {
            requests: _,
            feed,
            heartbeat,
        } = handle;
        let progress = Arc::clone(&heartbeat);
        let supervisor = Supervisor::new(deps, options, executor, (feed, heartbeat), requests, now);
        let (watched, _own) = progress.progress.watch(supervisor.run(shutdown));
        watched.await
    }
}

/// A call to a database that does not answer is retried; any other error ends the scheduler.
fn check_temporary(error: StoreError, operation: &'static str) -> Result<(), SchedulerError> {
    match &error {
        StoreError::Unavailable(_) | StoreError::Full(_) => {
            tracing::warn!(%error, operation, "database call failed; it is retried after a delay");
            Ok(())
        }
        // A call that can tell which row is damaged holds that one aside; this one can't.
        StoreError::Corrupt(_) => {
            tracing::error!(%error, operation, "the database can't read what it has; the call is retried after a delay");
            Ok(())
        }
        StoreError::Defect(_) => Err(error.into()),
    }
}

/// Reads the database's clock, and retries until it answers.
async fn read_clock(deps: &Deps) -> Result<Timestamp, SchedulerError> {
    let mut delays = RetryDelays::default();
    loop {
        match deps.store.now().await {
            Ok(now) => return Ok(now),
            Err(error) => check_temporary(error, "read clock")?,
        }
        sleep(delays.next_delay()).await;
    }
}
