//! `wfctl server`: the API of an installation of many machines, and the gateway of
//! its workers.
//!
//! Schedulers are other processes, reached through the control bus. Several servers may
//! run at once: all their state is in the database, in Redis and in the blobs.

use crate::{
    backends::{BackendLocations, SharedBackends},
    compiler_role::CompilerRole,
    control_bus::{LinesBus, RemoteSchedulers},
    data_folder::DataFolder,
    database::{unfit, warn_of_unreadable_secrets},
    fleet::BrokersFleet,
    live_logs::AllLiveLogs,
    maintenance::Retention,
    secrets::{keyring, variables},
    server_runtime::{ServerRuntime, ServerSettings},
    service::{shutdown_signal, unavailable},
    transport::Transport,
    watchdog::Watchdog,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_blob::logs::LogReader;
use weft_secrets::SourceOptions;
use weft_server::{BasePath, Deps, Listen, Listener, Metrics, TraceUrl};
use weft_store_sql::DataFolderLock;

/// Options of `wfctl server`.
pub struct ServerNodeOptions {
    /// The backends of the installation.
    pub backends: BackendLocations,
    /// The folder of this server alone.
    pub data: PathBuf,
    /// What seals variables and connections; the folder's own where none is named.
    pub key_file: Option<PathBuf>,
    /// Where values of variables are kept beside the database.
    pub sources: SourceOptions,
    /// Where it listens.
    pub listen: Listen,
    /// The path that browsers reach it under.
    pub base_path: BasePath,
    /// Where a tracing system shows a trace.
    pub trace_url: Option<TraceUrl>,
    /// How long running requests may take at the end.
    pub drain: Duration,
    /// What maintenance keeps.
    pub retention: Retention,
}

/// Runs a server until SIGINT or SIGTERM.
///
/// # Errors
/// A problem with the address, the folder or a backend.
pub async fn run_server(options: ServerNodeOptions) -> Result<Exit, Problems> {
    let listener = Listener::bind(&options.listen)
        .await
        .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
    let shutdown = shutdown_signal()?;
    let folder = DataFolder::open(&options.data)?;
    let _lock = DataFolderLock::take(folder.path()).map_err(unfit)?;
    folder
        .empty_scratch()
        .map_err(|error| unavailable("the scratch folder can't be emptied", &error))?;
    let keyring = keyring(&options.key_file.unwrap_or_else(|| folder.key()))?;
    let SharedBackends {
        database,
        shards,
        blobs,
    } = SharedBackends::open(&options.backends).await?;
    warn_of_unreadable_secrets(&database, &keyring).await?;
    let variables = variables(&database, &keyring, options.sources)?;
    let transport = Transport::Redis(Arc::clone(&shards));
    let metrics = Metrics::default();
    metrics.register(|registry| blobs.register(registry));
    let sessions = transport.worker_sessions(&keyring, &database, Vec::new());
    let lines = LinesBus::start(shards.redis());
    let deps = Deps {
        database: database.clone(),
        compiler: Arc::new(CompilerRole::of_this_program(&folder, &keyring)?),
        keyring,
        variables,
        scheduler: Arc::new(RemoteSchedulers::subscribe(shards.redis())),
        live_logs: Arc::new(AllLiveLogs {
            own: None,
            remote: Arc::clone(&lines.lines),
        }),
        fleet: Arc::new(BrokersFleet {
            broker: transport.operator(),
            own: None,
        }),
        worker_sessions: Arc::new(sessions),
        direct_workers: transport.direct_workers(),
        notifications: Arc::default(),
        logs: LogReader::new(blobs.clone(), None),
        metrics,
        blobs,
    };
    let settings = ServerSettings {
        base_path: options.base_path,
        trace_url: options.trace_url,
        drain: options.drain,
        retention: options.retention,
    };
    let mut runtime = ServerRuntime::open(listener, &folder, deps, settings).await?;
    // Its schedulers are processes of their own.
    let _watchdog = Watchdog::start(|| Duration::ZERO);
    tokio::select! {
        () = shutdown => {}
        problem = runtime.ended_early() => return Err(problem.into()),
    }
    runtime.close().await;
    drop(lines);
    database.close().await;
    Ok(Exit::Success)
}
