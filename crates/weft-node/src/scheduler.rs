//! `wfctl scheduler`: owns shards of an installation of many machines, or waits as a
//! standby to take them over.

use crate::{
    backends::{BackendLocations, SharedBackends},
    control_bus::ControlBusServer,
    service::{Service, ended_early, log_end, shutdown_signal},
    status,
    transport::Transport,
    watchdog::Watchdog,
};
use std::{sync::Arc, time::Duration};
use weft_api::problem::{Exit, Problems};
use weft_scheduler::{Deps, Handle, Scheduler, SchedulerOptions};
use weft_server::{Listen, Metrics};

/// A scheduler whose last turn is longer ago than this is not ready.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// Options of `wfctl scheduler`.
pub struct SchedulerNodeOptions {
    /// The backends of the installation.
    pub backends: BackendLocations,
    /// Its name, for people.
    pub name: String,
    /// Where the status page listens.
    pub status: Option<Listen>,
    /// Whether short instances of which nothing leaves the sandbox may begin before that is committed.
    pub runs_ahead: bool,
}

/// Runs a scheduler until SIGINT or SIGTERM.
///
/// # Errors
/// A problem with a backend, or a scheduler that ended early.
pub async fn run_scheduler(options: SchedulerNodeOptions) -> Result<Exit, Problems> {
    let page = status::bind(options.status.as_ref()).await?;
    let shutdown = shutdown_signal()?;
    let SharedBackends {
        database,
        shards,
        blobs,
    } = SharedBackends::open(&options.backends).await?;
    // Another process with the same name must never be taken for this one.
    let drawn = getrandom::u64().expect("the operating system has randomness once it has booted");
    let id = format!("{}-{drawn:016x}", options.name);
    let (scheduler, handle) = Scheduler::new(
        SchedulerOptions {
            runs_ahead: options.runs_ahead,
            ..SchedulerOptions::new(id.as_str())
        },
        Deps {
            store: Arc::new(database.clone()),
            brokers: Transport::Redis(Arc::clone(&shards)).brokers(),
            blobs: Arc::new(blobs.clone()),
        },
    );
    let metrics = Metrics::default();
    metrics.register(|registry| {
        handle.register(registry);
        blobs.register(registry);
    });
    let control_bus = ControlBusServer::start(shards.redis(), &id, handle.clone());
    let mut scheduler = Service::start(|stop| scheduler.run(stop.wait()));
    let live = handle.clone();
    let since_progress = move || live.health().since_progress;
    let _watchdog = Watchdog::start(since_progress.clone());
    let page = status::serve(page, metrics, since_progress, move || readiness(&handle));
    anstream::eprintln!("Scheduler {id}");
    tokio::select! {
        () = shutdown => {}
        ended = &mut scheduler.task => return Err(ended_early("scheduler", ended).into()),
    }
    log_end("scheduler", scheduler.end().await);
    // Its shards are free now.
    control_bus.close().await;
    status::end(page).await;
    database.close().await;
    Ok(Exit::Success)
}

/// Ready while turns go on.
fn readiness(handle: &Handle) -> Result<(), String> {
    let since = handle.health().since_last_turn;
    if since <= READY_WITHIN {
        return Ok(());
    }
    Err(format!("its last turn was {} s ago", since.as_secs()))
}
