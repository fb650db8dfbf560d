//! `wfctl runs`: makes runs, shows them, and changes what becomes of them.

mod act;
pub(crate) mod given;
mod show;
mod trigger;

pub(crate) use trigger::date;
mod watch;

use super::run_ref::RunRef;
use crate::{
    client::{self, Client, ConnectArgs, pages, route},
    error::{Exit, Problems},
    table::{self, FormatArgs, ListArgs},
};
use clap::ValueEnum;
use weft_server::api::{Run, RunState, TaskSummary};

/// Make, show and change runs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl runs trigger quakes --param limit=10 --watch
  wfctl runs list --dag quakes --state failed
  wfctl runs watch latest --dag quakes
  wfctl runs clear 0c3k5v7n9q1st --task report --downstream

Exit code 1: the run that was watched failed or was cancelled.")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum RunsCommand {
    /// Make a run of a DAG
    Trigger(trigger::TriggerArgs),
    /// List runs, the newest first
    List {
        /// Only runs of this DAG
        #[arg(long, value_name = "DAG")]
        dag: Option<String>,
        /// Only runs in this state
        #[arg(long, value_enum, value_name = "STATE")]
        state: Option<State>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show a run and how its tasks stand
    Show {
        #[command(flatten)]
        run: RunRef,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Follow a run to its end
    Watch {
        #[command(flatten)]
        run: RunRef,
        #[command(flatten)]
        view: watch::ViewArgs,
    },
    /// Stop a run: what runs of it is killed
    Cancel(act::CancelArgs),
    /// Run tasks again
    Clear(act::ClearArgs),
    /// Give a task a state by hand
    Mark(act::MarkArgs),
    /// Let a deferred task go on before its time
    Wake(act::WakeArgs),
}

/// A run's state on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    Queued,
    Running,
    Success,
    Failed,
    Cancelled,
}

impl State {
    const fn api(self) -> RunState {
        match self {
            Self::Queued => RunState::Queued,
            Self::Running => RunState::Running,
            Self::Success => RunState::Success,
            Self::Failed => RunState::Failed,
            Self::Cancelled => RunState::Cancelled,
        }
    }
}

/// Runs the subcommand.
pub(crate) fn run(args: &RunsArgs) -> Result<Exit, Problems> {
    let client = Client::connect(&args.server)?;
    client::block_on(carry_out(&client, &args.command))
}

async fn carry_out(client: &Client, command: &RunsCommand) -> Result<Exit, Problems> {
    match command {
        RunsCommand::Trigger(args) => return trigger::run(client, args).await,
        RunsCommand::List { dag, state, list } => {
            let state = state.map(|state| table::run_state(state.api()));
            let call = || match dag {
                Some(dag) => client
                    .call(&route::LIST_RUNS_OF_DAG, &[dag])
                    .query_some("state", state),
                None => client
                    .call(&route::LIST_RUNS, &[])
                    .query_some("state", state),
            };
            let runs = pages::collect::<Run>(list.limit(), call).await?;
            table::list(list, &runs)?;
        }
        RunsCommand::Show { run, format } => {
            let id = run.id(client).await?;
            let run: Run = client.call(&route::SHOW_RUN, &[&id]).read().await?;
            let tasks: Vec<TaskSummary> = match format.output {
                table::Format::Table => client.call(&route::LIST_TASKS, &[&id]).read().await?,
                table::Format::Json | table::Format::Yaml => Vec::new(),
            };
            table::one(format.output, &run, |zone| show::text(&run, &tasks, zone))?;
        }
        RunsCommand::Watch { run, view } => {
            let id = run.id(client).await?;
            return watch::run(client, &id, view.view).await;
        }
        RunsCommand::Cancel(args) => act::cancel(client, args).await?,
        RunsCommand::Clear(args) => act::clear(client, args).await?,
        RunsCommand::Mark(args) => act::mark(client, args).await?,
        RunsCommand::Wake(args) => act::wake(client, args).await?,
    }
    Ok(Exit::Success)
}
