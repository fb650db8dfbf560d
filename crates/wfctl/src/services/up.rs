//! `wfctl up`: store, broker, blobs, scheduler, worker and server in one process.
//!
//! They end in the order in which they depend on each other: the server stops
//! answering, the worker drains, the scheduler commits what the worker told,
//! and then the log and the database are closed.

use super::{
    Service, asked_to_end,
    compiler_role::CompilerRole,
    data_folder::DataFolder,
    database::{PostgresUrl, unfit, warn_of_closed},
    failed,
    fleet::BrokersFleet,
    front::Front,
    gave_up,
    labels::{labels, queues},
    live_logs::OneWriter,
    report,
    scheduler_seam::SameProcess,
    secrets::{StoredSecrets, keyring},
    transport::{RedisPlace, Transport},
    upkeep::Retention,
    worker::told,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_blob::{
    Blobs,
    logs::{LogOptions, LogReader, LogWriter},
};
use weft_dagfile::engine;
use weft_scheduler::{Scheduler, SchedulerOptions};
use weft_server::{Deps, Listen, Listener, Metrics};
use weft_store_sql::{DataFolderLock, Database, DatabaseLocation};
use weft_worker::{Drained, Services, Worker, WorkerHandle, WorkerOptions};

/// The name of the one scheduler and the one worker of this process. The lock
/// on the data folder sees to it that there are no others.
const LOCAL: &str = "local";

/// What `wfctl up` was asked for.
pub(crate) struct UpOptions {
    pub(crate) data: PathBuf,
    pub(crate) listen: Listen,
    pub(crate) slots: Option<u32>,
    pub(crate) memory: Option<u64>,
    pub(crate) queues: Vec<String>,
    pub(crate) drain: Duration,
    pub(crate) retention: Retention,
    /// Where the database is not the data folder's own.
    pub(crate) postgres: Option<PostgresUrl>,
    /// Where attempts don't stay within this process.
    pub(crate) redis: Option<RedisPlace>,
}

/// Runs everything until somebody asks it to end.
///
/// # Errors
/// A problem with the folder, the address or a service that gave up.
pub(crate) async fn up(options: UpOptions) -> Result<Exit, Problems> {
    super::notice_fatal_signals();
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
            .map_err(|error| failed("the scratch folder can't be emptied", &error))?;
        let keyring = keyring(&folder.key())?;
        warn_of_closed(&database, &keyring).await?;
        let blobs = Blobs::local(&folder.blobs())
            .map_err(|error| failed("the blobs can't be opened", &error))?;
        let (logs, recovered) = LogWriter::start(&blobs, LogOptions::local())
            .await
            .map_err(|error| failed("the log can't be written", &error))?;
        if !recovered.is_empty() {
            tracing::info!(
                attempts = recovered.len(),
                "the logs of attempts that a crash ended were kept"
            );
        }
        let transport = Transport::open(options.redis.as_ref(), &database).await?;
        let (scheduler, handle) = Scheduler::new(
            SchedulerOptions::new(LOCAL),
            weft_scheduler::Deps {
                store: Arc::new(database.clone()),
                brokers: transport.brokers(),
                blobs: blobs.clone(),
            },
        );
        let secrets = StoredSecrets {
            database: database.clone(),
            keyring: keyring.clone(),
        };
        let worker_options = worker_options(options, &folder)?;
        let slots = worker_options.slots;
        let worker = Worker::new(
            worker_options,
            Services {
                broker: transport.worker(),
                sandbox: engine::sandbox_in(slots, Some(folder.code()))?,
                blobs: blobs.clone(),
                logs: logs.clone(),
                secrets: Arc::new(secrets),
                // Server and worker have one folder of it.
                code: None,
            },
        )
        .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
        let worker_handle = worker.handle();
        let metrics = Metrics::default();
        metrics.register(|registry| {
            handle.register(registry);
            worker.register(registry);
            blobs.register(registry);
            transport.register(registry);
        });
        let deps = Deps {
            database: database.clone(),
            compiler: Arc::new(CompilerRole::of_this_program(&folder, &keyring)?),
            keyring,
            scheduler: Arc::new(SameProcess(handle)),
            live_logs: Arc::new(OneWriter {
                writer: logs.clone(),
                reader: LogReader::new(blobs.clone(), None),
            }),
            fleet: Arc::new(BrokersFleet {
                broker: transport.operator(),
                own: Some(LOCAL),
            }),
            // The name of this process' own worker is taken.
            gate: Arc::new(transport.gate(vec![LOCAL.into()])),
            guests: transport.guests(),
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
        // Before anybody is told that it serves, since it may be asked to end right then.
        let asked_to_end = asked_to_end()?;
        let keep = (options.drain, options.retention);
        let mut front = Front::open(listener, &self.folder, self.deps, keep).await?;
        let mut worker = self.worker;
        let mut scheduler = self.scheduler;
        let gone = tokio::select! {
            () = asked_to_end => None,
            problem = front.gave_up() => Some(problem),
            ended = &mut worker.task => Some(gave_up("worker", ended.map(|ended| ended.map(drop)))),
            ended = &mut scheduler.task => Some(gave_up("scheduler", ended)),
        };
        if let Some(problem) = gone {
            return Err(problem);
        }
        tracing::info!(within = ?options.drain, "asked to end: running tasks may go on for a while");
        self.worker_handle.drain();
        front.close().await;
        match worker.end().await {
            Ok(drained) => told(drained),
            Err(error) => tracing::error!(error, "the worker"),
        }
        report("scheduler", scheduler.end().await);
        self.transport.close();
        report(
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
            url.place(),
            Some(DataFolderLock::take(folder.path()).map_err(unfit)?),
        ),
    };
    let database = Database::open(&place).await.map_err(unfit)?;
    database.lock_exclusive().await.map_err(unfit)?;
    for migration in database.migrate().await.map_err(unfit)? {
        tracing::debug!(
            number = migration.number,
            name = migration.name,
            "the database was brought up to date"
        );
    }
    Ok((database, lock))
}

fn worker_options(options: &UpOptions, folder: &DataFolder) -> Result<WorkerOptions, Problem> {
    let mut worker = WorkerOptions::new(LOCAL, folder.scratch());
    worker.labels = labels(&[]);
    worker.queues = queues(&options.queues, &worker.labels)?;
    worker.drain_timeout = options.drain;
    worker.memory_bytes = options
        .memory
        .unwrap_or_else(super::memory::of_this_process);
    worker.journal = Some(folder.journal());
    if let Some(slots) = options.slots {
        worker.slots = slots;
        worker.prefetch = slots;
    }
    Ok(worker)
}
