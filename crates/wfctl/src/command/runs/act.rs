//! Commands to existing runs. The server makes each durable at once; the scheduler applies it a
//! moment later, and the command waits for that.

use super::target::TargetArgs;
use crate::{
    command::run_ref::{InstanceRef, RunRef},
    table,
};
use clap::ValueEnum;
use serde::Serialize;
use std::time::{Duration, Instant};
use weft_api::{
    BulkAction, BulkKind, Clear, Command, CommandState, Mark, MarkAs, RunsFilter, Wake,
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
    target: TargetArgs,
    /// Cancel the runs that it called as well
    #[arg(long)]
    called: bool,
    #[command(flatten)]
    many: ManyArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    many: ManyArgs,
}

/// How an action on many runs is done.
#[derive(Debug, clap::Args)]
pub(super) struct ManyArgs {
    /// Do nothing, and print what would be done to the selected runs
    #[arg(long)]
    dry_run: bool,
    /// Names the action; the key of an interrupted one goes on with it, and does nothing twice [default: random]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl ManyArgs {
    /// An action on many runs, of which the target says which.
    fn action(&self, action: BulkKind) -> BulkAction {
        BulkAction {
            action,
            filter: RunsFilter::default(),
            clear: None,
            mark: None,
            called: false,
            cursor: None,
            dry_run: self.dry_run,
        }
    }

    fn refuse_for_one(&self) -> Result<(), Problem> {
        if self.dry_run || self.key.is_some() {
            return Err(Problem::new(
                Code::Usage,
                "--dry-run and --key mean something only for many runs",
            ));
        }
        Ok(())
    }
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
pub(super) struct MarkArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// The task
    #[arg(value_name = "TASK", requires = "mark_as", conflicts_with_all = ["of_task", "to_state"])]
    task: Option<String>,
    /// The state
    #[arg(value_enum, value_name = "AS", id = "mark_as")]
    state: Option<MarkState>,
    /// The map index of a mapped task's instance
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    index: u32,
    /// The task, for many runs
    #[arg(
        long = "task",
        id = "of_task",
        value_name = "TASK",
        requires = "to_state"
    )]
    of_task: Option<String>,
    /// The state, for many runs
    #[arg(
        long = "as",
        id = "to_state",
        value_enum,
        value_name = "AS",
        requires = "of_task"
    )]
    to_state: Option<MarkState>,
    #[command(flatten)]
    many: ManyArgs,
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

impl MarkState {
    const fn api(self) -> MarkAs {
        match self {
            Self::Success => MarkAs::Success,
            Self::Failed => MarkAs::Failed,
            Self::Skipped => MarkAs::Skipped,
        }
    }
}

pub(super) async fn cancel(client: &Client, args: &CancelArgs) -> Result<(), Problems> {
    let Some(run) = args.target.one(client).await? else {
        let action = BulkAction {
            called: args.called,
            ..args.many.action(BulkKind::Cancel)
        };
        let key = args.many.key.as_ref();
        return args.target.act(client, action, key).await;
    };
    args.many.refuse_for_one()?;
    let call = client.request(&route::CANCEL, &[&run]);
    let call = call.query_some("called", args.called.then_some("true"));
    finish(client, &run, call.fetch().await?).await?;
    Ok(table::write(&format!("{run} is cancelled\n"))?)
}

pub(super) async fn retry(client: &Client, args: &RetryArgs) -> Result<(), Problems> {
    let Some(run) = args.target.one(client).await? else {
        let action = args.many.action(BulkKind::Retry);
        let key = args.many.key.as_ref();
        return args.target.act(client, action, key).await;
    };
    args.many.refuse_for_one()?;
    let body = Clear {
        only_failed: true,
        ..Clear::default()
    };
    send_command(client, &route::CLEAR, &run, Some(&body)).await?;
    Ok(table::write(&format!(
        "{run}: what failed will run again\n"
    ))?)
}

pub(super) async fn fail(client: &Client, args: &FailArgs) -> Result<(), Problems> {
    let run = args.run.id(client).await?;
    send_command(client, &route::FAIL, &run, None::<&()>).await?;
    Ok(table::write(&format!("{run} has failed\n"))?)
}

pub(super) async fn mark(client: &Client, args: &MarkArgs) -> Result<(), Problems> {
    let body = |task: &Option<String>, state: Option<MarkState>| {
        let (task, state) = task.as_ref().zip(state)?;
        Some(Mark {
            task: task.clone(),
            index: args.index,
            state: state.api(),
        })
    };
    let missing =
        |help: &str| Problem::new(Code::Usage, "the task and its state are missing").help(help);
    let Some(run) = args.target.one(client).await? else {
        let mark = body(&args.of_task, args.to_state);
        let action = BulkAction {
            mark: Some(mark.ok_or_else(|| missing("add --task TASK --as STATE"))?),
            ..args.many.action(BulkKind::Mark)
        };
        let key = args.many.key.as_ref();
        return args.target.act(client, action, key).await;
    };
    args.many.refuse_for_one()?;
    let mark = body(&args.task, args.state).or_else(|| body(&args.of_task, args.to_state));
    let mark = mark.ok_or_else(|| missing("wfctl runs mark RUN TASK success|failed|skipped"))?;
    send_command(client, &route::MARK, &run, Some(&mark)).await?;
    let word = match mark.state {
        MarkAs::Success => "success",
        MarkAs::Failed => "failed",
        MarkAs::Skipped => "skipped",
    };
    Ok(table::write(&format!(
        "{run}: {} is marked as {word}\n",
        mark.task
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
    finish(client, run, call.fetch().await?).await
}

/// Waits until the scheduler has carried a command out.
pub(crate) async fn finish(
    client: &Client,
    run: &str,
    mut command: Command,
) -> Result<(), Problems> {
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
