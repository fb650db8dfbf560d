//! `wfctl worker`: one worker, which knows its installation by a URL and a token.
//!
//! Its folder holds nothing that must survive: compiled code, scratch space, and log
//! segments that go to the server.

use crate::{
    gateway_client::{
        ConnectionMode, DirectConnection, GatewayClient, InstallationCode, LiveLineSender,
        TrustedKey,
    },
    labels::{labels, queues},
    memory,
    service::{
        Service, Stop, ended_early, log_end, record_fatal_signals, shutdown_signal, unavailable,
    },
    status,
    watchdog::Watchdog,
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_blob::{
    Blobs,
    logs::{LogOptions, LogWriter},
};
use weft_client::Server;
use weft_dagfile::engine;
use weft_server::{Listen, Metrics};
use weft_store_sql::DataFolderLock;
use weft_worker::{CodeStore, Drained, Services, Worker, WorkerOptions};

/// How old a log segment becomes before it is uploaded; an attempt's lines are visible from then on.
const SEGMENT_AGE: Duration = Duration::from_secs(2);
/// How long a log segment becomes, in bytes; the server accepts up to 16 MiB.
const SEGMENT_BYTES: u32 = 4 << 20;

/// Options of `wfctl worker`.
pub struct WorkerNodeOptions {
    /// The server, and its token.
    pub server: Server,
    /// The worker's own folder.
    pub data: PathBuf,
    /// Its name, which no other worker of the installation has.
    pub name: String,
    /// Attempts at once; by the number of cores where it is not given.
    pub slots: Option<u32>,
    /// Bytes that attempts may take together; what the machine has where it is not given.
    pub memory: Option<u64>,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// Shown with the worker; queues may be named after them.
    pub labels: Vec<(String, String)>,
    /// How long running tasks may take at the end.
    pub drain: Duration,
    /// Whose compiled code it loads.
    pub code: CodeOrigin,
    /// How it connects to its broker.
    pub connection: ConnectionMode,
    /// Where the status page listens.
    pub status: Option<Listen>,
}

/// Whose compiled code a worker loads. Loading machine code means running it outside of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeOrigin {
    /// Its own alone.
    Local,
    /// The installation's too, signed with the trusted key.
    Installation(TrustedKey),
}

/// A worker whose loop and leases made no progress for so long is not ready.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Runs a worker until SIGINT, SIGTERM or an operator's drain, and drains it.
///
/// # Errors
/// A problem with the folder, the token or an option.
pub async fn run_worker(options: WorkerNodeOptions) -> Result<Exit, Problems> {
    record_fatal_signals();
    let status = status::bind(options.status.as_ref()).await?;
    let _lock = DataFolderLock::take(&options.data).map_err(crate::database::unfit)?;
    let client = GatewayClient::new(&options.server)?;
    let shutdown = shutdown_signal()?;
    let url = &options.server.url.value;
    if !client.check_auth().await? {
        tracing::warn!(%url, operation = "check token", "server does not answer; the worker joins as soon as it does");
    }
    let direct = choose_connection(&client, &options).await?;
    let broker = direct.broker();
    let (code, scratch, spool) = (
        make_folder(&options.data, "code")?,
        make_folder(&options.data, "scratch")?,
        make_folder(&options.data, "logs")?,
    );
    empty(&scratch)?;
    let blobs = Blobs::remote(Arc::new(client.clone()));
    let logs = start_logs(&blobs, spool).await?;
    let worker_options = worker_options(&options, &scratch)?;
    let slots = worker_options.slots;
    let serves: Vec<String> = worker_options
        .queues
        .iter()
        .map(ToString::to_string)
        .collect();
    let live = Arc::new(LiveLineSender::default());
    let worker = Worker::new(
        worker_options,
        Services {
            broker,
            sandbox: engine::sandbox_in(slots, Some(code))?,
            blobs: blobs.clone(),
            logs: logs.clone(),
            code: code_store(options.code, &options.server, &client),
            secrets: Arc::new(client.clone()),
            live: Some(Arc::clone(&live) as _),
        },
    )
    .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
    let metrics = Metrics::default();
    metrics.register(|registry| {
        worker.register(registry);
        blobs.register(registry);
    });
    let handle = worker.handle();
    // A worker that does not advance loses its attempts to others.
    let since_progress = || Duration::ZERO;
    let _watchdog = Watchdog::start(since_progress);
    let ready = move || handle.stats().readiness(READY_WITHIN);
    let status = status::serve(status, metrics, since_progress, ready);
    anstream::eprintln!(
        "Worker {} of {url}: {slots} slots for {}",
        options.name,
        serves.join(", ")
    );
    let direct = (options.connection != ConnectionMode::Gateway).then(|| renew_direct(direct));
    let sending = tokio::spawn(live.run(client));
    let worker = Service::start(|stop: Stop| worker.run(stop.wait()));
    run_until_drained(worker, shutdown, options.drain).await?;
    status::end(status).await;
    sending.abort();
    if let Some(direct) = direct {
        log_end("direct connection", direct.end().await);
    }
    if let Err(error) = logs.close().await {
        tracing::error!(%error, operation = "close", "log can't be closed; its last lines may be lost");
    }
    Ok(Exit::Success)
}

/// Keeps the direct connection, until it is ended.
fn renew_direct(direct: DirectConnection) -> Service<()> {
    Service::start(|stop: Stop| async move {
        direct.renew(stop.wait()).await;
        Ok::<(), String>(())
    })
}

async fn start_logs(blobs: &Blobs, spool: PathBuf) -> Result<LogWriter, Problem> {
    let mut options = LogOptions::spooled(spool);
    options.segment_age = SEGMENT_AGE;
    options.segment_bytes = SEGMENT_BYTES;
    let (logs, _recovered) = LogWriter::start(blobs, options)
        .await
        .map_err(|error| unavailable("the log can't be written", &error))?;
    Ok(logs)
}

/// Runs the worker until `shutdown` or an operator's drain; running tasks may then finish
/// until the timeout, which the worker's options hold too.
async fn run_until_drained(
    mut worker: Service<Drained>,
    shutdown: impl Future<Output = ()>,
    timeout: Duration,
) -> Result<(), Problem> {
    let ended = tokio::select! {
        () = shutdown => None,
        ended = &mut worker.task => Some(ended),
    };
    if let Some(ended) = ended {
        // By itself it ends when an operator drained it.
        let Ok(Ok(drained)) = ended else {
            return Err(ended_early("worker", ended.map(|ended| ended.map(drop))));
        };
        log_drained(drained);
        return Ok(());
    }
    tracing::info!(
        ?timeout,
        operation = "drain",
        "shutting down; running tasks may finish until the timeout"
    );
    match worker.end().await {
        Ok(drained) => log_drained(drained),
        Err(error) => {
            tracing::error!(error, operation = "drain", "worker failed while it ended");
        }
    }
    Ok(())
}

/// Connects as the options say.
///
/// # Errors
/// Only a direct connection is allowed, and there is none.
async fn choose_connection(
    client: &GatewayClient,
    options: &WorkerNodeOptions,
) -> Result<DirectConnection, Problem> {
    let mut direct = DirectConnection::new(client, &options.name);
    if options.connection == ConnectionMode::Gateway {
        return Ok(direct);
    }
    match (direct.request().await, options.connection) {
        (Err(why), ConnectionMode::Direct) => Err(Problem::new(
            Code::Usage,
            format!("there is no direct connection: {why}"),
        )
        .help("without --way the worker uses the gateway where it must")),
        // The request is repeated while the worker runs.
        (Ok(()) | Err(_), _) => Ok(direct),
    }
}

fn worker_options(options: &WorkerNodeOptions, scratch: &Path) -> Result<WorkerOptions, Problem> {
    let mut worker = WorkerOptions::new(options.name.as_str(), scratch);
    worker.labels = labels(&options.labels);
    worker.queues = queues(&options.queues, &worker.labels)?;
    worker.drain_timeout = options.drain;
    worker.journal = Some(options.data.join("running"));
    worker.memory_bytes = options.memory.unwrap_or_else(memory::of_this_process);
    if let Some(slots) = options.slots {
        worker.slots = slots;
        worker.prefetch = slots;
    }
    Ok(worker)
}

/// Logs how the worker ended, unless it drained completely.
pub(super) fn log_drained(drained: Drained) {
    if drained != Drained::default() {
        tracing::warn!(
            killed = drained.killed,
            unconfirmed = drained.unconfirmed,
            operation = "drain",
            "not every task ended in time; their attempts are retried"
        );
    }
}

/// Where code that others compiled comes from. A key that travels unencrypted is not trusted.
fn code_store(
    from: CodeOrigin,
    server: &Server,
    client: &GatewayClient,
) -> Option<Arc<dyn CodeStore>> {
    let trusted = match from {
        CodeOrigin::Local => return None,
        CodeOrigin::Installation(TrustedKey::Server) if !server.is_private() => {
            tracing::warn!(
                operation = "choose code source",
                "connection to the server is not encrypted and no --code-key is given; components are compiled here"
            );
            return None;
        }
        CodeOrigin::Installation(trusted) => trusted,
    };
    Some(Arc::new(InstallationCode::new(client.clone(), trusted)))
}

fn make_folder(data: &Path, name: &str) -> Result<PathBuf, Problem> {
    let folder = data.join(name);
    fs::create_dir_all(&folder).map_err(|error| Problem::io("make", &folder, &error))?;
    Ok(folder)
}

/// Removes what tasks of an earlier process left behind.
fn empty(scratch: &Path) -> Result<(), Problem> {
    fs::remove_dir_all(scratch)
        .and_then(|()| fs::create_dir(scratch))
        .map_err(|error| Problem::io("empty", scratch, &error))
}
