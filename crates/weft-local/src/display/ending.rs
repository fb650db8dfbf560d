//! How a run ends for people: what failed and why, the results, how long it
//! took, where more can be read.

use super::{Ended, Facts};
use crate::history::State;
use anstyle::{AnsiColor, Style};
use serde_json::Value;
use std::{fmt::Write, time::Duration};
use weft_api::text;
use weft_core::{
    contract::artifact_refs_in,
    document::TaskIndex,
    inputs::Outputs as _,
    run::{Instance, RunState},
};

/// The most failed instances that are shown; the rest are counted.
const MAX_FAILURES: usize = 5;
/// The most results that are shown.
const MAX_RESULTS: usize = 8;
/// The most characters of one result.
const MAX_RESULT_CHARS: usize = 1_500;
/// The most lines of one result.
const MAX_RESULT_LINES: usize = 24;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const ACTIVE: Style = AnsiColor::Cyan.on_default();
pub(super) const ODD: Style = AnsiColor::Yellow.on_default();

/// The sign and the colour of a state.
pub(super) const fn sign(state: State) -> (&'static str, Style) {
    match state {
        State::Success => ("✓", GOOD),
        State::Failed => ("✗", BAD),
        State::UpstreamFailed => ("⊘", BAD),
        State::Cancelled => ("■", ODD),
        State::Skipped => ("–", FAINT),
        State::UpForRetry => ("↻", ODD),
        State::Deferred => ("◔", ODD),
        State::Running => ("●", ACTIVE),
        State::Ready => ("○", FAINT),
        State::Waiting => ("·", FAINT),
    }
}

/// The text at the end, in colours.
pub(super) fn text(facts: &Facts, ended: &mut Ended<'_>) -> String {
    let mut out = String::new();
    failures(&mut out, facts, ended);
    results(&mut out, facts, ended);
    summary(&mut out, facts, ended);
    out
}

fn failures(out: &mut String, facts: &Facts, ended: &Ended<'_>) {
    let mut more = 0_usize;
    let mut shown = 0_usize;
    for (task, index) in facts.tasks.iter().zip(0..) {
        for (record, at) in ended.history.task(TaskIndex(index)).iter().zip(0_u32..) {
            let Some(error) = record
                .error
                .as_ref()
                .filter(|_| record.state == State::Failed)
            else {
                continue;
            };
            if shown == MAX_FAILURES {
                more += 1;
                continue;
            }
            shown += 1;
            let label = facts.label(Instance {
                task: TaskIndex(index),
                index: at,
            });
            let (message, cut) = text::truncated(&error.message, MAX_RESULT_CHARS);
            write_all(
                out,
                format_args!(
                    "\n{BAD}✗ {label} failed{BAD:#} ({}, {})\n",
                    error.code,
                    text::counted(record.attempts as usize, "attempt")
                ),
            );
            for line in message.lines() {
                write_all(out, format_args!("  {line}\n"));
            }
            if cut {
                write_all(
                    out,
                    format_args!("  {FAINT}... cut; all of it is in run.json{FAINT:#}\n"),
                );
            }
            for line in &error.tail {
                write_all(
                    out,
                    format_args!("  {FAINT}| {}{FAINT:#}\n", text::line(line, 200)),
                );
            }
            if ended.logged {
                write_all(
                    out,
                    format_args!(
                        "  {FAINT}all its log lines: grep '\"task\":\"{}\"' {}/logs/*.jsonl{FAINT:#}\n",
                        task.id,
                        facts.folder.display()
                    ),
                );
            }
        }
    }
    if more > 0 {
        write_all(
            out,
            format_args!(
                "  ... and {} more failed; run.json lists them\n",
                text::number(more)
            ),
        );
    }
}

fn results(out: &mut String, facts: &Facts, ended: &mut Ended<'_>) {
    let mut shown = 0_usize;
    let mut cut = false;
    for (task, index) in facts.tasks.iter().zip(0..) {
        if !task.leaf {
            continue;
        }
        let index = TaskIndex(index);
        let output = if task.mapped {
            if ended
                .history
                .task(index)
                .iter()
                .any(|record| record.state == State::Success)
            {
                ended.outputs.gather(index).ok()
            } else {
                None
            }
        } else {
            ended
                .outputs
                .get(Instance {
                    task: index,
                    index: 0,
                })
                .ok()
                .flatten()
        };
        let Some(output) = output.filter(|output| &**output != "null") else {
            continue;
        };
        if shown == MAX_RESULTS {
            write_all(
                out,
                format_args!("{FAINT}... more results: --output json shows all{FAINT:#}\n"),
            );
            break;
        }
        shown += 1;
        let (text, was_cut) = result(&output);
        cut |= was_cut;
        let text = if text.contains('\n') {
            format!("\n{}", indented(&text))
        } else {
            format!(" {text}")
        };
        write_all(out, format_args!("\n{BOLD}{}{BOLD:#} ={text}\n", task.id));
        artifacts(out, facts, &output);
    }
    if cut {
        write_all(
            out,
            format_args!(
                "{FAINT}outputs are cut here; all of them: {}/run.json, or --output json{FAINT:#}\n",
                facts.folder.display()
            ),
        );
    }
}

/// Where the artifacts of an output lie on this machine.
fn artifacts(out: &mut String, facts: &Facts, output: &str) {
    const MAX_ARTIFACTS: usize = 5;
    if !output.contains(weft_core::contract::ARTIFACT_KEY) {
        return;
    }
    let references = artifact_refs_in(output).unwrap_or_default();
    for reference in references.iter().take(MAX_ARTIFACTS) {
        if let Some(path) = facts.artifacts.find(reference) {
            write_all(
                out,
                format_args!("  {FAINT}artifact:{FAINT:#} {}\n", path.display()),
            );
        }
    }
}

/// An output for people: strings as text, small values in one line, larger ones indented.
fn result(output: &str) -> (String, bool) {
    const ONE_LINE: usize = 100;
    // A value of megabytes is cut as text, so that showing it costs nothing.
    const MAX_PARSED_BYTES: usize = 64 << 10;
    let whole = if output.len() > MAX_PARSED_BYTES {
        None
    } else {
        serde_json::from_str::<Value>(output)
            .ok()
            .map(|value| match value {
                Value::String(text) => text,
                Value::Array(_) | Value::Object(_) if output.len() > ONE_LINE => {
                    serde_json::to_string_pretty(&value).unwrap_or_else(|_| output.to_owned())
                }
                _ => output.trim().to_owned(),
            })
    };
    let (text, mut cut) = text::truncated(whole.as_deref().unwrap_or(output), MAX_RESULT_CHARS);
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > MAX_RESULT_LINES {
        lines.truncate(MAX_RESULT_LINES);
        cut = true;
    }
    let mut text = lines.join("\n");
    if cut {
        text.push('…');
    }
    (text, cut)
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn summary(out: &mut String, facts: &Facts, ended: &Ended<'_>) {
    let (word, style) = match ended.state {
        RunState::Success => ("succeeded", GOOD),
        RunState::Failed => ("failed", BAD),
        RunState::Cancelled => ("was cancelled", ODD),
        RunState::Pending | RunState::Running => ("did not end", BAD),
    };
    let counts: Vec<String> = ended
        .history
        .counts()
        .into_iter()
        .map(|(state, count)| {
            format!(
                "{} {}",
                text::number(count),
                state.as_str().replace('_', " ")
            )
        })
        .collect();
    let span = |from| text::duration(ended.at.since(from));
    let tasks = ended
        .history
        .first_start()
        .map_or_else(String::new, |first| format!(" (tasks: {})", span(first)));
    write_all(
        out,
        format_args!(
            "\n{style}{} {word}{style:#} in {}{tasks}: {}\n",
            facts.dag,
            span(ended.started),
            counts.join(", ")
        ),
    );
    write_all(
        out,
        format_args!(
            "{FAINT}{}: {}{FAINT:#}\n",
            if ended.logged {
                "logs and results"
            } else {
                "results"
            },
            facts.folder.display()
        ),
    );
}

/// A span of an attempt for a line.
pub(super) fn took(span: Duration) -> String {
    text::duration(span)
}

fn write_all(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes everything");
}
