//! The service: options and services in, a run until it is drained.

use crate::{
    CodeStore, OptionError, Secrets, WorkerHandle, WorkerOptions, WorkerPhase, WorkerStats,
    driver::Driver,
    metrics::{Metrics, Now},
};
use prometheus_client::registry::Registry;
use std::{future::Future, sync::Arc};
use tokio::{sync::watch, time::Instant};
use weft_blob::{Blobs, logs::LogWriter};
use weft_broker::WorkerBroker;
use weft_sandbox::Sandbox;

/// What a worker works with.
#[derive(Clone)]
pub struct Services {
    /// Where attempts come from and reports go.
    pub broker: Arc<dyn WorkerBroker>,
    /// Where attempts run. Its `max_instances` bounds them too.
    pub sandbox: Sandbox,
    /// Where components, large outputs and artifacts are.
    pub blobs: Blobs,
    /// What attempts print is written there, named by [`crate::log_name`].
    pub logs: LogWriter,
    /// Where variables come from.
    pub secrets: Arc<dyn Secrets>,
    /// Compiled code of other machines, where it is to be had and believed.
    pub code: Option<Arc<dyn CodeStore>>,
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
    /// Attempts that were killed when the drain timeout was over; the broker has them back.
    pub killed: u32,
    /// Reports that were handed over and not confirmed in time.
    pub unconfirmed: u32,
}

/// Why a worker ended without being asked to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The broker is gone for good.
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

    /// Watches and drains it, from anywhere.
    pub fn handle(&self) -> WorkerHandle {
        WorkerHandle {
            drain: self.drain.clone(),
            stats: self.stats.subscribe(),
        }
    }

    /// Shows what it counts, under names that begin with `worker_`.
    pub fn register(&self, registry: &mut Registry) {
        let now = Now {
            worker: self.handle(),
            sandbox: self.services.sandbox.clone(),
        };
        self.metrics.register(registry, now);
    }

    /// Works until `shutdown` completes or the handle asks for a drain; then
    /// claims nothing more, lets what runs end within the drain timeout, kills
    /// the rest and gives it back. Dropping the future kills everything at once.
    ///
    /// # Errors
    /// [`WorkerError`]: the broker is gone for good. Everything was killed.
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
