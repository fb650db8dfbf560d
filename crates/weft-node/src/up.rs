//! `wfctl up`: store, broker, blobs, scheduler, worker and server in one process.
//!
//! They end in the order of their dependencies: the server stops, the worker drains,
//! the scheduler commits what the worker reported, and then the log and the database
//! are closed.

use crate::{
    compiler_role::CompilerRole,
    data_folder::DataFolder,
    database::{PostgresUrl, unfit, warn_of_unreadable_secrets},
    fleet::BrokersFleet,
    labels::{labels, queues},
    live_logs::{AllLiveLogs, OneWriter, RemoteLines},
    local_scheduler::LocalScheduler,
    maintenance::Retention,
    secrets::{OwnSecrets, keyring, variables},
    server_runtime::{ServerRuntime, ServerSettings},
    service::{Service, ended_early, log_end, record_fatal_signals, shutdown_signal, unavailable},
    transport::{RedisLocation, Transport},
    worker::log_drained,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_blob::{
    Blobs,
    logs::{LogOptions, LogReader, LogWriter},
};
use weft_dagfile::engine;
use weft_scheduler::{Scheduler, SchedulerOptions};
use weft_secrets::SourceOptions;
use weft_server::{BasePath, Deps, Listen, Listener, Metrics, TraceUrl};
use weft_store_sql::{DataFolderLock, Database, DatabaseLocation};
use weft_worker::{Drained, Services, Worker, WorkerHandle, WorkerOptions};

/// The name of the one scheduler and the one worker of this process. The lock on the
/// data folder excludes others.
const LOCAL: &str = "local";

/// Options of `wfctl up`.
pub struct UpOptions {
    /// The data folder.
    pub data: PathBuf,
    /// Where the server listens.
    pub listen: Listen,
    /// The path that browsers reach it under.
    pub base_path: BasePath,
    /// Where a tracing system shows a trace.
    pub trace_url: Option<TraceUrl>,
    /// Attempts at once; by the number of cores where it is not given.
    pub slots: Option<u32>,
    /// Bytes that attempts may take together; what the machine has where it is not given.
    pub memory: Option<u64>,
    /// The queues that the worker serves.
    pub queues: Vec<String>,
    /// How long running tasks may take at the end.
    pub drain: Duration,
    /// Whether short instances of which nothing leaves the sandbox may begin before that is committed.
    pub runs_ahead: bool,
    /// What maintenance keeps.
    pub retention: Retention,
    /// Where values of variables are kept beside the database.
    pub sources: SourceOptions,
    /// The database, if it is not the data folder's own.
    pub postgres: Option<PostgresUrl>,
    /// The broker, if it is not the one of this process.
    pub redis: Option<RedisLocation>,
}

/// Runs all services until SIGINT or SIGTERM.
///
/// # Errors
/// A problem with the folder or the address, or a service that ended early.
pub async fn run_up(options: UpOptions) -> Result<Exit, Problems> {
    record_fatal_signals();
    let listener = Listener::bind(&options.listen)
        .await
        .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
    let up = Up::start(&options).await?;
    Ok(up.serve(listener, &options).await?)
}

/// Everything but the server.
struct Up {
    folder: DataFolder,
    /// Of the folder, where the database does not hold it.
    _lock: Option<DataFolderLock>,
    database: Database,
    deps: Deps,
    logs: LogWriter,
    transport: Transport,
    worker: Service<Drained>,
    worker_handle: WorkerHandle,
    scheduler: Service<()>,
}

impl Up {
    async fn start(options: &UpOptions) -> Result<Self, Problem> {
        let folder = DataFolder::open(&options.data)?;
        let (database, lock) = open(&folder, options.postgres.as_ref()).await?;
        folder
            .empty_scratch()
            .map_err(|error| unavailable("the scratch folder can't be emptied", &error))?;
        let keyring = keyring(&folder.key())?;
        warn_of_unreadable_secrets(&database, &keyring).await?;
        let variables = variables(&database, &keyring, options.sources.clone())?;
        let blobs = Blobs::local(&folder.blobs())
            .map_err(|error| unavailable("the blobs can't be opened", &error))?;
        let logs = start_logs(&blobs).await?;
        let transport = Transport::open(options.redis.as_ref(), &database).await?;
        let scheduler_deps = weft_scheduler::Deps {
            store: Arc::new(database.clone()),
            brokers: transport.brokers(),
            blobs: Arc::new(blobs.clone()),
        };
        let scheduler_options = SchedulerOptions {
            runs_ahead: options.runs_ahead,
            ..SchedulerOptions::new(LOCAL)
        };
        let (scheduler, handle) = Scheduler::new(scheduler_options, scheduler_deps);
        let worker_options = worker_options(options, &folder)?;
        let services = Services {
            broker: transport.worker(),
            sandbox: engine::sandbox_in(worker_options.slots, Some(folder.code()))?,
            blobs: blobs.clone(),
            logs: logs.clone(),
            secrets: Arc::new(OwnSecrets(variables.clone())),
            // Server and worker share one folder of compiled code.
            code: None,
            // The server reads this process' log.
            live: None,
        };
        let worker = Worker::new(worker_options, services)
            .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
        let worker_handle = worker.handle();
        let metrics = Metrics::default();
        metrics.register(|registry| {
            handle.register(registry);
            worker.register(registry);
            blobs.register(registry);
            transport.register(registry);
        });
        let sessions = transport.worker_sessions(&keyring, &database, vec![LOCAL.into()]);
        let deps = Deps {
            database: database.clone(),
            compiler: Arc::new(CompilerRole::of_this_program(&folder, &keyring)?),
            keyring,
            variables,
            scheduler: Arc::new(LocalScheduler(handle)),
            live_logs: Arc::new(live_logs(&logs, &blobs)),
            fleet: Arc::new(fleet(&transport)),
            // The name of this process' own worker is taken.
            worker_sessions: Arc::new(sessions),
            direct_workers: transport.direct_workers(),
            notifications: Arc::default(),
            logs: LogReader::new(blobs.clone(), None),
            metrics,
            blobs,
        };
        Ok(Self {
            folder,
            _lock: lock,
            database,
            deps,
            logs,
            transport,
            worker: Service::start(|stop| worker.run(stop.wait())),
            worker_handle,
            scheduler: Service::start(|stop| scheduler.run(stop.wait())),
        })
    }

    async fn serve(self, listener: Listener, options: &UpOptions) -> Result<Exit, Problem> {
        // Before the server is announced, since a signal may follow at once.
        let shutdown = shutdown_signal()?;
        let settings = ServerSettings {
            base_path: options.base_path.clone(),
            trace_url: options.trace_url.clone(),
            drain: options.drain,
            retention: options.retention,
        };
        let mut runtime = ServerRuntime::open(listener, &self.folder, self.deps, settings).await?;
        let mut worker = self.worker;
        let mut scheduler = self.scheduler;
        let failed = tokio::select! {
            () = shutdown => None,
            problem = runtime.ended_early() => Some(problem),
            ended = &mut worker.task => Some(ended_early("worker", ended.map(|ended| ended.map(drop)))),
            ended = &mut scheduler.task => Some(ended_early("scheduler", ended)),
        };
        if let Some(problem) = failed {
            return Err(problem);
        }
        tracing::info!(timeout = ?options.drain, operation = "drain", "shutting down; running tasks may finish until the timeout");
        self.worker_handle.drain();
        runtime.close().await;
        match worker.end().await {
            Ok(drained) => log_drained(drained),
            Err(error) => {
                tracing::error!(error, operation = "drain", "worker failed while it ended");
            }
        }
        log_end("scheduler", scheduler.end().await);
        self.transport.close();
        log_end(
            "log",
            self.logs.close().await.map_err(|error| error.to_string()),
        );
        self.database.close().await;
        Ok(Exit::Success)
    }
}

/// The database, which is this process' alone, and the lock on the folder where it doesn't hold it.
async fn open(
    folder: &DataFolder,
    postgres: Option<&PostgresUrl>,
) -> Result<(Database, Option<DataFolderLock>), Problem> {
    let (place, lock) = match postgres {
        None => (
            DatabaseLocation::Sqlite {
                folder: folder.path().to_owned(),
            },
            None,
        ),
        Some(url) => (
            url.location(),
            Some(DataFolderLock::take(folder.path()).map_err(unfit)?),
        ),
    };
    let database = Database::open(&place).await.map_err(unfit)?;
    database.lock_exclusive().await.map_err(unfit)?;
    for migration in database.migrate().await.map_err(unfit)? {
        tracing::debug!(
            number = migration.number,
            name = migration.name,
            operation = "migrate database",
            "database migrated"
        );
    }
    Ok((database, lock))
}

/// The lines of this process' own worker, and of those that workers elsewhere send.
fn live_logs(logs: &LogWriter, blobs: &Blobs) -> AllLiveLogs {
    AllLiveLogs {
        own: Some(OneWriter {
            writer: logs.clone(),
            reader: LogReader::new(blobs.clone(), None),
        }),
        remote: Arc::new(RemoteLines::default()),
    }
}

fn fleet(transport: &Transport) -> BrokersFleet {
    BrokersFleet {
        broker: transport.operator(),
        own: Some(LOCAL),
    }
}

/// Recovers what a crash left, and starts the log.
async fn start_logs(blobs: &Blobs) -> Result<LogWriter, Problem> {
    let (logs, recovered) = LogWriter::start(blobs, LogOptions::local())
        .await
        .map_err(|error| unavailable("the log can't be written", &error))?;
    if !recovered.is_empty() {
        tracing::info!(
            attempts = recovered.len(),
            operation = "recover logs",
            "a crash left logs of attempts behind; they were kept"
        );
    }
    Ok(logs)
}

fn worker_options(options: &UpOptions, folder: &DataFolder) -> Result<WorkerOptions, Problem> {
    let mut worker = WorkerOptions::new(LOCAL, folder.scratch());
    worker.labels = labels(&[]);
    worker.queues = queues(&options.queues, &worker.labels)?;
    worker.drain_timeout = options.drain;
    worker.memory_bytes = options
        .memory
        .unwrap_or_else(crate::memory::of_this_process);
    worker.journal = Some(folder.journal());
    if let Some(slots) = options.slots {
        worker.slots = slots;
        worker.prefetch = slots;
    }
    Ok(worker)
}
