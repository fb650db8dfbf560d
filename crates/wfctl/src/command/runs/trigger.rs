//! `wfctl runs trigger`: makes a run.

use super::{given, watch};
use crate::{
    local_time::Zone,
    table::{self, Format},
};
use weft_api::{
    NewRun, Run, RunState, Time,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{Client, route};

/// What kind of run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl runs trigger quakes
  wfctl runs trigger quakes --param url=https://example.org/day.csv --param rows=@rows.json
  wfctl runs trigger quakes --logical-date 2026-11-01 --watch
  wfctl runs trigger quakes --at '2026-12-24 18:00'")]
pub(super) struct TriggerArgs {
    /// The DAG
    dag: String,
    /// A parameter: text or JSON, or @FILE; may be repeated
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// The logical date, in your zone or with one; the run waits for a future date [default: now]
    #[arg(long, value_name = "DATE")]
    logical_date: Option<String>,
    /// The earliest start; the run waits until then
    #[arg(long, visible_alias = "at", value_name = "DATE")]
    not_before: Option<String>,
    /// The number of a version [default: the active one]
    #[arg(long, value_name = "N")]
    dag_version: Option<u32>,
    /// Follow it to its end
    #[arg(long, short)]
    watch: bool,
    #[command(flatten)]
    view: watch::ViewArgs,
}

/// Makes the run, and follows it where that is asked for.
pub(super) async fn run(client: &Client, args: &TriggerArgs) -> Result<Exit, Problems> {
    let body = NewRun {
        params: given::params(client, &args.dag, &args.param).await?,
        logical_date: args
            .logical_date
            .as_deref()
            .map(|text| date("--logical-date", text))
            .transpose()?,
        not_before: args
            .not_before
            .as_deref()
            .map(|text| date("--not-before", text))
            .transpose()?,
        data_interval: None,
        version: args.dag_version,
    };
    let run: Run = client
        .request(&route::TRIGGER, &[&args.dag])
        .json(&body)
        .fetch()
        .await?;
    if args.watch {
        return watch::run(client, &run.id, args.view.view).await;
    }
    let format = match args.view.view {
        watch::View::Text => Format::Table,
        watch::View::Json => Format::Json,
    };
    table::one(format, &run, |zone| said(&run, zone))?;
    Ok(Exit::Success)
}

fn said(run: &Run, zone: &Zone) -> String {
    let waits = match run.state {
        RunState::Queued if run.not_before > run.created => {
            format!(", waits for {}", zone.shown(run.not_before))
        }
        RunState::Queued
        | RunState::Running
        | RunState::Success
        | RunState::Failed
        | RunState::Cancelled => String::new(),
    };
    format!(
        "run {} of {} (version {}){waits}\n",
        run.id, run.dag, run.version
    )
}

/// A date of the command line.
pub(crate) fn date(option: &str, text: &str) -> Result<Time, Problem> {
    Zone::local()
        .parse(text)
        .map_err(|why| Problem::new(Code::Usage, format!("{option}: {why}")))
}
