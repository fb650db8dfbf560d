//! `wfctl backfill`: runs for a range of dates.

use super::runs::{date, given};
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, FormatArgs},
};
use std::fmt::Write as _;
use weft_api::{
    Backfill, BackfillOrder, NewBackfill,
    problem::{Exit, Problems},
    text,
};
use weft_client::route;

/// Create the runs of a range of dates
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl backfill quakes --from 2026-11-01 --to 2026-11-08 --dry-run
  wfctl backfill quakes --from 2026-11-01T00:00:00Z --to 2026-11-08T00:00:00Z
  wfctl backfill quakes --from 2026-01-01 --to 2026-12-01 --order newest --limit 30
  wfctl runs cancel --dag quakes --kind backfill --state queued

Dates that already have a scheduled or backfilled run are left out, so the same command with a limit
creates the next ones. The last example cancels the runs of backfills that have not started.")]
pub(crate) struct BackfillArgs {
    /// The DAG
    dag: String,
    /// The first logical date, in your zone or with one
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The end of the range, which is not included
    #[arg(long, value_name = "DATE")]
    to: String,
    /// A parameter of every run: text or JSON, or @FILE; may be repeated
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Create at most so many runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Which dates get a run first, if there is a limit
    #[arg(
        long,
        value_enum,
        value_name = "ORDER",
        default_value = "oldest",
        requires = "limit"
    )]
    order: Order,
    /// Create no runs, and print what would be created
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// Which dates come first, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    Oldest,
    Newest,
}

/// Makes the runs.
pub(crate) fn run(args: &BackfillArgs) -> Result<Exit, Problems> {
    let (from, to) = (date("--from", &args.from)?, date("--to", &args.to)?);
    let client = client::connect(&args.server)?;
    let made: Backfill = client::block_on(async {
        let body = NewBackfill {
            from,
            to,
            params: given::params(&client, &args.dag, &args.param).await?,
            limit: args.limit,
            order: match args.order {
                Order::Oldest => BackfillOrder::Oldest,
                Order::Newest => BackfillOrder::Newest,
            },
            dry_run: args.dry_run,
        };
        client
            .request(&route::BACKFILL, &[&args.dag])
            .json(&body)
            .fetch()
            .await
    })?;
    table::one(args.format.output, &made, |zone| text(&made, zone))?;
    Ok(Exit::Success)
}

fn text(made: &Backfill, zone: &Zone) -> String {
    let mut text = if made.dry_run {
        format!(
            "{} of {} would be made (version {})\n",
            text::counted(made.run_dates.len(), "run"),
            made.dag,
            made.version
        )
    } else {
        format!(
            "{} of {} made (version {})\n",
            text::counted(made.runs.len(), "run"),
            made.dag,
            made.version
        )
    };
    let runs = made.runs.iter().map(Some).chain(std::iter::repeat(None));
    for (date, run) in made.run_dates.iter().zip(runs) {
        let run = run.map_or("", String::as_str);
        text.push_str(format!("  {}  {run}", zone.shown(*date)).trim_end());
        text.push('\n');
    }
    if !made.existing.is_empty() {
        writeln!(
            text,
            "left out, since there are runs: {}",
            text::counted(made.existing.len(), "date")
        )
        .expect("a String takes every text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_made_and_what_was_left_out() {
        let dates: Vec<weft_api::Time> = (1..=3)
            .map(|day| format!("2026-11-0{day}T00:00:00Z").parse().unwrap())
            .collect();
        let made = Backfill {
            dag: "quakes".into(),
            version: 2,
            dry_run: false,
            existing: vec![dates[1]],
            run_dates: vec![dates[0], dates[2]],
            dates,
            runs: vec!["first".into(), "third".into()],
        };
        assert_eq!(
            text(&made, &Zone::utc()),
            "2 runs of quakes made (version 2)\n  2026-11-01 00:00:00  first\n  2026-11-03 00:00:00  third\n\
             left out, since there are runs: 1 date\n"
        );
    }
}
