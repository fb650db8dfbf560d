//! `wfctl run`: one DAG, here, without any server.

use std::path::PathBuf;
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_core::{run::RunState, time::Timestamp};
use weft_local::{Format, RunOptions, Wanted};

/// Run a DAG on this machine, without a server
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl run                                  the DAG of this folder (dag.toml or dag.wasm)
  wfctl run dag.wasm --param url=https://example.org/day.csv --param limit=10
  wfctl run dag.wasm --param rows=@rows.json
  wfctl run dag.wasm --task parse --input 'parse.line=\"a,b\"'
  wfctl run dag.wasm --from report           with the outputs of the last run
  wfctl run dag.toml --step --jobs 1
  wfctl run dag.wasm --output json | jq 'select(.event == \"run_ended\") | .tasks.report.output'

Each run leaves its logs, artifacts and run.json in a folder that is named at
the end; the last 50 stay, and those of --keep.")]
pub(crate) struct RunArgs {
    /// A dag.wasm, a dag.toml, or a folder that holds one
    #[arg(default_value = ".", value_name = "FILE")]
    file: PathBuf,
    /// Which DAG, where the file holds several
    #[arg(long, value_name = "ID")]
    dag: Option<String>,
    /// A parameter of the run: text or JSON, or @FILE; may be repeated
    #[arg(long, short, value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// Run this task alone
    #[arg(long, value_name = "TASK", conflicts_with = "from")]
    task: Option<String>,
    /// Run this task and everything downstream of it, with the outputs of the last run
    #[arg(long, value_name = "TASK")]
    from: Option<String>,
    /// An input, with --task or --from: JSON or @FILE; may be repeated
    #[arg(long, short, value_name = "TASK.PARAM=JSON")]
    input: Vec<String>,
    /// How many task instances run at once [default: four for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    jobs: Option<u32>,
    /// Ask before each task
    #[arg(long)]
    step: bool,
    /// text: live on a terminal, lines in a pipe; json: one line for each event
    #[arg(long, short, value_enum, default_value_t = OutputFormat::Text, value_name = "FORMAT")]
    output: OutputFormat,
    /// What tasks may be granted, as a policy.toml [default: public HTTPS hosts by name]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A variable that tasks may read, if they are granted it: text or @FILE; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<String>,
    /// The date that the run is for: 2026-11-21 or 2026-11-21T06:00:00Z [default: now]
    #[arg(long, value_name = "DATE")]
    logical_date: Option<String>,
    /// Never remove the run's folder
    #[arg(long)]
    keep: bool,
}

/// What the user wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OutputFormat {
    /// For people: live on a terminal, lines in a pipe.
    Text,
    /// One JSON line for each event; the last one is the run with every task's state and output.
    Json,
}

/// Runs the DAG; the exit code says how it ended.
pub(crate) fn run(args: &RunArgs) -> Result<Exit, Problems> {
    let result = weft_local::run(&RunOptions {
        file: &args.file,
        dag: args.dag.as_deref(),
        params: &args.param,
        wanted: match (&args.task, &args.from) {
            (Some(task), _) => Wanted::Task(task),
            (None, Some(from)) => Wanted::From(from),
            (None, None) => Wanted::All,
        },
        inputs: &args.input,
        jobs: args.jobs,
        step: args.step,
        format: match args.output {
            OutputFormat::Text => Format::Text,
            OutputFormat::Json => Format::Json,
        },
        policy: args.policy.as_deref(),
        variables: &args.variable,
        logical_date: args.logical_date.as_deref().map(date).transpose()?,
        keep: args.keep,
    })?;
    Ok(match result.state {
        RunState::Success => Exit::Success,
        RunState::Cancelled if result.interrupted => Exit::Interrupted,
        RunState::Failed | RunState::Cancelled | RunState::Pending | RunState::Running => {
            Exit::Failed
        }
    })
}

/// A date alone is midnight in UTC.
fn date(text: &str) -> Result<Timestamp, Problem> {
    let full = if text.contains('T') {
        text.to_owned()
    } else {
        format!("{text}T00:00:00Z")
    };
    full.parse().map_err(|_error| {
        Problem::new(Code::Usage, format!("--logical-date {text:?} is no date"))
            .help("write 2026-11-21, or 2026-11-21T06:00:00Z")
    })
}
