//! `wfctl runs`: makes runs, shows them, and changes what becomes of them.

mod act;
pub(crate) mod given;
mod list;
mod send;
mod show;
mod trigger;

pub(crate) use trigger::date;
mod watch;

use super::run_ref::RunRef;
use crate::{
    client::{self, ConnectArgs},
    table::{self, FormatArgs},
};
use weft_api::{
    Run, TaskSummary,
    problem::{Exit, Problems},
};
use weft_client::{Client, route};

/// Trigger, show and change runs
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl runs trigger quakes --param limit=10 --watch
  wfctl runs list --dag quakes --state failed --since 2026-11-01
  wfctl runs watch latest --dag quakes
  wfctl runs clear 0c3k5v7n9q1st --task report --downstream
  wfctl runs send 0c3k5v7n9q1st paid '{\"by\": \"ada\"}'

Exit code 1: the run that was watched failed or was cancelled.")]
pub(crate) struct RunsArgs {
    #[command(subcommand)]
    command: RunsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum RunsCommand {
    /// Trigger a run of a DAG
    Trigger(trigger::TriggerArgs),
    /// List runs, newest first
    List(list::RunListArgs),
    /// Show a run and the states of its tasks
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
    /// Cancel a run; its running attempts are killed
    Cancel(act::CancelArgs),
    /// Fail a run that no scheduler can continue
    Fail(act::FailArgs),
    /// Clear tasks, so that they run again
    Clear(act::ClearArgs),
    /// Mark a task with a state
    Mark(act::MarkArgs),
    /// Resume a deferred task before its time
    Wake(act::WakeArgs),
    /// Send an event to a run, which wakes a task that waits for it
    Send(send::SendArgs),
}

/// Runs the subcommand.
pub(crate) fn run(args: &RunsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(execute(&client, &args.command))
}

async fn execute(client: &Client, command: &RunsCommand) -> Result<Exit, Problems> {
    match command {
        RunsCommand::Trigger(args) => return trigger::run(client, args).await,
        RunsCommand::List(args) => list::run(client, args).await?,
        RunsCommand::Show { run, format } => {
            let id = run.id(client).await?;
            let run: Run = client.request(&route::SHOW_RUN, &[&id]).fetch().await?;
            let tasks: Vec<TaskSummary> = match format.output {
                table::Format::Table => {
                    match client.request(&route::LIST_TASKS, &[&id]).fetch().await {
                        // Its version may be what can't be read.
                        Err(_) if run.held.is_some() => Vec::new(),
                        tasks => tasks?,
                    }
                }
                table::Format::Json | table::Format::Yaml => Vec::new(),
            };
            table::one(format.output, &run, |zone| show::text(&run, &tasks, zone))?;
        }
        RunsCommand::Watch { run, view } => {
            let id = run.id(client).await?;
            return watch::run(client, &id, view.view).await;
        }
        RunsCommand::Cancel(args) => act::cancel(client, args).await?,
        RunsCommand::Fail(args) => act::fail(client, args).await?,
        RunsCommand::Clear(args) => act::clear(client, args).await?,
        RunsCommand::Mark(args) => act::mark(client, args).await?,
        RunsCommand::Wake(args) => act::wake(client, args).await?,
        RunsCommand::Send(args) => send::run(client, args).await?,
    }
    Ok(Exit::Success)
}
