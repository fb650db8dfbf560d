//! `wfctl worker`: one worker, whose installation is a URL and a token.
//!
//! It holds nothing that may not be lost: compiled code, scratch, and log
//! segments on their way to the server, in a folder of its own.

use super::{
    Service, Stop,
    labels::{labels, queues},
    memory, status,
    way::{DirectWay, FleetCode, Trusted, Wanted, Way},
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

/// How old a segment of logs becomes before it goes to the server: others see an attempt's
/// lines only then.
const SEGMENT_AGE: Duration = Duration::from_secs(2);
/// How long a segment becomes, in bytes; the server takes no longer ones than 16 MiB.
const SEGMENT_BYTES: u32 = 4 << 20;

/// What `wfctl worker` was asked for.
pub(crate) struct FarOptions {
    pub(crate) server: Server,
    pub(crate) data: PathBuf,
    pub(crate) name: String,
    pub(crate) slots: Option<u32>,
    pub(crate) memory: Option<u64>,
    pub(crate) queues: Vec<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) drain: Duration,
    /// Whose compiled code is loaded.
    pub(crate) code: CodeFrom,
    pub(crate) way: Wanted,
    /// Where it says how it fares.
    pub(crate) status: Option<Listen>,
}

/// Whose compiled code a worker loads. Loading code is running it, outside of any sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeFrom {
    /// Its own alone.
    Here,
    /// The installation's too, signed with the key that is trusted.
    Fleet(Trusted),
}

/// How long loop and leases may stand before the worker is not ready.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Works until somebody asks it to end, and has drained then.
///
/// # Errors
/// A problem with the folder, the token or an option.
pub(crate) async fn work(options: FarOptions) -> Result<Exit, Problems> {
    super::notice_fatal_signals();
    let status = status::bind(options.status.as_ref()).await?;
    let _lock = DataFolderLock::take(&options.data).map_err(super::database::unfit)?;
    let way = Way::to(&options.server)?;
    let asked_to_end = super::asked_to_end()?;
    tokio::pin!(asked_to_end);
    let url = &options.server.url.value;
    if !way.knock().await? {
        tracing::warn!(%url, "the server does not answer yet: the worker joins it when it does");
    }
    let direct = find_way(&way, &options).await?;
    let broker = direct.broker();
    let (code, scratch, spool) = (
        folder(&options.data, "code")?,
        folder(&options.data, "scratch")?,
        folder(&options.data, "logs")?,
    );
    empty(&scratch)?;
    let blobs = Blobs::remote(Arc::new(way.clone()));
    let mut log_options = LogOptions::spooled(spool);
    log_options.segment_age = SEGMENT_AGE;
    log_options.segment_bytes = SEGMENT_BYTES;
    let (logs, _told_by_an_earlier_process) = LogWriter::start(&blobs, log_options)
        .await
        .map_err(|error| super::failed("the log can't be written", &error))?;
    let worker_options = worker_options(&options, &scratch)?;
    let slots = worker_options.slots;
    let serves: Vec<String> = worker_options
        .queues
        .iter()
        .map(ToString::to_string)
        .collect();
    let worker = Worker::new(
        worker_options,
        Services {
            broker,
            sandbox: engine::sandbox_in(slots, Some(code))?,
            blobs: blobs.clone(),
            logs: logs.clone(),
            code: fleet_code(options.code, &options.server, &way),
            secrets: Arc::new(way),
        },
    )
    .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
    let metrics = Metrics::default();
    metrics.register(|registry| {
        worker.register(registry);
        blobs.register(registry);
    });
    let handle = worker.handle();
    let status = status::show(status, metrics, move || {
        handle.stats().readiness(READY_WITHIN)
    });
    anstream::eprintln!(
        "Worker {} of {url}: {slots} slots for {}",
        options.name,
        serves.join(", ")
    );
    let direct = (options.way != Wanted::Server).then(|| {
        Service::start(|stop: Stop| async {
            direct.keep(stop.wait()).await;
            Ok::<(), String>(())
        })
    });
    let mut worker = Service::start(|stop: Stop| worker.run(stop.wait()));
    let ended = tokio::select! {
        () = &mut asked_to_end => None,
        ended = &mut worker.task => Some(ended),
    };
    match ended {
        // By itself it ends when an operator drained it.
        Some(Ok(Ok(drained))) => told(drained),
        Some(ended) => {
            return Err(super::gave_up("worker", ended.map(|ended| ended.map(drop))).into());
        }
        None => {
            tracing::info!(within = ?options.drain, "asked to end: running tasks may go on for a while");
            match worker.end().await {
                Ok(drained) => told(drained),
                Err(error) => tracing::error!(error, "the worker"),
            }
        }
    }
    status::end(status).await;
    if let Some(direct) = direct {
        super::report("direct way", direct.end().await);
    }
    if let Err(error) = logs.close().await {
        tracing::error!(%error, "the log");
    }
    Ok(Exit::Success)
}

/// The way that attempts come at first.
///
/// # Errors
/// There is not the one that was asked for.
async fn find_way(way: &Way, options: &FarOptions) -> Result<DirectWay, Problem> {
    let mut direct = DirectWay::new(way, &options.name);
    if options.way == Wanted::Server {
        return Ok(direct);
    }
    match (direct.ask().await, options.way) {
        (Err(why), Wanted::Direct) => Err(Problem::new(
            Code::Usage,
            format!("there is no direct way: {why}"),
        )
        .help("without --way the worker takes the way that there is")),
        // It is asked again.
        (Ok(()) | Err(_), _) => Ok(direct),
    }
}

fn worker_options(options: &FarOptions, scratch: &Path) -> Result<WorkerOptions, Problem> {
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

/// How the worker ended, where that is worth a word.
pub(super) fn told(drained: Drained) {
    if drained != Drained::default() {
        tracing::warn!(
            killed = drained.killed,
            unconfirmed = drained.unconfirmed,
            "not every task ended in time; they are tried again"
        );
    }
}

/// Where code that others compiled comes from. A key that comes in the clear may be anybody's.
fn fleet_code(from: CodeFrom, server: &Server, way: &Way) -> Option<Arc<dyn CodeStore>> {
    let trusted = match from {
        CodeFrom::Here => return None,
        CodeFrom::Fleet(Trusted::Server) if !server.is_private() => {
            tracing::warn!(
                "the way to the server is not encrypted, and no --code-key is named: components are compiled here"
            );
            return None;
        }
        CodeFrom::Fleet(trusted) => trusted,
    };
    Some(Arc::new(FleetCode::new(way.clone(), trusted)))
}

fn folder(data: &Path, name: &str) -> Result<PathBuf, Problem> {
    let folder = data.join(name);
    fs::create_dir_all(&folder).map_err(|error| Problem::io("make", &folder, &error))?;
    Ok(folder)
}

/// Removes what tasks of a process that is gone left behind.
fn empty(scratch: &Path) -> Result<(), Problem> {
    fs::remove_dir_all(scratch)
        .and_then(|()| fs::create_dir(scratch))
        .map_err(|error| Problem::io("empty", scratch, &error))
}
