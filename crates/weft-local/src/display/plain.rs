//! Lines for a pipe or a file: what began, what ended, what guests printed.
//!
//! Instances of a mapped task are shown together, with only their failures and
//! retries on lines of their own, so that a mapping over 100,000 elements
//! stays readable.

use super::{
    AttemptEnd, Display, Ended, Facts, Notice,
    ending::{self, FAINT, sign},
};
use crate::{clock::Micros, history::State};
use anstream::AutoStream;
use std::{
    io::{BufWriter, Stdout, Write},
    sync::Arc,
};
use weft_api::text;
use weft_core::{
    document::TaskIndex,
    run::{Attempt, Instance},
};
use weft_sandbox::{AttemptFailure, GuestEvent, LogLevel, LogStream};

/// The most characters of a guest's line.
const MAX_LINE_CHARS: usize = 500;

/// Writes lines to standard output.
pub(super) struct PlainLines {
    facts: Arc<Facts>,
    out: BufWriter<AutoStream<Stdout>>,
    mapped: Vec<Mapped>,
    /// The reader went away: nothing more is written.
    closed: bool,
}

/// How far a mapped task is.
#[derive(Clone, Default)]
struct Mapped {
    instances: u32,
    over: u32,
    failed: u32,
    began: Option<Micros>,
}

impl PlainLines {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        let mapped = vec![Mapped::default(); facts.tasks.len()];
        Self {
            facts,
            out: BufWriter::new(AutoStream::auto(std::io::stdout())),
            mapped,
            closed: false,
        }
    }

    fn say(&mut self, text: std::fmt::Arguments<'_>) {
        if !self.closed
            && self
                .out
                .write_fmt(text)
                .and_then(|()| self.out.write_all(b"\n"))
                .is_err()
        {
            self.closed = true;
        }
    }

    fn one_over(&mut self, at: Micros, task: TaskIndex, failed: bool) {
        let mapped = &mut self.mapped[task.as_usize()];
        mapped.over += 1;
        mapped.failed += u32::from(failed);
        if mapped.over < mapped.instances {
            return;
        }
        let Mapped {
            instances,
            failed,
            began,
            ..
        } = *mapped;
        let took = began.map_or_else(String::new, |began| {
            format!(" {}", ending::took(at.since(began)))
        });
        let (mark, style) = sign(if failed > 0 {
            State::Failed
        } else {
            State::Success
        });
        let facts = Arc::clone(&self.facts);
        let id = &facts.task(task).id;
        if failed > 0 {
            self.say(format_args!(
                "{style}{mark}{style:#} {id}: {failed} of {instances} instances failed{took}"
            ));
        } else {
            self.say(format_args!(
                "{style}{mark}{style:#} {id}: {} instances{took}",
                text::number(instances as usize)
            ));
        }
    }

    fn failed(&mut self, label: &str, attempt: Attempt, failure: &AttemptFailure, retry: bool) {
        let (mark, style) = sign(if retry {
            State::UpForRetry
        } else {
            State::Failed
        });
        let what = if retry {
            "failed, will be tried again"
        } else {
            "failed"
        };
        self.say(format_args!(
            "{style}{mark}{style:#} {label} {what} (attempt {}, {}): {}",
            attempt.number,
            failure.kind.code(),
            text::truncated(&failure.message, MAX_LINE_CHARS).0
        ));
    }

    fn guest(&mut self, attempt: Attempt, event: &GuestEvent) {
        let label = self.facts.label(attempt.instance);
        match event {
            GuestEvent::Log {
                stream,
                message,
                fields,
                ..
            } => {
                let level = level_word(*stream);
                let fields = text::fields(fields);
                let text = text::truncated(&format!("{message}{fields}"), MAX_LINE_CHARS).0;
                self.say(format_args!("  {FAINT}{label} |{FAINT:#} {level}{text}"));
            }
            GuestEvent::LogTruncated { dropped_lines, .. } => {
                self.say(format_args!(
                    "  {FAINT}{label} | {} more lines went beyond the limit on logs{FAINT:#}",
                    text::number(usize::try_from(*dropped_lines).unwrap_or(usize::MAX))
                ));
            }
            GuestEvent::Progress { .. } => {}
        }
    }

    fn mapped(&self, instance: Instance) -> bool {
        self.facts.task(instance.task).mapped
    }

    fn attempt_ended(
        &mut self,
        (started, at): (Micros, Micros),
        attempt: Attempt,
        end: &AttemptEnd<'_>,
    ) {
        let label = self.facts.label(attempt.instance);
        let mapped = self.mapped(attempt.instance);
        let took = ending::took(at.since(started));
        match end {
            AttemptEnd::Success if mapped => self.one_over(at, attempt.instance.task, false),
            AttemptEnd::Success => {
                let (mark, style) = sign(State::Success);
                self.say(format_args!(
                    "{style}{mark}{style:#} {label} {FAINT}{took}{FAINT:#}"
                ));
            }
            AttemptEnd::Skipped { reason } => {
                let reason = reason.map_or_else(String::new, |reason| {
                    format!(": {}", text::line(reason, MAX_LINE_CHARS))
                });
                self.say(format_args!("– {label} skipped itself{reason}"));
                if mapped {
                    self.one_over(at, attempt.instance.task, false);
                }
            }
            AttemptEnd::Deferred { until } => {
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                self.say(format_args!("◔ {label} waits{until}"));
            }
            AttemptEnd::Failed { failure, retry_at } => {
                self.failed(&label, attempt, failure, retry_at.is_some());
                if mapped && retry_at.is_none() {
                    self.one_over(at, attempt.instance.task, true);
                }
            }
            AttemptEnd::Stopped => {
                self.say(format_args!("■ {label} was stopped after {took}"));
            }
        }
    }
}

/// The prefix of a line of a level worth noticing.
pub(super) const fn level_word(stream: LogStream) -> &'static str {
    match stream {
        LogStream::Structured(LogLevel::Error) => "error: ",
        LogStream::Structured(LogLevel::Warn) => "warning: ",
        LogStream::Structured(LogLevel::Info | LogLevel::Debug | LogLevel::Trace)
        | LogStream::Stdout
        | LogStream::Stderr => "",
    }
}

impl Display for PlainLines {
    fn notice(&mut self, notice: &Notice<'_>) {
        let facts = Arc::clone(&self.facts);
        match notice {
            Notice::RunStarted { .. } => {
                self.say(format_args!(
                    "{} run {} ({})",
                    facts.dag,
                    facts.run,
                    text::counted(facts.count(), "task")
                ));
            }
            Notice::Expanded {
                at,
                task,
                instances,
            } => {
                self.mapped[task.as_usize()] = Mapped {
                    instances: *instances,
                    began: Some(*at),
                    ..Mapped::default()
                };
                if *instances > 0 {
                    self.say(format_args!(
                        "  {} is mapped over {}",
                        facts.task(*task).id,
                        text::counted(*instances as usize, "instance")
                    ));
                }
            }
            Notice::AttemptStarted { .. } => {}
            Notice::Guest { attempt, event } => self.guest(*attempt, event),
            Notice::AttemptEnded {
                at,
                started,
                attempt,
                end,
                ..
            } => self.attempt_ended((*started, *at), *attempt, end),
            Notice::Settled {
                at,
                instance,
                state,
            } => {
                if self.mapped(*instance) && self.mapped[instance.task.as_usize()].instances > 0 {
                    self.one_over(*at, instance.task, false);
                } else {
                    let (mark, style) = sign(*state);
                    self.say(format_args!(
                        "{style}{mark}{style:#} {} {}",
                        facts.label(*instance),
                        state.as_str().replace('_', " ")
                    ));
                }
            }
            Notice::Cancelling { .. } => self.say(format_args!(
                "cancelling; press Ctrl-C again to stop at once"
            )),
        }
    }

    fn refresh(&mut self) {
        if !self.closed && self.out.flush().is_err() {
            self.closed = true;
        }
    }

    fn animated(&self) -> bool {
        false
    }

    fn end(&mut self, mut ended: Ended<'_>) {
        let text = ending::text(&self.facts, &mut ended);
        self.say(format_args!("{}", text.trim_end_matches('\n')));
        self.refresh();
    }

    fn ask(&mut self, question: &str) {
        self.refresh();
        eprint!("{question}");
    }
}
