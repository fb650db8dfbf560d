//! `wfctl logs`: what an attempt printed, or prints.

mod search;

use super::run_ref::RunRef;
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table,
};
use anstyle::{AnsiColor, Style};
use serde::Serialize;
use std::fmt::Write as _;
use weft_api::{
    LogLine, LogPage, LogSource, TaskSummary,
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
  wfctl logs latest parse --all-instances
  wfctl logs latest report -f
  wfctl logs latest report --search timeout
  wfctl logs latest report --output json | jq -r .message")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of the command line"
)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    run: RunRef,
    /// The task
    #[arg(value_name = "TASK")]
    task: String,
    /// The map index of a mapped task's instance [default: 0]
    #[arg(long, short, value_name = "N")]
    index: Option<u32>,
    /// Every instance of a mapped task, one after the other; each line names its index
    #[arg(long, conflicts_with_all = ["index", "attempt", "follow"])]
    all_instances: bool,
    /// The number of the attempt [default: the last one]
    #[arg(long, short, value_name = "N")]
    attempt: Option<u32>,
    /// Print new lines until the attempt ends
    #[arg(long, short)]
    follow: bool,
    /// Only lines that contain this text, in any case of letters; each begins with its number
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["all_instances", "follow"])]
    search: Option<String>,
    /// The text to search for is a regular expression
    #[arg(long, requires = "search")]
    regex: bool,
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
        let run = args.run.id(&client).await?;
        let mut printer = Printer {
            output: args.output,
            timestamps: args.timestamps,
            zone: Zone::local(),
            warned_of_loss: false,
            index: None,
            number: None,
        };
        if args.all_instances {
            return all_instances(&client, args, &run, &mut printer).await;
        }
        if args.index.is_none() {
            point_to_other_instances(&client, args, &run).await?;
        }
        let index = args.index.unwrap_or(0).to_string();
        let values = [run.as_str(), &args.task, &index];
        if let Some(text) = &args.search {
            search::run(&client, args, text, &values, &mut printer).await
        } else if args.follow {
            follow(&client, args, &values, &mut printer).await
        } else {
            pages(&client, args, &values, &mut printer).await
        }
    })?;
    Ok(Exit::Success)
}

/// Says on standard error that a mapped task has more instances than the one that is printed.
async fn point_to_other_instances(
    client: &Client,
    args: &LogsArgs,
    run: &str,
) -> Result<(), Problems> {
    let instances = instances(client, args, run).await?;
    if let Some(hint) = other_instances(&args.task, instances) {
        anstream::eprintln!("{hint}");
    }
    Ok(())
}

fn other_instances(task: &str, instances: u64) -> Option<String> {
    (instances > 1).then(|| {
        format!(
            "{task} is mapped and has {instances} instances; this is the log of index 0. Choose \
             another with --index N, or print all of them with --all-instances."
        )
    })
}

/// How many instances the task has in this run; none if the run has no such task.
async fn instances(client: &Client, args: &LogsArgs, run: &str) -> Result<u64, Problems> {
    let tasks: Vec<TaskSummary> = client.request(&route::LIST_TASKS, &[run]).fetch().await?;
    let task = tasks.iter().find(|summary| summary.task == args.task);
    Ok(task.map_or(0, |summary| summary.instances))
}

/// Prints the last attempt of each instance. Instances without a log are left out.
async fn all_instances(
    client: &Client,
    args: &LogsArgs,
    run: &str,
    printer: &mut Printer,
) -> Result<(), Problems> {
    for index in 0..instances(client, args, run).await?.max(1) {
        printer.index = Some(index);
        let index = index.to_string();
        match pages(client, args, &[run, &args.task, &index], printer).await {
            Err(problems) if has_no_log(&problems) => {}
            printed => printed?,
        }
    }
    Ok(())
}

/// Whether an instance has not come to run yet, or its log is gone.
fn has_no_log(problems: &Problems) -> bool {
    problems.iter().all(|problem| {
        matches!(
            problem.code,
            Code::AttemptNotFound | Code::InstanceNotFound | Code::LogNotFound
        )
    })
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
        // A stream that has reconnected continues after the last line.
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
    warned_of_loss: bool,
    /// The map index that each line begins with, if several instances are printed.
    index: Option<u64>,
    /// The number of the line, from 1 on, if only some lines are printed.
    number: Option<u64>,
}

/// A line of one of several instances.
#[derive(Serialize)]
struct IndexedLine<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    #[serde(flatten)]
    line: &'l LogLine,
}

impl Printer {
    fn page(&mut self, page: &LogPage) -> Result<(), Problem> {
        if page.incomplete && !std::mem::replace(&mut self.warned_of_loss, true) {
            anstream::eprintln!("Lines are missing: they were too old, or the log is damaged.");
        }
        self.lines(&page.lines)
    }

    fn lines(&self, lines: &[LogLine]) -> Result<(), Problem> {
        let mut text = String::new();
        for line in lines {
            match self.output {
                Output::Text => self.line(&mut text, line),
                Output::Json => {
                    text.push_str(
                        &serde_json::to_string(&IndexedLine {
                            index: self.index,
                            number: self.number,
                            line,
                        })
                        .map_err(|error| Problem::new(Code::Internal, error.to_string()))?,
                    );
                    text.push('\n');
                }
            }
        }
        table::write(&text)
    }

    fn line(&self, text: &mut String, line: &LogLine) {
        if let Some(index) = self.index {
            write!(text, "{FAINT}[{index}]{FAINT:#} ").expect("a String takes every text");
        }
        if let Some(number) = self.number {
            write!(text, "{FAINT}{number}:{FAINT:#} ").expect("a String takes every text");
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_task_points_to_its_other_instances() {
        let hint = other_instances("parse", 17).unwrap();
        assert!(hint.contains("17 instances"), "{hint}");
        assert!(
            hint.contains("--index N") && hint.contains("--all-instances"),
            "{hint}"
        );
        assert_eq!(other_instances("parse", 1), None);
        assert_eq!(other_instances("parse", 0), None);
    }

    #[test]
    fn lines_of_several_instances_begin_with_their_index() {
        let mut printer = Printer {
            output: Output::Text,
            timestamps: false,
            zone: Zone::local(),
            warned_of_loss: false,
            index: Some(3),
            number: None,
        };
        let line = LogLine {
            at: "2026-11-21T06:00:00Z".parse().unwrap(),
            source: LogSource::Stdout,
            message: "hello".into(),
            fields: vec![],
        };
        let mut text = String::new();
        printer.line(&mut text, &line);
        assert!(text.contains("[3]") && text.contains("hello"), "{text}");
        printer.index = None;
        text.clear();
        printer.line(&mut text, &line);
        assert!(!text.contains("[3]"), "{text}");
    }
}
