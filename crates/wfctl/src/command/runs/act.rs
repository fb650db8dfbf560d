//! Commands to existing runs. The server makes each durable at once; the scheduler applies it a
//! moment later, and the command waits for that.

use crate::{
    command::run_ref::{InstanceRef, RunRef},
    table,
};
use clap::ValueEnum;
use serde::Serialize;
use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};
use weft_api::{
    Clear, ClearPreview, Command, CommandState, Mark, MarkAs, Wake,
    problem::{Code, Problem, Problems},
};
use weft_client::{
    Client,
    route::{self, Route},
};

/// How long to wait for the scheduler; the command stays accepted after that.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the first wait between two looks is; each further one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(20);
/// The longest wait between two looks.
const LAST_LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct CancelArgs {
    #[command(flatten)]
    run: RunRef,
}

#[derive(Debug, clap::Args)]
pub(super) struct FailArgs {
    #[command(flatten)]
    run: RunRef,
    /// Confirm that nothing of what the run still had to do is done
    #[arg(long, required = true)]
    force: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    #[command(flatten)]
    run: RunRef,
    /// A task to run again; may be repeated
    #[arg(long, short, value_name = "TASK", required = true)]
    task: Vec<String>,
    /// Also clear everything downstream
    #[arg(long)]
    downstream: bool,
    /// Clear nothing, and list what would run again
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct MarkArgs {
    #[command(flatten)]
    instance: InstanceRef,
    /// The state
    #[arg(value_enum)]
    state: MarkState,
}

#[derive(Debug, clap::Args)]
pub(super) struct WakeArgs {
    #[command(flatten)]
    instance: InstanceRef,
}

/// What a task can be marked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum MarkState {
    Success,
    Failed,
    Skipped,
}

pub(super) async fn cancel(client: &Client, args: &CancelArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    send_command(client, &route::CANCEL, &run, None::<&()>).await?;
    Ok(table::write(&format!("{run} is cancelled\n"))?)
}

pub(super) async fn fail(client: &Client, args: &FailArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    send_command(client, &route::FAIL, &run, None::<&()>).await?;
    Ok(table::write(&format!("{run} has failed\n"))?)
}

pub(super) async fn clear(client: &Client, args: &ClearArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    let body = Clear {
        tasks: args.task.clone(),
        downstream: args.downstream,
        dry_run: args.dry_run,
    };
    if args.dry_run {
        return preview(client, &run, &body).await;
    }
    send_command(client, &route::CLEAR, &run, Some(&body)).await?;
    let more = if args.downstream {
        " and what is downstream"
    } else {
        ""
    };
    Ok(table::write(&format!(
        "{run}: {}{more} will run again\n",
        args.task.join(", ")
    ))?)
}

/// Lists the tasks that would run again, with their instances.
async fn preview(client: &Client, run: &str, body: &Clear) -> Result<(), Problems> {
    let call = client.request(&route::CLEAR, &[run]).json(body);
    let preview: ClearPreview = call.fetch().await?;
    let mut text = String::new();
    for task in &preview.tasks {
        writeln!(text, "{}: {} instances", task.task, task.instances)
            .expect("a String takes every text");
    }
    Ok(table::write(&format!(
        "{text}{run}: {} instances would run again\n",
        preview.total
    ))?)
}

pub(super) async fn mark(client: &Client, args: &MarkArgs) -> Result<(), Problems> {
    let instance = &args.instance;
    let run = instance.run.id(client).await?;
    let (state, word) = match args.state {
        MarkState::Success => (MarkAs::Success, "success"),
        MarkState::Failed => (MarkAs::Failed, "failed"),
        MarkState::Skipped => (MarkAs::Skipped, "skipped"),
    };
    let body = Mark {
        task: instance.task.clone(),
        index: instance.index,
        state,
    };
    send_command(client, &route::MARK, &run, Some(&body)).await?;
    Ok(table::write(&format!(
        "{run}: {} is marked as {word}\n",
        instance.task
    ))?)
}

pub(super) async fn wake(client: &Client, args: &WakeArgs) -> Result<(), Problems> {
    let instance = &args.instance;
    let run = instance.run.id(client).await?;
    let body = Wake {
        task: instance.task.clone(),
        index: instance.index,
    };
    send_command(client, &route::WAKE, &run, Some(&body)).await?;
    Ok(table::write(&format!(
        "{run}: {} goes on\n",
        instance.task
    ))?)
}

/// Sends a command and waits until the scheduler has carried it out.
async fn send_command(
    client: &Client,
    route: &Route,
    run: &str,
    body: Option<&impl Serialize>,
) -> Result<(), Problems> {
    let call = client.request(route, &[run]);
    let call = match body {
        Some(body) => call.json(body),
        None => call,
    };
    let mut command: Command = call.fetch().await?;
    let (began, mut wait) = (Instant::now(), FIRST_LOOK);
    loop {
        match command.state {
            CommandState::Done => return Ok(()),
            CommandState::Refused => {
                let why = command
                    .refused
                    .unwrap_or_else(|| "it did not fit the run's state".to_owned());
                return Err(Problem::new(
                    Code::CommandRefused,
                    format!("the scheduler refused it: {why}"),
                )
                .help(format!("look at the run: wfctl runs show {run}"))
                .into());
            }
            CommandState::Accepted if began.elapsed() > PATIENCE => {
                return Err(Problem::new(
                    Code::ServerTimeout,
                    format!(
                        "the scheduler did not come to it within {} s",
                        PATIENCE.as_secs()
                    ),
                )
                .note("it is stored, and will be carried out")
                .help(format!("look again later: wfctl runs show {run}"))
                .into());
            }
            CommandState::Accepted => {}
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LAST_LOOK);
        command = client
            .request(&route::SHOW_COMMAND, &[run, &command.id.to_string()])
            .fetch()
            .await?;
    }
}
