//! The state that all handlers share. Cheap to clone, never locked as a whole.

use crate::{
    auth::{LastUses, Remembered},
    compiling::Compiling,
    direct_worker_cache::DirectWorkerCache,
    documents::Documents,
    grid::GridStates,
    layout::Layouts,
    metrics::Metrics,
    options::ServerOptions,
    ports::{Compiler, Fleet, Listen, LiveLogs, SchedulerHandle},
    viewers::{Joined, Viewers},
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};
use weft_blob::{Blobs, logs::LogReader};
use weft_broker::direct_worker::DirectWorkerBroker;
use weft_gateway::WorkerSessions;
use weft_secrets::Variables;
use weft_store_sql::{Database, secret::Keyring};

/// What the server is given; the binary puts it together.
#[derive(Clone)]
pub struct Deps {
    /// Runs, tokens, settings: the only truth.
    pub database: Database,
    /// Seals variables and connections.
    pub keyring: Keyring,
    /// Reads variables, wherever their values are kept.
    pub variables: Variables,
    /// Files, outputs, logs.
    pub blobs: Blobs,
    /// Reads logs.
    pub logs: LogReader,
    /// Looks at deployed files.
    pub compiler: Arc<dyn Compiler>,
    /// Wakes the scheduler, and explains why an instance waits.
    pub scheduler: Arc<dyn SchedulerHandle>,
    /// Lines of attempts that run.
    pub live_logs: Arc<dyn LiveLogs>,
    /// Workers and queues.
    pub fleet: Arc<dyn Fleet>,
    /// The sessions of workers that use the gateway for everything.
    pub worker_sessions: Arc<WorkerSessions>,
    /// Issues credentials to trusted workers that take attempts from Redis themselves.
    pub direct_workers: Arc<dyn DirectWorkerBroker>,
    /// Wakes the service that sends notifications: destinations changed, or one is tested.
    pub notifications: Arc<Notify>,
    /// The metrics of the server and of the services beside it.
    pub metrics: Metrics,
}

/// The state of the router.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

struct Shared {
    deps: Deps,
    options: ServerOptions,
    documents: Documents,
    grid_states: GridStates,
    layouts: Layouts,
    last_uses: LastUses,
    remembered: Remembered,
    compiling: Compiling,
    direct_workers: DirectWorkerCache,
    deploys: Semaphore,
    streams: Arc<Semaphore>,
    ending: watch::Sender<bool>,
    is_tls: bool,
    /// Of everything, and of runs alone.
    viewers: [Mutex<Option<Viewers>>; 2],
}

impl App {
    /// `is_tls`: whether its connections are protected by TLS here, rather than by a proxy.
    pub(crate) fn new(deps: Deps, options: ServerOptions, is_tls: bool) -> Self {
        Self(Arc::new(Shared {
            deploys: Semaphore::new(options.deploys_at_once),
            streams: Arc::new(Semaphore::new(options.max_streams)),
            ending: watch::Sender::new(false),
            documents: Documents::default(),
            grid_states: GridStates::default(),
            layouts: Layouts::default(),
            last_uses: LastUses::default(),
            remembered: Remembered::default(),
            compiling: Compiling::default(),
            direct_workers: DirectWorkerCache::default(),
            deps,
            options,
            is_tls,
            viewers: Default::default(),
        }))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.deps.database
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.deps.keyring
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.0.deps.variables
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

    pub(crate) fn worker_sessions(&self) -> &WorkerSessions {
        &self.0.deps.worker_sessions
    }

    pub(crate) fn direct_worker_broker(&self) -> &dyn DirectWorkerBroker {
        &*self.0.deps.direct_workers
    }

    /// The direct workers that this server knows.
    pub(crate) fn direct_workers(&self) -> &DirectWorkerCache {
        &self.0.direct_workers
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.deps.metrics
    }

    /// Wakes the service that sends notifications.
    pub(crate) fn wake_notifications(&self) {
        self.0.deps.notifications.notify_one();
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// The states of runs that have ended.
    pub(crate) fn grid_states(&self) -> &GridStates {
        &self.0.grid_states
    }

    /// The drawings of versions.
    pub(crate) fn layouts(&self) -> &Layouts {
        &self.0.layouts
    }

    /// What a trigger acts on at once.
    pub(crate) fn remembered(&self) -> &Remembered {
        &self.0.remembered
    }

    /// When uses of tokens were recorded last.
    pub(crate) fn last_uses(&self) -> &LastUses {
        &self.0.last_uses
    }

    /// The files that are being compiled for workers.
    pub(crate) fn compiling(&self) -> &Compiling {
        &self.0.compiling
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.0.is_tls
    }

    pub(crate) fn options(&self) -> &ServerOptions {
        &self.0.options
    }

    /// A permit for each deploy that may be compiled at once.
    pub(crate) fn deploys(&self) -> &Semaphore {
        &self.0.deploys
    }

    /// A permit for each live stream.
    pub(crate) fn streams(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.streams)
    }

    /// Adds a stream of changes to those that there are.
    pub(crate) fn join_viewers(&self, to: Listen, after: Option<&str>) -> Joined {
        let place = match to {
            Listen::Everything => &self.0.viewers[0],
            Listen::Runs => &self.0.viewers[1],
        };
        let mut viewers = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(joined) = viewers.as_ref().and_then(|viewers| viewers.join(after)) {
            return joined;
        }
        let new = Viewers::begin(self.scheduler().changes(to));
        let joined = new.join(after).expect("its task has not begun");
        *viewers = Some(new);
        joined
    }

    /// Ends every live stream, now and later, since the server is about to end.
    pub(crate) fn end_streams(&self) {
        self.0.ending.send_replace(true);
    }

    /// Ready when live streams must end.
    pub(crate) fn streams_end(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut ending = self.0.ending.subscribe();
        async move {
            // An error says that the server is gone already.
            drop(ending.wait_for(|ending| *ending).await);
        }
    }
}
