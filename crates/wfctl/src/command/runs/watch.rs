//! Follows a run to its end: a live table on a terminal, lines in a pipe, JSON
//! lines for programs.
//!
//! Events of the stream are drawn as they come; what a view sums up is read
//! again when something changed, at most [`REREADS_PER_SECOND`] times a second,
//! and every [`SWEEP`] in any case, so that a lost event costs seconds only.

mod json;
mod live;
mod plain;

use crate::table::{self, tally};
use std::fmt::Write as _;
use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};
use weft_api::{
    Change, Instance, Page, Run, RunState, TaskSummary,
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{Client, EventStream, StreamItem, route};

/// How often the run is read again at most.
const REREADS_PER_SECOND: u32 = 4;
/// How often the run is read again at least.
const SWEEP: Duration = Duration::from_secs(5);
/// How often a view may draw.
const TICK: Duration = Duration::from_millis(100);
/// The most failed instances that are printed at the end.
const MAX_FAILURES: usize = 5;

/// How a run is shown.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ViewArgs {
    /// text: live on a terminal, lines in a pipe; json: one line for each change
    #[arg(
        long = "output",
        short,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(super) view: View,
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum View {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// State of the run as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) run: Run,
    pub(super) tasks: Vec<TaskSummary>,
}

/// What draws a run. Nothing here waits or asks the server.
trait Watch {
    /// Something happened.
    fn change(&mut self, change: &Change);
    /// State of the run as a whole; the first one comes before any change.
    fn standing(&mut self, standing: &Standing);
    /// Time went by.
    fn tick(&mut self);
    /// It is over.
    fn end(&mut self, standing: &Standing);
}

/// Follows the run; the exit code says how it ended.
pub(super) async fn run(client: &Client, id: &str, view: View) -> Result<Exit, Problems> {
    let mut watch: Box<dyn Watch> = match view {
        View::Json => Box::new(json::JsonLines::default()),
        View::Text if std::io::stdout().is_terminal() => Box::new(live::LiveTable::new()),
        View::Text => Box::new(plain::PlainLines::default()),
    };
    let Some(standing) = follow(client, id, &mut *watch).await? else {
        anstream::eprintln!(
            "The run goes on; wfctl runs watch {id} follows it again, wfctl runs cancel {id} stops it."
        );
        return Ok(Exit::Interrupted);
    };
    if view == View::Text && standing.run.state == RunState::Failed {
        table::write(&failures(client, id).await?)?;
    }
    Ok(match standing.run.state {
        RunState::Success => Exit::Success,
        RunState::Failed | RunState::Cancelled | RunState::Queued | RunState::Running => {
            Exit::Failed
        }
    })
}

/// Until the run has ended; `None` where somebody pressed Ctrl-C.
async fn follow(
    client: &Client,
    id: &str,
    watch: &mut dyn Watch,
) -> Result<Option<Standing>, Problems> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    // The stream first: what changes while the run is read is in the stream.
    let mut events = EventStream::open(client, &route::EVENTS, &[id], Vec::new()).await?;
    let mut standing = read(client, id).await?;
    watch.standing(&standing);
    let mut read_at = Instant::now();
    let mut is_stale = false;
    let mut ticks = tokio::time::interval(TICK);
    'connected: while !standing.run.state.is_ended() {
        // One future until it is done: a stream that is being connected again
        // must not begin anew with each tick.
        let next = events.next();
        tokio::pin!(next);
        let heard = loop {
            tokio::select! {
                heard = &mut next => break heard?,
                _ = ticks.tick() => {
                    let age = read_at.elapsed();
                    if age >= SWEEP || (is_stale && age >= Duration::from_secs(1) / REREADS_PER_SECOND) {
                        is_stale = false;
                        standing = read(client, id).await?;
                        watch.standing(&standing);
                        read_at = Instant::now();
                        if standing.run.state.is_ended() {
                            break 'connected;
                        }
                    }
                    watch.tick();
                }
                heard = &mut interrupted => {
                    heard.map_err(|error| Problem::new(Code::Internal, format!("can't listen for Ctrl-C: {error}")))?;
                    return Ok(None);
                }
            }
        };
        is_stale = true;
        let StreamItem::Event(event) = heard else {
            continue;
        };
        if let Some(change) = parse_url(&event.name, &event.data)? {
            watch.change(&change);
            if matches!(&change, Change::Run(run) if run.state.is_ended()) {
                standing = read(client, id).await?;
            }
        }
    }
    watch.end(&standing);
    Ok(Some(standing))
}

async fn read(client: &Client, id: &str) -> Result<Standing, Problems> {
    // The run first: when it has ended, its tasks are read as they ended.
    let run = client.request(&route::SHOW_RUN, &[id]).fetch().await?;
    let tasks = client.request(&route::LIST_TASKS, &[id]).fetch().await?;
    Ok(Standing { run, tasks })
}

/// A change; `None` for events of other kinds, such as `resync`.
fn parse_url(name: &str, data: &str) -> Result<Option<Change>, Problem> {
    if !matches!(name, "run" | "instance") {
        return Ok(None);
    }
    serde_json::from_str(data).map(Some).map_err(|error| {
        Problem::new(
            Code::UnexpectedAnswer,
            format!("an event of the server can't be read: {error}"),
        )
    })
}

/// Why the first instances failed, and where to look.
async fn failures(client: &Client, id: &str) -> Result<String, Problems> {
    let page: Page<Instance> = client
        .request(&route::LIST_INSTANCES, &[id])
        .query("state", "failed")
        .query("limit", MAX_FAILURES)
        .fetch()
        .await?;
    let mut text = String::new();
    for instance in &page.items {
        let label = label(&instance.task, instance.index);
        if let Some(error) = &instance.error {
            let message = weft_api::text::line(&error.message, 400);
            writeln!(text, "{label} failed ({}): {message}", error.code)
                .expect("a String takes every text");
        }
    }
    if let Some(first) = page.items.first() {
        let index = if first.index > 0 {
            format!(" --index {}", first.index)
        } else {
            String::new()
        };
        writeln!(text, "See: wfctl logs {id} {}{index}", first.task)
            .expect("a String takes every text");
    }
    Ok(text)
}

/// `task`, or `task[3]`; the first instance of a mapped task goes without its index.
fn label(task: &str, index: u32) -> String {
    if index == 0 {
        task.to_owned()
    } else {
        format!("{task}[{index}]")
    }
}

/// `quakes 0c3k5v7n9q1st: success in 1.2 s (3 success)`.
fn headline(run: &Run) -> String {
    let took = run.started.map_or_else(String::new, |_at| match run.ended {
        Some(_at) => format!(" in {}", table::took(run.started, run.ended)),
        None => format!(" for {}", table::took(run.started, None)),
    });
    format!(
        "{} {}: {}{took} ({})",
        run.dag,
        run.id,
        table::run_state(run.state),
        tally::phrase(&run.counts)
    )
}
