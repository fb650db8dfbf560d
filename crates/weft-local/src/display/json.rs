//! `--output json`: one JSON object a line for each event; the last one is the
//! run. This is the schema that programs may rely on.
//!
//! Every line has `event` and `time_ms`: milliseconds since the Unix epoch as a
//! number with three digits behind the point. Fields may be added.
//!
//! | `event` | further fields |
//! |---|---|
//! | `run_started` | `run`, `dag`, `file`, `digest`, `folder`, `logical_date`, `params`, `tasks` (how many) |
//! | `task_expanded` | `task`, `instances` |
//! | `task_started` | `task`, `map_index` (null where not mapped), `attempt` (from 1) |
//! | `log` | `task`, `map_index`, `attempt`, `stream` (`stdout`, `stderr`, `log`), `level` (for `log`), `message`, `fields` |
//! | `log_truncated` | `task`, `map_index`, `attempt`, `dropped_lines`, `dropped_bytes` |
//! | `progress` | `task`, `map_index`, `attempt`, `fraction`, `message` |
//! | `task_ended` | `task`, `map_index`, `attempt` (null where there was none), `state`, `started_ms`, `duration_ms`, `cpu_ms`, `memory_peak_bytes`; `reason` of a skip; for a failure `error` {`code`, `message`, `retryable`, `details`, `backtrace`}; `retry_at_ms`, `until_ms` |
//! | `cancelling` | |
//! | `run_ended` | `run`, `dag`, `state` (`success`, `failed`, `cancelled`), `started_ms`, `first_task_started_ms`, `ended_ms`, `duration_ms`, `counts` by state, `folder`, `tasks` |
//!
//! `state` of `task_ended` is `success`, `failed`, `skipped`, `upstream_failed`,
//! `cancelled`, `up_for_retry` or `deferred`. In `run_ended`, `tasks` maps each
//! task to {`state`, `attempts`, `started_ms`, `ended_ms`, `output`, `error`};
//! for a mapped one to {`state`, `instances`: [the same with `map_index`]}. The
//! same object, without `event` and `time_ms`, is kept as `run.json`.
//!
//! `first_task_started_ms` to `ended_ms` is what a run took without the start
//! of the program; the time of the last line equals `ended_ms`.

use super::{AttemptEnd, Display, Ended, Facts, Notice};
use crate::{
    clock::Micros,
    history::{Record, State},
    log::{Line, LineOf},
    outputs::Outputs,
};
use serde_json::{Map, Value, json, value::RawValue};
use std::{
    io::{self, BufWriter, Stdout, Write},
    sync::Arc,
};
use weft_core::{
    document::TaskIndex,
    inputs::Outputs as _,
    run::{Attempt, Instance, RunState},
};
use weft_sandbox::{GuestEvent, Usage};

/// Writes events to standard output.
pub(super) struct JsonLines {
    facts: Arc<Facts>,
    out: BufWriter<Stdout>,
    /// The reader went away: nothing more is written.
    closed: bool,
}

impl JsonLines {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        Self {
            facts,
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            closed: false,
        }
    }

    fn line(&mut self, write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) {
        if !self.closed
            && write(&mut self.out)
                .and_then(|()| self.out.write_all(b"\n"))
                .is_err()
        {
            self.closed = true;
        }
    }

    fn value(&mut self, value: &Value) {
        self.line(|out| serde_json::to_writer(out, value).map_err(Into::into));
    }
}

impl Display for JsonLines {
    fn notice(&mut self, notice: &Notice<'_>) {
        let facts = Arc::clone(&self.facts);
        match notice {
            Notice::RunStarted { at } => self.value(&json!({
                "event": "run_started",
                "time_ms": at.as_millis(),
                "run": facts.run,
                "dag": facts.dag,
                "file": facts.file,
                "digest": facts.digest,
                "folder": facts.folder,
                "logical_date": facts.logical_date.to_string(),
                "params": facts.params,
                "tasks": facts.count(),
            })),
            Notice::Expanded { at, task, instances } => self.value(&json!({
                "event": "task_expanded", "time_ms": at.as_millis(), "task": facts.task(*task).id, "instances": instances,
            })),
            Notice::AttemptStarted { at, attempt } => self.line(|out| {
                // The commonest lines are written without building a tree.
                write!(out, "{{\"event\":\"task_started\",\"time_ms\":{:.3},", at.as_millis())?;
                identity(out, &facts, *attempt)?;
                out.write_all(b"}")
            }),
            Notice::Guest { attempt, event } => self.guest(&facts, *attempt, event),
            Notice::AttemptEnded { at, started, attempt, end, usage } => {
                self.line(|out| ended(out, &facts, (*started, *at), *attempt, end, usage));
            }
            Notice::Settled { at, instance, state } => self.line(|out| {
                write!(out, "{{\"event\":\"task_ended\",\"time_ms\":{:.3},\"task\":", at.as_millis())?;
                serde_json::to_writer(&mut *out, &facts.task(instance.task).id)?;
                out.write_all(b",\"map_index\":")?;
                serde_json::to_writer(&mut *out, &facts.map_index(*instance))?;
                write!(out, ",\"attempt\":null,\"state\":\"{}\"}}", state.as_str())
            }),
            Notice::Cancelling { at } => self.value(&json!({ "event": "cancelling", "time_ms": at.as_millis() })),
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
        let facts = Arc::clone(&self.facts);
        self.line(|out| {
            write!(
                out,
                "{{\"event\":\"run_ended\",\"time_ms\":{:.3},",
                ended.at.as_millis()
            )?;
            report_fields(out, &facts, &mut ended)?;
            out.write_all(b"}")
        });
        self.refresh();
    }

    fn ask(&mut self, question: &str) {
        self.refresh();
        eprint!("{question}");
    }
}

impl JsonLines {
    fn guest(&mut self, facts: &Facts, attempt: Attempt, event: &GuestEvent) {
        let task = &facts.task(attempt.instance.task).id;
        let map_index = facts.map_index(attempt.instance);
        match event {
            GuestEvent::Log { .. } => {
                let of = LineOf { task, map_index, attempt: attempt.number };
                if let Some(line) = Line::of(of, event) {
                    self.line(|out| {
                        out.write_all(b"{\"event\":\"log\",")?;
                        let text = serde_json::to_string(&line)?;
                        out.write_all(text.strip_prefix('{').unwrap_or(&text).as_bytes())
                    });
                }
            }
            GuestEvent::Progress { fraction, message } => self.value(&json!({
                "event": "progress", "time_ms": now_ms(), "task": task, "map_index": map_index,
                "attempt": attempt.number, "fraction": fraction, "message": message,
            })),
            GuestEvent::LogTruncated { dropped_lines, dropped_bytes } => self.value(&json!({
                "event": "log_truncated", "time_ms": now_ms(), "task": task, "map_index": map_index,
                "attempt": attempt.number, "dropped_lines": dropped_lines, "dropped_bytes": dropped_bytes,
            })),
        }
    }
}

/// Progress carries no time of its own.
fn now_ms() -> f64 {
    crate::clock::Clock::start().now().as_millis()
}

fn identity(out: &mut impl Write, facts: &Facts, attempt: Attempt) -> io::Result<()> {
    out.write_all(b"\"task\":")?;
    serde_json::to_writer(&mut *out, &facts.task(attempt.instance.task).id)?;
    out.write_all(b",\"map_index\":")?;
    serde_json::to_writer(&mut *out, &facts.map_index(attempt.instance))?;
    write!(out, ",\"attempt\":{}", attempt.number)
}

fn ended(
    out: &mut impl Write,
    facts: &Facts,
    (started, at): (Micros, Micros),
    attempt: Attempt,
    end: &AttemptEnd<'_>,
    usage: &Usage,
) -> io::Result<()> {
    write!(
        out,
        "{{\"event\":\"task_ended\",\"time_ms\":{:.3},",
        at.as_millis()
    )?;
    identity(out, facts, attempt)?;
    let state = match end {
        AttemptEnd::Success => State::Success,
        AttemptEnd::Skipped { .. } => State::Skipped,
        AttemptEnd::Deferred { .. } => State::Deferred,
        AttemptEnd::Failed {
            retry_at: Some(_), ..
        } => State::UpForRetry,
        AttemptEnd::Failed { retry_at: None, .. } => State::Failed,
        AttemptEnd::Stopped => State::Cancelled,
    };
    write!(
        out,
        ",\"state\":\"{}\",\"started_ms\":{:.3},\"duration_ms\":{:.3},\"cpu_ms\":{:.3},\"memory_peak_bytes\":{}",
        state.as_str(),
        started.as_millis(),
        at.as_millis() - started.as_millis(),
        usage.cpu.as_secs_f64() * 1e3,
        usage.memory_peak_bytes,
    )?;
    match end {
        AttemptEnd::Success | AttemptEnd::Stopped | AttemptEnd::Skipped { reason: None } => {}
        AttemptEnd::Skipped {
            reason: Some(reason),
        } => {
            out.write_all(b",\"reason\":")?;
            serde_json::to_writer(&mut *out, reason)?;
        }
        AttemptEnd::Deferred { until } => {
            if let Some(until) = until {
                write!(out, ",\"until_ms\":{}", until.0)?;
            }
        }
        AttemptEnd::Failed { failure, retry_at } => {
            out.write_all(b",\"error\":")?;
            serde_json::to_writer(
                &mut *out,
                &json!({
                    "code": failure.kind.code(),
                    "message": failure.message,
                    "retryable": failure.retryable,
                    "details": failure.details,
                    "backtrace": failure.backtrace,
                }),
            )?;
            if let Some(at) = retry_at {
                write!(out, ",\"retry_at_ms\":{}", at.0)?;
            }
        }
    }
    out.write_all(b"}")
}

/// Writes the run as one JSON object, as `run.json` holds it.
pub(crate) fn write_report(
    out: &mut impl Write,
    facts: &Facts,
    ended: &mut Ended<'_>,
) -> io::Result<()> {
    out.write_all(b"{")?;
    report_fields(out, facts, ended)?;
    out.write_all(b"}\n")
}

fn report_fields(out: &mut impl Write, facts: &Facts, ended: &mut Ended<'_>) -> io::Result<()> {
    let counts: Map<String, Value> = ended
        .history
        .counts()
        .into_iter()
        .map(|(state, count)| (state.as_str().to_owned(), count.into()))
        .collect();
    let head = json!({
        "run": facts.run,
        "dag": facts.dag,
        "file": facts.file,
        "digest": facts.digest,
        "logical_date": facts.logical_date.to_string(),
        "params": facts.params,
        "state": run_state_name(ended.state),
        "started_ms": ended.started.as_millis(),
        "first_task_started_ms": ended.history.first_start().map(Micros::as_millis),
        "ended_ms": ended.at.as_millis(),
        "duration_ms": ended.at.since(ended.started).as_secs_f64() * 1e3,
        "counts": counts,
        "folder": facts.folder,
    });
    let text = serde_json::to_string(&head)?;
    let inner = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
        .unwrap_or_default();
    out.write_all(inner.as_bytes())?;
    out.write_all(b",\"tasks\":{")?;
    let mut first = true;
    for (number, task) in facts
        .tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| task.included)
    {
        if !std::mem::take(&mut first) {
            out.write_all(b",")?;
        }
        let index = TaskIndex(u32::try_from(number).expect("a DAG's tasks are counted in u32"));
        serde_json::to_writer(&mut *out, &task.id)?;
        out.write_all(b":{")?;
        if task.mapped {
            mapped_fields(out, index, ended)?;
        } else {
            let instance = Instance {
                task: index,
                index: 0,
            };
            for record in ended.history.task(index).iter().take(1) {
                record_fields(out, record, ended.outputs, instance)?;
            }
        }
        out.write_all(b"}")?;
    }
    out.write_all(b"}")
}

fn mapped_fields(out: &mut impl Write, task: TaskIndex, ended: &mut Ended<'_>) -> io::Result<()> {
    let state = ended.history.state(task).as_str();
    write!(out, "\"state\":\"{state}\",\"instances\":[")?;
    for (at, record) in ended.history.task(task).iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        write!(out, "{{\"map_index\":{at},")?;
        let instance = Instance {
            task,
            index: u32::try_from(at).expect("indexes are u32"),
        };
        record_fields(out, record, ended.outputs, instance)?;
        out.write_all(b"}")?;
    }
    out.write_all(b"]")
}

fn record_fields(
    out: &mut impl Write,
    record: &Record,
    outputs: &mut Outputs,
    instance: Instance,
) -> io::Result<()> {
    write!(
        out,
        "\"state\":\"{}\",\"attempts\":{}",
        record.state.as_str(),
        record.attempts
    )?;
    if let Some(started) = record.started {
        write!(out, ",\"started_ms\":{:.3}", started.as_millis())?;
    }
    if let Some(at) = record.ended {
        write!(out, ",\"ended_ms\":{:.3}", at.as_millis())?;
    }
    if let Some(output) = outputs.get(instance)? {
        out.write_all(b",\"output\":")?;
        // A pretty-printed output would break the rule of one line an event.
        if output.contains(['\n', '\r']) {
            let value: Box<RawValue> = serde_json::from_str(&output)?;
            let value: Value = serde_json::from_str(value.get())?;
            serde_json::to_writer(&mut *out, &value)?;
        } else {
            out.write_all(output.as_bytes())?;
        }
    }
    if let Some(error) = &record.error {
        out.write_all(b",\"error\":")?;
        serde_json::to_writer(
            &mut *out,
            &json!({ "code": error.code, "message": error.message }),
        )?;
    }
    Ok(())
}

/// The name in JSON.
pub(super) const fn run_state_name(state: RunState) -> &'static str {
    match state {
        RunState::Pending => "pending",
        RunState::Running => "running",
        RunState::Success => "success",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_page_has_the_fields_of_every_event() {
        let page = include_str!("../../../../docs/reference/files.md");
        let rows = include_str!("json.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! "))
            .filter(|line| line.starts_with('|'));
        assert_eq!(rows.clone().count(), 2 + 9, "a head and nine events");
        for row in rows {
            assert!(page.lines().any(|line| line == row), "{row}");
        }
    }
}
