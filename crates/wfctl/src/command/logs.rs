//! `wfctl logs`: what an attempt printed, or prints.

use super::run_ref::InstanceRef;
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table,
};
use anstyle::{AnsiColor, Style};
use std::fmt::Write as _;
use weft_api::{
    LogLine, LogPage, LogSource,
    problem::{Code, Exit, Problem, Problems},
    text,
};
use weft_client::{Client, EventStream, StreamItem, page, problem, route};

const FAINT: Style = Style::new().dimmed();
const WARN: Style = AnsiColor::Yellow.on_default();
const BAD: Style = AnsiColor::Red.on_default();
/// The most characters of a line on a terminal or in a pipe; JSON has all of them.
const MAX_LINE_CHARS: usize = 10_000;

/// Print what a task printed
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl logs latest report
  wfctl logs 0c3k5v7n9q1st parse --index 17 --attempt 1
  wfctl logs latest report -f
  wfctl logs latest report --output json | jq -r .message")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    instance: InstanceRef,
    /// Which attempt [default: the last one]
    #[arg(long, short, value_name = "N")]
    attempt: Option<u32>,
    /// Go on until the attempt ends
    #[arg(long, short)]
    follow: bool,
    /// The time before each line
    #[arg(long, short)]
    timestamps: bool,
    /// text, or json: one line for each, with its time
    #[arg(long, short, value_enum, default_value_t, value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    server: ConnectArgs,
}

/// How lines are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Prints the lines.
pub(crate) fn run(args: &LogsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        let run = args.instance.run.id(&client).await?;
        let index = args.instance.index.to_string();
        let values = [run.as_str(), &args.instance.task, &index];
        let mut printer = Printer {
            output: args.output,
            timestamps: args.timestamps,
            zone: Zone::local(),
            has_told_loss: false,
        };
        if args.follow {
            follow(&client, args, &values, &mut printer).await
        } else {
            pages(&client, args, &values, &mut printer).await
        }
    })?;
    Ok(Exit::Success)
}

/// What there is now.
async fn pages(
    client: &Client,
    args: &LogsArgs,
    values: &[&str],
    printer: &mut Printer,
) -> Result<(), Problems> {
    let mut cursor: Option<String> = None;
    // Without a number each page would be of the attempt that is the last one by then.
    let mut attempt = args.attempt;
    loop {
        let page: LogPage = client
            .request(&route::LOG, values)
            .query("limit", page::MAX_PAGE)
            .query_some("attempt", attempt)
            .query_some("cursor", cursor.as_deref())
            .fetch()
            .await?;
        printer.page(&page)?;
        attempt = Some(page.attempt);
        match page.next {
            Some(next) if !page.lines.is_empty() => cursor = Some(next),
            Some(_) | None => return Ok(()),
        }
    }
}

/// As it is printed, until the attempt has ended.
async fn follow(
    client: &Client,
    args: &LogsArgs,
    values: &[&str],
    printer: &mut Printer,
) -> Result<(), Problems> {
    let query = args.attempt.map(|attempt| ("attempt", attempt.to_string()));
    let mut events = EventStream::open(
        client,
        &route::FOLLOW_LOG,
        values,
        query.into_iter().collect(),
    )
    .await?;
    loop {
        // A stream that stands again goes on behind the last line.
        let StreamItem::Event(event) = events.next().await? else {
            continue;
        };
        match event.name.as_str() {
            "lines" => {
                let page: LogPage = serde_json::from_str(&event.data).map_err(|error| {
                    problem::invalid_response(&client.server().url.value, &error.to_string())
                })?;
                printer.page(&page)?;
            }
            "end" => return Ok(()),
            "problem" => {
                return Err(problem::from_event(
                    &client.server().url.value,
                    event.data.as_bytes(),
                ));
            }
            _later => {}
        }
    }
}

struct Printer {
    output: Output,
    timestamps: bool,
    zone: Zone,
    has_told_loss: bool,
}

impl Printer {
    fn page(&mut self, page: &LogPage) -> Result<(), Problem> {
        if page.incomplete && !std::mem::replace(&mut self.has_told_loss, true) {
            anstream::eprintln!("Lines are missing: they were too old, or the log is damaged.");
        }
        let mut text = String::new();
        for line in &page.lines {
            match self.output {
                Output::Text => self.line(&mut text, line),
                Output::Json => {
                    text.push_str(
                        &serde_json::to_string(line)
                            .map_err(|error| Problem::new(Code::Internal, error.to_string()))?,
                    );
                    text.push('\n');
                }
            }
        }
        table::write(&text)
    }

    fn line(&self, text: &mut String, line: &LogLine) {
        if self.timestamps {
            write!(text, "{FAINT}{}{FAINT:#} ", self.zone.shown(line.at))
                .expect("a String takes every text");
        }
        let (style, word) = match line.source {
            LogSource::Error => (BAD, "error: "),
            LogSource::Warn => (WARN, "warning: "),
            LogSource::Weft => (FAINT, "weft: "),
            LogSource::Debug | LogSource::Trace => (FAINT, ""),
            LogSource::Stdout | LogSource::Stderr | LogSource::Info => (Style::new(), ""),
        };
        let message = text::truncated(&line.message, MAX_LINE_CHARS).0;
        write!(text, "{style}{word}{message}{style:#}").expect("a String takes every text");
        for field in &line.fields {
            let field = format!("{}={}", field.name, field.value);
            write!(
                text,
                " {FAINT}{}{FAINT:#}",
                text::truncated(&field, MAX_LINE_CHARS).0
            )
            .expect("a String takes every text");
        }
        text.push('\n');
    }
}
