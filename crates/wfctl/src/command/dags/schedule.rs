//! `wfctl dags schedule`: the next dates of a DAG's schedule.

use crate::{
    local_time::Zone,
    table::{self, FormatArgs, Row},
};
use weft_api::{SchedulePreview, ScheduledDate, problem::Problems};
use weft_client::{Client, route};

/// Which dates.
#[derive(Debug, clap::Args)]
pub(super) struct ScheduleArgs {
    /// The DAG's id
    dag: String,
    /// How many dates
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    count: u32,
    /// The time zone of the local times [default: the DAG's]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

impl Row for ScheduledDate {
    const COLUMNS: &'static [&'static str] = &["LOCAL", "LOGICAL DATE", "DATA FROM", "DATA TO"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.local.clone(),
            zone.shown(self.logical_date),
            zone.shown(self.data_interval.start),
            zone.shown(self.data_interval.end),
        ]
    }
}

/// Prints the dates.
pub(super) async fn run(client: &Client, args: &ScheduleArgs) -> Result<(), Problems> {
    let preview: SchedulePreview = client
        .request(&route::SCHEDULE, &[&args.dag])
        .query("count", args.count)
        .query_some("timezone", args.timezone.as_deref())
        .fetch()
        .await?;
    table::one(args.format.output, &preview, |zone| {
        let schedule = preview.schedule.as_deref();
        let Some(schedule) = schedule else {
            return "no run of this DAG starts by itself\n".to_owned();
        };
        let paused = if preview.paused {
            "; the DAG is paused, so that none of these starts"
        } else {
            ""
        };
        format!(
            "{}{schedule} ({}){paused}\n",
            table::drawn(&preview.dates, zone, None),
            preview.timezone
        )
    })?;
    Ok(())
}
