//! `wfctl failures`: what fails, by cause.

use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, FormatArgs, Row},
};
use weft_api::{
    FailureGroup, Failures,
    problem::{Exit, Problems},
};
use weft_client::route;

/// Show what fails, grouped by cause
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl failures
  wfctl failures --since 7d --dag quakes
  wfctl failures --output json | jq '.groups[].newest'")]
pub(crate) struct FailuresArgs {
    /// A duration such as 24h or 7d, or a date and time
    #[arg(long, value_name = "TIME", default_value = "24h")]
    since: String,
    /// Only failures of this DAG
    #[arg(long, value_name = "DAG")]
    dag: Option<String>,
    /// How many causes at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

impl Row for FailureGroup {
    const COLUMNS: &'static [&'static str] = &[
        "LAST",
        "ATTEMPTS",
        "TASKS",
        "FIRST SEEN",
        "CODE",
        "MESSAGE",
        "NEWEST",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let first = self.first_seen.as_ref();
        let newest = &self.newest;
        vec![
            zone.shown(self.last),
            self.attempts.to_string(),
            self.task_count.to_string(),
            first.map_or_else(String::new, |seen| {
                format!("{} of {}", seen.version, seen.dag)
            }),
            self.code.clone(),
            self.message.clone(),
            format!("{} {}[{}]", newest.run, newest.task, newest.index),
        ]
    }
}

/// Prints the causes.
pub(crate) fn run(args: &FailuresArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    let request = client
        .request(&route::FAILURES, &[])
        .query("since", &args.since)
        .query("limit", args.limit)
        .query_some("dag", args.dag.as_deref());
    let failures: Failures = client::block_on(request.fetch())?;
    table::one(args.format.output, &failures, |zone| {
        if failures.groups.is_empty() {
            return format!("nothing failed since {}\n", zone.shown(failures.since));
        }
        table::drawn(&failures.groups, zone, table::width())
    })?;
    if failures.truncated {
        anstream::eprintln!("There are more causes, or more failures than were read.");
    }
    Ok(Exit::Success)
}
