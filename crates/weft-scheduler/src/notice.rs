//! What workers tell, brought to the run it is about.

use crate::{
    actions,
    active_run::AttemptFacts,
    fault::planted,
    rows,
    shard::{Context, Shard},
};
use serde_json::json;
use std::sync::Arc;
use weft_broker::{AttemptKey, Failure, Notice, Report, ReportedOutcome, Usage};
use weft_core::run::{Event, InstanceState, Outcome};
use weft_store::Output;

impl Shard {
    /// Whether a notice is about a run that is in memory here.
    pub(crate) fn concerns(&self, notice: &Notice) -> bool {
        match notice {
            Notice::Started { key, worker: _ }
            | Notice::Expired { key }
            | Notice::Released { key } => self.runs.contains_key(&key.run),
            Notice::Finished(report) => self.runs.contains_key(&report.key.run),
            Notice::Demand => false,
        }
    }

    /// Applies a notice about a run that is in memory here.
    pub(crate) fn notice(&mut self, cx: &mut Context, notice: Notice) {
        match notice {
            Notice::Started { key, worker } => self.started(cx, key, worker),
            Notice::Finished(report) => self.finished(cx, *report),
            Notice::Expired { key } => self.lost(cx, key),
            Notice::Released { key } => self.released(key),
            Notice::Demand => {}
        }
    }

    fn started(&mut self, cx: &mut Context, key: AttemptKey, worker: Arc<str>) {
        let event = Event::Started {
            attempt: key.attempt,
        };
        // Whoever had it before gave it back: it counts as started already.
        let is_taken_again = self.released.remove(&key) && self.is_running(&key);
        // Rejected: it ended or was revoked before this news arrived.
        if (self.apply(cx, key.run, event).is_ok() || is_taken_again)
            && let Some(active) = self.runs.get_mut(&key.run)
        {
            let facts = active.facts(key);
            facts.started = Some(cx.now());
            facts.worker = Some(worker);
        }
        if is_taken_again {
            self.shows_later(cx.now(), key.run, key.attempt.instance);
        }
    }

    /// A worker never began an attempt and won't: nothing of it is lost, and it is handed
    /// out again as it is. To the run it stays what it was, queued or started: that it
    /// waits once more is the broker's matter, as a claim is.
    fn released(&mut self, key: AttemptKey) {
        let state = self
            .runs
            .get(&key.run)
            .and_then(|active| active.run.instance(key.attempt.instance));
        match state {
            Some(InstanceState::Queued { attempt }) if attempt == key.attempt => {}
            Some(InstanceState::Running { attempt }) if attempt == key.attempt => {
                self.released.insert(key);
                if let Some(active) = self.runs.get_mut(&key.run) {
                    active.facts(key).worker = None;
                }
                // Before it is handed out again: the row bars every other worker from it.
                let instance = (key.run, key.attempt.instance);
                self.changes.instances.insert(instance);
            }
            Some(_) | None => {
                // Nobody wants it any more; the broker may forget it.
                self.changes.revoke.push(key);
                self.changes.urgent = true;
                return;
            }
        }
        let waits = (key.run, key.attempt);
        if !self.to_prepare.contains(&waits) {
            self.to_prepare.push(waits);
        }
    }

    /// Whether an attempt is the current one and has started.
    pub(crate) fn is_running(&self, key: &AttemptKey) -> bool {
        let active = self.runs.get(&key.run);
        let state = active.and_then(|active| active.run.instance(key.attempt.instance));
        matches!(state, Some(InstanceState::Running { attempt }) if attempt == key.attempt)
    }

    /// The worker of an attempt is given up.
    pub(crate) fn lost(&mut self, cx: &mut Context, key: AttemptKey) {
        let record = self
            .runs
            .get(&key.run)
            .and_then(|active| active.records.get(&key.attempt.instance))
            .cloned();
        let event = Event::Lost {
            attempt: key.attempt,
        };
        if self.apply(cx, key.run, event).is_ok() {
            tracing::warn!(run = %key.run, task = key.attempt.instance.task.0, number = key.attempt.number, "the worker of an attempt was lost");
            // The revocation of a lost attempt is not a second end of it.
            self.changes.attempts.retain(|attempt| {
                attempt.run != key.run
                    || attempt.instance != key.attempt.instance
                    || attempt.number != key.attempt.number
            });
            let lost = record.and_then(|record| {
                rows::attempt_record(key.run, key.attempt.instance, &record, "lost", cx.now())
            });
            self.changes.attempts.extend(lost);
        }
    }

    /// Whatever comes of it, the report is confirmed once this turn is
    /// committed: it was applied, or it will never count.
    fn finished(&mut self, cx: &mut Context, report: Report) {
        let Report {
            key,
            outcome,
            usage,
            log,
            artifacts: _,
            worker,
        } = report;
        self.changes.confirm.push(key);
        self.changes.urgent = true;
        if let ReportedOutcome::Failed(failure) = &outcome
            && let Some(evidence) = failure.evidence()
        {
            self.crashed(cx, key, worker, evidence, failure);
            return;
        }
        let Some(active) = self.runs.get(&key.run) else {
            return;
        };
        let told = active.told(&outcome);
        let attempt = key.attempt;
        let finished = Event::Finished {
            attempt,
            outcome: told,
        };
        if let Err(rejection) = self.apply(cx, key.run, finished) {
            tracing::debug!(run = %key.run, ?attempt, %rejection, "a report doesn't count");
            if !planted!(cx, RefusedReportKept) {
                return;
            }
            self.changes.instances.insert((key.run, attempt.instance));
        }
        // Of some that failed nothing ran.
        if usage.wall_us > 0 {
            self.ended_by_itself(key.run, attempt.instance);
        }
        let Some(active) = self.runs.get_mut(&key.run) else {
            return;
        };
        let queue = &active.version.tasks[attempt.instance.task.as_usize()].queue;
        self.completion_rate.ended(queue);
        let facts = active.facts(key);
        facts.started.get_or_insert(usage.started);
        facts.worker = Some(worker);
        facts.usage = Some(usage_json(&usage));
        facts.log = log;
        let feeds = active.version.tasks[attempt.instance.task.as_usize()].feeds;
        let record = active.record(attempt.instance);
        let mut end = "failed";
        match outcome {
            ReportedOutcome::Success { output } | ReportedOutcome::Branch { tasks: _, output } => {
                let output = match output {
                    weft_broker::Output::Inline(text) => Output::Inline(text),
                    weft_broker::Output::Blob { digest, bytes } => Output::Blob { digest, bytes },
                };
                record.output = Some(output.clone());
                if feeds {
                    cx.output_bytes += active.outputs.put(attempt.instance, &output);
                    active.inputs.grew(attempt.instance.task);
                }
            }
            ReportedOutcome::Skipped { reason } => {
                record.error = reason.map(|reason| actions::error("skipped", &reason));
            }
            ReportedOutcome::Deferred { until: _, state } => {
                record.resume = Some(state);
                end = "deferred";
            }
            ReportedOutcome::Failed(failure) => record.error = Some(failure_json(&failure)),
        }
        let ended = active
            .run
            .instance(attempt.instance)
            .is_some_and(|state: InstanceState| state.is_ended());
        if !ended {
            let record = active.record(attempt.instance).clone();
            let record = rows::attempt_record(key.run, attempt.instance, &record, end, cx.now());
            self.changes.attempts.extend(record);
        }
    }
}

impl crate::active_run::ActiveRun {
    /// The facts of an attempt that is current.
    fn facts(&mut self, key: AttemptKey) -> &mut AttemptFacts {
        let facts = self
            .record(key.attempt.instance)
            .attempt
            .get_or_insert_with(AttemptFacts::default);
        facts.number = key.attempt.number;
        facts.nonce = key.attempt.nonce;
        facts
    }

    /// An outcome in the machine's words.
    fn told(&self, outcome: &ReportedOutcome) -> Outcome {
        match outcome {
            ReportedOutcome::Success { output: _ } => Outcome::Success,
            ReportedOutcome::Skipped { reason: _ } => Outcome::Skipped,
            ReportedOutcome::Branch { tasks, output: _ } => {
                // A name that doesn't exist becomes an index that doesn't: a bad choice, as the machine sees.
                let nowhere = weft_core::document::TaskIndex(u32::MAX);
                let chosen = tasks
                    .iter()
                    .map(|task| self.version.task(task).unwrap_or(nowhere))
                    .collect();
                Outcome::Branch { chosen }
            }
            ReportedOutcome::Deferred { until, state: _ } => Outcome::Deferred {
                until: Some(*until),
            },
            ReportedOutcome::Failed(failure) => Outcome::Failed {
                retryable: failure.retryable,
                retry_after: failure.retry_after,
                // Kept with the instance, not in the history of the run.
                message: String::new(),
            },
        }
    }
}

fn usage_json(usage: &Usage) -> Arc<str> {
    let Usage {
        started: _,
        wall_us,
        cpu_us,
        memory_peak_bytes,
        fuel,
        log_bytes,
        bytes_in,
        bytes_out,
    } = usage;
    json!({
        "wall_us": wall_us,
        "cpu_us": cpu_us,
        "memory_peak_bytes": memory_peak_bytes,
        "fuel": fuel,
        "log_bytes": log_bytes,
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
    })
    .to_string()
    .into()
}

fn failure_json(failure: &Failure) -> Arc<str> {
    let Failure {
        code,
        retryable,
        message,
        retry_after: _,
        details,
        backtrace,
    } = failure;
    json!({
        "code": code,
        "retryable": retryable,
        "message": message,
        "details": details,
        "backtrace": backtrace,
    })
    .to_string()
    .into()
}
