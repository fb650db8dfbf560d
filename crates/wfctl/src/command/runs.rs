//! `wfctl runs`: makes runs, shows them, and changes what becomes of them.

mod act;
mod clear;
pub(crate) mod given;
mod list;
mod pages;
mod send;
mod show;
mod target;
mod tree;
mod trigger;

pub(crate) use act::finish as finish_command;
pub(crate) use trigger::date;
mod watch;

use super::{note, run_ref::RunRef};
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
  wfctl runs retry --dag quakes --state failed --since 2026-11-01 --dry-run
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
    /// Show the runs that called each other
    Tree(tree::TreeArgs),
    /// Cancel a run, or many; running attempts are killed, then teardowns run
    Cancel(act::CancelArgs),
    /// Fail a run that no scheduler can continue
    Fail(act::FailArgs),
    /// Run again what failed of a run, or of many
    Retry(act::RetryArgs),
    /// Clear tasks or task instances, so that they run again
    Clear(clear::ClearArgs),
    /// Mark a task with a state, of a run or of many
    Mark(act::MarkArgs),
    /// Write a note on a run
    Note(note::RunNoteArgs),
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
        RunsCommand::Tree(args) => tree::run(client, args).await?,
        RunsCommand::Cancel(args) => act::cancel(client, args).await?,
        RunsCommand::Fail(args) => act::fail(client, args).await?,
        RunsCommand::Retry(args) => act::retry(client, args).await?,
        RunsCommand::Clear(args) => clear::run(client, args).await?,
        RunsCommand::Mark(args) => act::mark(client, args).await?,
        RunsCommand::Note(args) => note::on_run(client, args).await?,
        RunsCommand::Wake(args) => act::wake(client, args).await?,
        RunsCommand::Send(args) => send::run(client, args).await?,
    }
    Ok(Exit::Success)
}
