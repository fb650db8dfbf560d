//! `wfctl tasks`: the task instances of a run, and why they don't run.

use super::{
    note,
    run_ref::{InstanceRef, RunRef},
};
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, Format, FormatArgs, ListArgs},
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::fmt::Write as _;
use weft_api::{
    Attempt, Instance, InstanceState, TaskSummary, Why,
    problem::{Exit, Problems},
};
use weft_client::{Client, page, route};

/// Show the tasks of a run, and why they don't run
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl tasks list latest --dag quakes
  wfctl tasks list 0c3k5v7n9q1st --state failed
  wfctl tasks show latest report
  wfctl tasks why latest report")]
pub(crate) struct TasksArgs {
    #[command(subcommand)]
    command: TasksCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum TasksCommand {
    /// List the tasks of a run; with --task or --state their instances
    List {
        #[command(flatten)]
        run: RunRef,
        /// The instances of this task
        #[arg(long, value_name = "TASK")]
        task: Option<String>,
        /// The instances in this state
        #[arg(long, value_parser = states(), value_name = "STATE")]
        state: Option<String>,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show an instance and its attempts
    Show {
        #[command(flatten)]
        instance: InstanceRef,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write a note on an instance
    Note(note::InstanceNoteArgs),
    /// Explain why an instance does not run
    Why {
        #[command(flatten)]
        instance: InstanceRef,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// The states by which instances can be listed.
fn states() -> impl TypedValueParser<Value = String> {
    let listed = InstanceState::ALL
        .into_iter()
        .filter(|state| state.is_listed());
    PossibleValuesParser::new(listed.map(InstanceState::as_str))
}

/// Runs the subcommand.
pub(crate) fn run(args: &TasksArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(execute(&client, &args.command))?;
    Ok(Exit::Success)
}

async fn execute(client: &Client, command: &TasksCommand) -> Result<(), Problems> {
    match command {
        TasksCommand::List {
            run,
            task: None,
            state: None,
            list,
        } => {
            let id = run.id(client).await?;
            let mut items: Vec<TaskSummary> =
                client.request(&route::LIST_TASKS, &[&id]).fetch().await?;
            let more = items.len() > list.limit();
            items.truncate(list.limit());
            let listed = page::Listed {
                items,
                unreadable: Vec::new(),
                more,
            };
            table::list(list, &listed)?;
        }
        TasksCommand::List {
            run,
            task,
            state,
            list,
        } => {
            let id = run.id(client).await?;
            let call = || {
                client
                    .request(&route::LIST_INSTANCES, &[&id])
                    .query_some("task", task.as_ref())
                    .query_some("state", state.as_deref())
            };
            let instances = page::collect::<Instance>(list.limit(), call).await?;
            table::list(list, &instances)?;
        }
        TasksCommand::Show { instance, format } => show(client, instance, format.output).await?,
        TasksCommand::Note(args) => note::on_instance(client, args).await?,
        TasksCommand::Why { instance, format } => {
            let (run, index) = (instance.run.id(client).await?, instance.index.to_string());
            let why: Why = client
                .request(&route::WHY, &[&run, &instance.task, &index])
                .fetch()
                .await?;
            table::one(format.output, &why, |_zone| reasons(&why))?;
        }
    }
    Ok(())
}

async fn show(client: &Client, instance: &InstanceRef, format: Format) -> Result<(), Problems> {
    let (run, index) = (instance.run.id(client).await?, instance.index.to_string());
    let values = [run.as_str(), &instance.task, &index];
    let found: Instance = client
        .request(&route::SHOW_INSTANCE, &values)
        .fetch()
        .await?;
    let attempts: Vec<Attempt> = match format {
        Format::Table => {
            client
                .request(&route::LIST_ATTEMPTS, &values)
                .fetch()
                .await?
        }
        Format::Json | Format::Yaml => Vec::new(),
    };
    table::one(format, &found, |zone| text(&found, &attempts, zone))?;
    Ok(())
}

fn text(instance: &Instance, attempts: &[Attempt], zone: &Zone) -> String {
    let state = match &instance.cause {
        Some(cause) => format!("{} ({cause})", instance.state.as_str()),
        None => instance.state.as_str().to_owned(),
    };
    let mut pairs = vec![
        ("task", format!("{}[{}]", instance.task, instance.index)),
        ("state", state),
    ];
    pairs.extend(instance.due.map(|at| ("goes on at", zone.shown(at))));
    if let Some(output) = &instance.output {
        pairs.push(("output", format!("{} bytes of JSON", output.bytes)));
    }
    if let Some(usage) = &instance.usage {
        let micros = std::time::Duration::from_micros;
        pairs.push(("took", weft_api::text::duration(micros(usage.wall_us))));
        pairs.push(("processor", weft_api::text::duration(micros(usage.cpu_us))));
        pairs.push((
            "memory peak",
            format!("{} KiB", usage.memory_peak_bytes >> 10),
        ));
    }
    if instance.usage.is_some_and(|usage| usage.ran_ahead) {
        let how = "ahead: it began on its worker before that was committed";
        pairs.push(("ran", how.to_owned()));
    }
    let note = instance.note.as_ref();
    pairs.extend(note.map(|note| ("note", note::shown(note, zone))));
    let mut text = table::fields(&pairs);
    if let Some(error) = &instance.error {
        let said = |text: &str| weft_api::text::truncated(text, 10_000).0;
        writeln!(text, "\n{}: {}", error.code, said(&error.message))
            .expect("a String takes every text");
        if let Some(details) = &error.details {
            writeln!(text, "{}", said(&details.to_string())).expect("a String takes every text");
        }
        if let Some(backtrace) = &error.backtrace {
            writeln!(text, "{}", said(backtrace)).expect("a String takes every text");
        }
    }
    if !attempts.is_empty() {
        text.push('\n');
        text.push_str(&table::drawn(attempts, zone, None));
    }
    text
}

fn reasons(why: &Why) -> String {
    if why.reasons.is_empty() {
        return format!("nothing keeps {} back: it runs, or has ended\n", why.task);
    }
    let mut text = String::new();
    for reason in &why.reasons {
        writeln!(
            text,
            "{}  ({})",
            weft_api::text::line(&reason.message, 1_000),
            reason.code
        )
        .expect("a String takes every text");
        if let Some(help) = &reason.help {
            writeln!(text, "  help: {}", weft_api::text::line(help, 1_000))
                .expect("a String takes every text");
        }
    }
    text
}
