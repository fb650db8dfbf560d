//! The worker service: it is created from options and services, and runs until it is drained.

use crate::{
    CodeStore, LiveLines, OptionError, Secrets, WorkerHandle, WorkerOptions, WorkerPhase,
    WorkerStats,
    driver::Driver,
    metrics::{Metrics, Now},
};
use prometheus_client::registry::Registry;
use std::{future::Future, sync::Arc};
use tokio::{sync::watch, time::Instant};
use weft_blob::{Blobs, logs::LogWriter};
use weft_broker::WorkerBroker;
use weft_sandbox::Sandbox;

/// The services that a worker is given.
#[derive(Clone)]
pub struct Services {
    /// Gives attempts and takes reports.
    pub broker: Arc<dyn WorkerBroker>,
    /// Runs attempts. Its `max_instances` bounds them too.
    pub sandbox: Sandbox,
    /// Stores components, large outputs and artifacts.
    pub blobs: Blobs,
    /// Stores attempts' logs, under [`crate::log_name`].
    pub logs: LogWriter,
    /// Provides variables.
    pub secrets: Arc<dyn Secrets>,
    /// Provides compiled code of other machines, if the installation has it.
    pub code: Option<Arc<dyn CodeStore>>,
    /// Receives lines while attempts run, if those who watch can't read the log before its end.
    pub live: Option<Arc<dyn LiveLines>>,
}

/// Claims attempts, runs them, reports. See the crate's documentation.
pub struct Worker {
    options: WorkerOptions,
    services: Services,
    metrics: Metrics,
    drain: watch::Sender<bool>,
    stats: watch::Sender<WorkerStats>,
}

/// How a drained worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Attempts that were killed at the drain timeout.
    pub killed: u32,
    /// Reports that were not confirmed in time.
    pub unconfirmed: u32,
}

/// Why a worker ended without a drain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The broker was shut down.
    #[error("the broker is shut down")]
    BrokerClosed,
}

impl Worker {
    /// # Errors
    /// An option is out of its bounds.
    pub fn new(options: WorkerOptions, services: Services) -> Result<Self, OptionError> {
        options.check()?;
        let stats = WorkerStats {
            phase: WorkerPhase::Joining,
            slots: options.slots,
            running: 0,
            waiting: 0,
            unconfirmed: 0,
            memory_bytes: 0,
            ended: 0,
            loads: 0,
            last_progress: Instant::now(),
            unrenewed: std::time::Duration::ZERO,
        };
        Ok(Self {
            options,
            services,
            metrics: Metrics::default(),
            drain: watch::Sender::new(false),
            stats: watch::Sender::new(stats),
        })
    }

    /// The handle of the worker.
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle {
            drain: self.drain.clone(),
            stats: self.stats.subscribe(),
        }
    }

    /// Registers the worker's metrics, whose names begin with `worker_`.
    pub fn register(&self, registry: &mut Registry) {
        let now = Now {
            worker: self.handle(),
            sandbox: self.services.sandbox.clone(),
        };
        self.metrics.register(registry, now);
    }

    /// Runs until `shutdown` completes or the handle requests a drain. The drain claims no more,
    /// lets running attempts end within the drain timeout, and kills the rest. Dropping the future
    /// kills everything at once.
    ///
    /// # Errors
    /// [`WorkerError`]: the broker was shut down. All attempts were killed.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<Drained, WorkerError> {
        let asked = self.drain.subscribe();
        Driver::new(self.options, self.services, self.metrics, self.stats)
            .run(shutdown, asked)
            .await
    }
}
