//! `wfctl overview`: counts of runs and DAGs, and the health of the services.

use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, FormatArgs, Row},
};
use weft_api::{
    Overview, QueueHealth,
    problem::{Exit, Problems},
};
use weft_client::route;

/// Show what runs, fails and waits, and how the services are
#[derive(Debug, clap::Args)]
pub(crate) struct OverviewArgs {
    /// Since when failed runs are counted: a duration such as 24h, or a date and time
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

impl Row for QueueHealth {
    const COLUMNS: &'static [&'static str] = &["QUEUE", "WORKERS", "FREE SLOTS", "QUEUED", "READY"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        vec![
            self.name.clone(),
            self.workers.to_string(),
            self.places.to_string(),
            self.queued.to_string(),
            self.ready.to_string(),
        ]
    }
}

/// Prints the counts.
pub(crate) fn run(args: &OverviewArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    let request = client
        .request(&route::OVERVIEW, &[])
        .query("since", &args.since);
    let overview: Overview = client::block_on(request.fetch())?;
    table::one(args.format.output, &overview, |zone| text(&overview, zone))?;
    Ok(Exit::Success)
}

fn text(overview: &Overview, zone: &Zone) -> String {
    let health = &overview.health;
    let scheduler = match (health.scheduler_ok, health.since_turn_ms) {
        (true, _) => "in order".to_owned(),
        (false, Some(ms)) => format!("no progress for {} s", ms / 1_000),
        (false, None) => "none has advanced yet".to_owned(),
    };
    let more = if overview.capped { ", or more" } else { "" };
    let pairs = [
        ("running", overview.running.to_string()),
        ("queued", overview.queued.to_string()),
        ("late", overview.late.to_string()),
        (
            "failed",
            format!(
                "{}{more} since {}",
                overview.failed,
                zone.shown(overview.since)
            ),
        ),
        (
            "dags",
            format!(
                "{}, {} paused, {} failing",
                overview.dags, overview.dags_paused, overview.dags_failing
            ),
        ),
        ("scheduler", scheduler),
        (
            "shards",
            format!("{}, {} without owner", health.shards, health.shards_unowned),
        ),
        (
            "broker",
            if health.broker_ok {
                "answers"
            } else {
                "does not answer"
            }
            .to_owned(),
        ),
        (
            "workers",
            format!("{}, {} draining", health.workers, health.workers_draining),
        ),
        (
            "slots",
            format!("{} of {} used", health.slots_used, health.slots),
        ),
    ];
    let queues = table::drawn(&health.queues, zone, None);
    format!("{}\n{queues}", table::fields(&pairs))
}
