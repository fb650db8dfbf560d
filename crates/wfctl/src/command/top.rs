//! `wfctl top`: what goes on now, drawn again and again until `q` or Ctrl-C.
//! In a pipe it is drawn once.

mod keys;

use crate::{
    client::{self, ConnectArgs},
    local_time::{self, Zone},
    table::{self, Row, tally},
};
use keys::Keys;
use std::fmt::Write as _;
use std::{io::IsTerminal as _, time::Duration};
use weft_api::{
    Counts, Queue, Run, Worker,
    problem::{Code, Exit, Problem, Problems},
    text,
};
use weft_client::{Client, page, route};
use weft_core::time::DurationMs;

/// Show runs, workers and queues, live
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Press q or Ctrl-C to quit. In a pipe, it prints the view once.")]
pub(crate) struct TopArgs {
    /// How often it is drawn
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: DurationMs,
    #[command(flatten)]
    server: ConnectArgs,
}

/// The most active runs that are read; 'and more' replaces the others.
const MAX_RUNS: usize = 200;
/// The shortest interval between two requests.
const MIN_INTERVAL: Duration = Duration::from_millis(200);

/// What is drawn.
struct Picture {
    running: page::Listed<Run>,
    queued: page::Listed<Run>,
    workers: Vec<Worker>,
    queues: Vec<Queue>,
}

/// Draws until somebody has seen enough.
pub(crate) fn run(args: &TopArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        if !std::io::stdout().is_terminal() {
            let picture = read(&client).await?;
            table::write(&drawn(&client, &picture, usize::MAX))?;
            return Ok(Exit::Success);
        }
        watch(&client, Duration::from(args.interval).max(MIN_INTERVAL)).await
    })
}

async fn watch(client: &Client, interval: Duration) -> Result<Exit, Problems> {
    let fault = |error: std::io::Error| {
        Problem::new(Code::Internal, format!("can't use the terminal: {error}"))
    };
    let mut keys = Keys::listen().map_err(fault)?;
    let screen = console::Term::stdout();
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    screen.clear_screen().map_err(fault)?;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let picture = read(client).await?;
                let (rows, columns) = screen.size();
                let text = drawn(client, &picture, usize::from(rows).saturating_sub(1));
                screen.move_cursor_to(0, 0).map_err(fault)?;
                screen.clear_to_end_of_screen().map_err(fault)?;
                for line in text.lines() {
                    anstream::println!("{}", console::truncate_str(line, usize::from(columns), "…"));
                }
            }
            () = keys.quit() => return Ok(Exit::Success),
            heard = tokio::signal::ctrl_c() => {
                heard.map_err(fault)?;
                return Ok(Exit::Success);
            }
        }
    }
}

async fn read(client: &Client) -> Result<Picture, Problems> {
    let runs = async |state: &str| {
        page::collect::<Run>(MAX_RUNS, || {
            client.request(&route::LIST_RUNS, &[]).query("state", state)
        })
        .await
    };
    Ok(Picture {
        running: runs("running").await?,
        queued: runs("queued").await?,
        workers: client.request(&route::LIST_WORKERS, &[]).fetch().await?,
        queues: client.request(&route::LIST_QUEUES, &[]).fetch().await?,
    })
}

fn drawn(client: &Client, picture: &Picture, rows: usize) -> String {
    let zone = Zone::local();
    let url = &client.server().url.value;
    let mut text = format!("{url}  {}\n", zone.shown(local_time::now()));
    text.push_str(&summary(picture));
    let rest = rows.saturating_sub(text.lines().count());
    // The runs get what the others leave.
    let others = format!(
        "\n{}\n{}",
        section(&picture.queues, &zone, rest / 4),
        section(&picture.workers, &zone, rest / 4)
    );
    let left = rest.saturating_sub(others.lines().count() + 1);
    text.push('\n');
    text.push_str(&section(&picture.running.items, &zone, left));
    text.push_str(&others);
    text
}

fn summary(picture: &Picture) -> String {
    let counted = |runs: &page::Listed<Run>, what: &str| {
        let more = if runs.more { " or more" } else { "" };
        format!("{}{more} {what}", text::number(runs.items.len()))
    };
    let total = picture
        .running
        .items
        .iter()
        .fold(Counts::default(), |sum, run| tally::sum(&sum, &run.counts));
    let slots: u64 = picture
        .workers
        .iter()
        .map(|worker| u64::from(worker.slots))
        .sum();
    let busy: u64 = picture
        .workers
        .iter()
        .map(|worker| u64::from(worker.running))
        .sum();
    let waiting: u64 = picture.queues.iter().map(|queue| queue.queued).sum();
    format!(
        "runs: {}, {}\ntasks of running runs: {}\nworkers: {}, {busy} of {slots} slots busy; {waiting} queued\n",
        counted(&picture.running, "running"),
        counted(&picture.queued, "queued"),
        tally::phrase(&total),
        picture.workers.len(),
    )
}

/// A table of at most so many lines, its head included.
fn section<T: Row>(items: &[T], zone: &Zone, rows: usize) -> String {
    let room = rows.saturating_sub(2).max(1);
    let shown = &items[..items.len().min(room)];
    let mut text = table::drawn(shown, zone, None);
    if items.len() > shown.len() {
        writeln!(text, "  and {} more", items.len() - shown.len())
            .expect("a String takes every text");
    }
    text
}
