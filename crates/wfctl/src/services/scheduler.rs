//! `wfctl scheduler`: owns shards of an installation of many machines, or stands by
//! to take them over.

use super::{
    Service, asked_to_end,
    foundation::{Foundation, Places},
    gave_up,
    line::Office,
    report, status,
    transport::Transport,
};
use std::{sync::Arc, time::Duration};
use weft_api::problem::{Exit, Problems};
use weft_scheduler::{Deps, Handle, Scheduler, SchedulerOptions};
use weft_server::{Listen, Metrics};

/// How long the loop may stand before the scheduler is not ready.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What `wfctl scheduler` was asked for.
pub(crate) struct SchedulerPlan {
    pub(crate) places: Places,
    /// Its name, for people.
    pub(crate) name: String,
    /// Where it says how it fares.
    pub(crate) status: Option<Listen>,
}

/// Schedules until somebody asks it to end.
///
/// # Errors
/// A problem with what the installation stands on, or a scheduler that gave up.
pub(crate) async fn schedule(plan: SchedulerPlan) -> Result<Exit, Problems> {
    let page = status::bind(plan.status.as_ref()).await?;
    let asked_to_end = asked_to_end()?;
    let Foundation {
        database,
        shards,
        blobs,
    } = Foundation::open(&plan.places).await?;
    // Another process with the same name must never be taken for this one.
    let id = format!("{}-{:016x}", plan.name, fastrand::u64(..));
    let (scheduler, handle) = Scheduler::new(
        SchedulerOptions::new(id.as_str()),
        Deps {
            store: Arc::new(database.clone()),
            brokers: Transport::Redis(Arc::clone(&shards)).brokers(),
            blobs: blobs.clone(),
        },
    );
    let metrics = Metrics::default();
    metrics.register(|registry| {
        handle.register(registry);
        blobs.register(registry);
    });
    let office = Office::open(shards.redis(), &id, handle.clone());
    let mut scheduler = Service::start(|stop| scheduler.run(stop.wait()));
    let page = status::show(page, metrics, move || fares(&handle));
    anstream::eprintln!("Scheduler {id}");
    tokio::select! {
        () = asked_to_end => {}
        ended = &mut scheduler.task => return Err(gave_up("scheduler", ended).into()),
    }
    report("scheduler", scheduler.end().await);
    // Its shards are free now.
    office.close().await;
    status::end(page).await;
    database.close().await;
    Ok(Exit::Success)
}

/// Nothing to say where its loop goes round.
fn fares(handle: &Handle) -> Result<(), String> {
    let since = handle.health().since_last_turn;
    if since <= READY_WITHIN {
        return Ok(());
    }
    Err(format!(
        "its loop last went round {} s ago",
        since.as_secs()
    ))
}
