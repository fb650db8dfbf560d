//! What every handler shares. Cheap to clone, never locked.

use crate::{
    compiled::Compiling,
    documents::Documents,
    gate::Guests,
    metrics::Metrics,
    options::ServerOptions,
    seam::{Compiler, Fleet, LiveLogs, SchedulerHandle},
};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use weft_blob::{Blobs, logs::LogReader};
use weft_broker::direct_worker::DirectWorkerBroker;
use weft_gateway::WorkerSessions;
use weft_store_sql::{Database, secret::Keyring};

/// What the server works with; the binary puts it together.
#[derive(Clone)]
pub struct Deps {
    /// The truth.
    pub database: Database,
    /// Seals variables and connections.
    pub keyring: Keyring,
    /// Files, outputs, logs.
    pub blobs: Blobs,
    /// Reads logs.
    pub logs: LogReader,
    /// Looks at deployed files.
    pub compiler: Arc<dyn Compiler>,
    /// Is woken, and asked why.
    pub scheduler: Arc<dyn SchedulerHandle>,
    /// Lines of attempts that run.
    pub live_logs: Arc<dyn LiveLogs>,
    /// Workers and queues.
    pub fleet: Arc<dyn Fleet>,
    /// The broker, for workers that reach nothing but the server.
    pub gate: Arc<WorkerSessions>,
    /// Lets workers that are trusted with everything reach the broker themselves.
    pub guests: Arc<dyn DirectWorkerBroker>,
    /// What is counted, the server's own and others'.
    pub metrics: Metrics,
}

/// The state of the router.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    deps: Deps,
    options: ServerOptions,
    documents: Documents,
    compiling: Compiling,
    guests: Guests,
    deploys: Semaphore,
    streams: Arc<Semaphore>,
    ending: watch::Sender<bool>,
}

impl App {
    pub(crate) fn new(deps: Deps, options: ServerOptions) -> Self {
        Self(Arc::new(Shared {
            deploys: Semaphore::new(options.deploys_at_once),
            streams: Arc::new(Semaphore::new(options.max_streams)),
            ending: watch::Sender::new(false),
            documents: Documents::default(),
            compiling: Compiling::default(),
            guests: Guests::default(),
            deps,
            options,
        }))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.deps.database
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.deps.keyring
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.0.deps.blobs
    }

    pub(crate) fn logs(&self) -> &LogReader {
        &self.0.deps.logs
    }

    pub(crate) fn compiler(&self) -> &dyn Compiler {
        &*self.0.deps.compiler
    }

    pub(crate) fn scheduler(&self) -> &dyn SchedulerHandle {
        &*self.0.deps.scheduler
    }

    pub(crate) fn live_logs(&self) -> &dyn LiveLogs {
        &*self.0.deps.live_logs
    }

    pub(crate) fn fleet(&self) -> &dyn Fleet {
        &*self.0.deps.fleet
    }

    pub(crate) fn gate(&self) -> &WorkerSessions {
        &self.0.deps.gate
    }

    pub(crate) fn guest_broker(&self) -> &dyn DirectWorkerBroker {
        &*self.0.deps.guests
    }

    /// Workers that reach the broker themselves.
    pub(crate) fn guests(&self) -> &Guests {
        &self.0.guests
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.deps.metrics
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// What is compiled for workers right now.
    pub(crate) fn compiling(&self) -> &Compiling {
        &self.0.compiling
    }

    pub(crate) fn options(&self) -> &ServerOptions {
        &self.0.options
    }

    /// One place for each deploy that is compiled.
    pub(crate) fn deploys(&self) -> &Semaphore {
        &self.0.deploys
    }

    /// One place for each live stream.
    pub(crate) fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.streams)
    }

    /// Ends every live stream, now and later: the server is about to end, and
    /// they would go on for as long as they may.
    pub(crate) fn end_streams(&self) {
        self.0.ending.send_replace(true);
    }

    /// Ready when live streams have to end.
    pub(crate) fn streams_end(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ending = self.0.ending.subscribe();
        async move {
            // An error says that the server is gone already.
            drop(ending.wait_for(|ending| *ending).await);
        }
    }
}
