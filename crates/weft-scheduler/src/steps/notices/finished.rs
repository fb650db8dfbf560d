//! An attempt ended with an outcome, or with the death of its worker.

use crate::{
    active_run::{ActiveRun, AttemptFacts},
    shard::{
        batch::attempt_record,
        crashes::{Refusal, blamed},
        waits::Waiting,
    },
    steps::{
        ahead,
        attempts::lose_attempt,
        calls,
        events::{RunEvents, error_json},
    },
};
use serde_json::json;
use std::sync::Arc;
use weft_broker::{AttemptKey, Failure, Report, ReportedOutcome, Usage};
use weft_core::{
    asset::{self, AssetUpdate},
    document::TaskIndex,
    failure_code::FailureCode,
    run::{Attempt, Event, Instance, InstanceState, Outcome},
    run_id::RunId,
    suspicion::{Crash, Evidence},
};
use weft_store::Output;

/// Applies a report, and what ran ahead on it. It is confirmed once this turn is committed, whether the run accepts it or
/// rejects it for good.
pub(super) fn apply(events: &mut RunEvents<'_>, report: Report) {
    let Report {
        key,
        outcome,
        usage,
        log,
        artifacts: _,
        updates,
        worker,
        secret: _,
        ahead,
    } = report;
    events.batch.confirm(key);
    if let ReportedOutcome::Failed(failure) = &outcome
        && let Some(evidence) = failure.evidence()
    {
        apply_crash(events, key, worker, evidence, failure);
        return;
    }
    let end = End {
        key,
        outcome,
        usage,
        log,
        updates,
        worker: Arc::clone(&worker),
        ran_ahead: false,
    };
    let travelled = if events.runs.is_current(&key) {
        Some(ahead::take_reserved(events, key.run, key.attempt.instance))
    } else if events.cx.faults.voids_ahead() {
        None
    } else {
        Some(ahead.iter().map(|ahead| ahead.instance).collect())
    };
    apply_end(events, end);
    if let Some(travelled) = travelled {
        ahead::apply(events, key, &worker, &travelled, ahead);
    }
}

/// How an attempt ended.
pub(in crate::steps) struct End {
    pub(in crate::steps) key: AttemptKey,
    pub(in crate::steps) outcome: ReportedOutcome,
    pub(in crate::steps) usage: Usage,
    pub(in crate::steps) log: Option<Arc<str>>,
    pub(in crate::steps) updates: Vec<AssetUpdate>,
    pub(in crate::steps) worker: Arc<str>,
    /// It was begun before the success that it follows was committed.
    pub(in crate::steps) ran_ahead: bool,
}

/// Applies the end of an attempt, if the run accepts it.
pub(in crate::steps) fn apply_end(events: &mut RunEvents<'_>, end: End) {
    let End {
        key,
        outcome,
        usage,
        log,
        updates,
        worker,
        ran_ahead,
    } = end;
    let AttemptKey { run, attempt, .. } = key;
    let instance = attempt.instance;
    let call = match &outcome {
        ReportedOutcome::Deferred {
            call: Some(call), ..
        } if events.runs.is_current(&key) => Some(call.clone()),
        _ => None,
    };
    let planned = call.map(|call| calls::plan(events, run, instance, call));
    let outcome = match &planned {
        Some(planned) => planned.deferral(events, outcome),
        None => outcome,
    };
    let Some(active) = events.runs.get(run) else {
        return;
    };
    let (outcome, updates) = active.updates_of(instance, outcome, updates);
    let finished = Event::Finished {
        attempt,
        outcome: active.outcome_of(attempt.instance.task, &outcome),
    };
    if let Err(rejection) = events.apply(run, finished) {
        tracing::debug!(%run, ?attempt, %rejection, operation = "apply report", "the run rejects a report; it is confirmed and changes nothing");
        if events.cx.faults.drops_rejected_report() {
            return;
        }
        events.batch.change_instance(run, attempt.instance);
    }
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    // An attempt that failed before its guest ran absolves nothing.
    if usage.wall_us > 0 {
        events.crashes.record_end(active, attempt.instance);
    }
    let task = active.task_facts(attempt.instance.task);
    // What ran ahead frees no slot that the attempt before it does not free.
    if !ran_ahead {
        events.queue.record_end(&task.account.queue);
    }
    if let ReportedOutcome::Success { .. } = &outcome {
        task.last_wall.set(usage.wall_us);
    }
    let facts = active.attempt_facts(attempt);
    facts.started.get_or_insert(usage.started);
    if ran_ahead {
        facts.queued = None;
    }
    facts.worker = Some(worker);
    facts.usage = Some(usage_json(&usage, ran_ahead));
    facts.log = log;
    let end = active.record_outcome(attempt.instance, outcome);
    if events.cx.faults.updates_assets() {
        active.record(attempt.instance).updates = updates;
    }
    let state = active.run.instance(attempt.instance);
    if !state.is_some_and(|state: InstanceState| state.is_ended()) {
        let record = active.record(attempt.instance).clone();
        let now = events.cx.now();
        let record = attempt_record(run, attempt.instance, &record, end, now);
        events.batch.add_attempt(record);
    }
    match planned {
        Some(planned) => planned.apply(events, run, instance),
        None => add_wait(events, run, instance),
    }
}

/// Has looked up what an instance waits for since it deferred.
fn add_wait(events: &mut RunEvents<'_>, run: RunId, instance: Instance) {
    let state = events.runs.instance(run, instance);
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    if let Some(InstanceState::Deferred { .. }) = state
        && let Some(wait) = active.record(instance).wait.clone()
        && wait.is_looked_up()
    {
        let tenant = active.tenant.clone();
        let waiting = Waiting { tenant, wait };
        events.waits.add((run, instance), waiting);
    }
}

/// Counts a worker's death against an attempt that was in guest code. The attempt is lost, unless
/// its instance or task has too many deaths, which fails it.
fn apply_crash(
    events: &mut RunEvents<'_>,
    key: AttemptKey,
    worker: Arc<str>,
    evidence: Evidence,
    failure: &Failure,
) {
    let AttemptKey { run, attempt, .. } = key;
    let instance = attempt.instance;
    let is_current = events.runs.is_current(&key);
    let Some(active) = events.runs.get_mut(run) else {
        return;
    };
    let Some(blamed) = blamed(active, instance.task) else {
        return;
    };
    tracing::warn!(%run, task = %blamed.task, number = attempt.number, %worker, ?evidence, operation = "apply crash", "a worker died while it ran an attempt; the task is a suspect");
    if is_current {
        active.record(instance).error = Some(error_json(&failure.code, &failure.message));
    }
    let crash = Crash {
        run,
        instance,
        number: attempt.number,
        worker,
        at: events.cx.now(),
        absolved: false,
    };
    events.crashes.record_crash(blamed, crash, evidence);
    if !is_current {
        return;
    }
    match events.crashes.refusal(active, instance) {
        Some(Refusal { code, message }) => events.fail_attempt(run, attempt, code, &message),
        None => lose_attempt(events, key),
    }
}

impl ActiveRun {
    /// The facts of an attempt that is current.
    pub(in crate::steps) fn attempt_facts(&mut self, attempt: Attempt) -> &mut AttemptFacts {
        let record = self.record(attempt.instance);
        let facts = record.attempt.get_or_insert_with(AttemptFacts::default);
        facts.number = attempt.number;
        facts.nonce = attempt.nonce;
        facts
    }

    /// What an outcome updates. A success that says something of an asset which is no outlet of its task fails.
    fn updates_of(
        &self,
        instance: Instance,
        outcome: ReportedOutcome,
        said: Vec<AssetUpdate>,
    ) -> (ReportedOutcome, Vec<AssetUpdate>) {
        let is_success = match &outcome {
            ReportedOutcome::Success { .. } | ReportedOutcome::Branch { .. } => true,
            ReportedOutcome::Skipped { .. }
            | ReportedOutcome::Deferred { .. }
            | ReportedOutcome::Failed(_) => false,
        };
        let task = self.version.dag.tasks.get(instance.task.as_usize());
        let outlets = task.map_or(&[][..], |task| &task.outlets);
        if !is_success || (outlets.is_empty() && said.is_empty()) {
            return (outcome, Vec::new());
        }
        match asset::updates_of(outlets, said) {
            Ok(updates) => (outcome, updates),
            Err(other) => {
                let failure = Failure {
                    code: FailureCode::InvalidOutput.as_str().into(),
                    retryable: false,
                    message: asset::no_outlet(&other),
                    retry_after: None,
                    details: None,
                    backtrace: None,
                };
                (ReportedOutcome::Failed(failure), Vec::new())
            }
        }
    }

    /// An outcome as the state machine takes it.
    fn outcome_of(&self, task: TaskIndex, outcome: &ReportedOutcome) -> Outcome {
        match outcome {
            ReportedOutcome::Success { output: _ } => Outcome::Success,
            ReportedOutcome::Skipped { reason: _ } => Outcome::Skipped,
            ReportedOutcome::Branch { tasks, output: _ } => {
                // The state machine rejects the choice of a task that does not exist.
                let unknown = TaskIndex(u32::MAX);
                let chosen = tasks
                    .iter()
                    .map(|task| self.version.task(task).unwrap_or(unknown))
                    .collect();
                Outcome::Branch { chosen }
            }
            ReportedOutcome::Deferred { until, .. } => Outcome::Deferred { until: *until },
            ReportedOutcome::Failed(failure) => Outcome::Failed {
                retryable: failure.retryable
                    && self
                        .version
                        .dag
                        .tasks
                        .get(task.as_usize())
                        .is_none_or(|task| task.retries_code(&failure.code)),
                retry_after: failure.retry_after,
                // Kept with the instance, not in the history of the run.
                message: String::new(),
            },
        }
    }

    /// Keeps what an outcome leaves: output, resume state or error. Returns how the attempt's
    /// record names its end.
    fn record_outcome(&mut self, instance: Instance, outcome: ReportedOutcome) -> &'static str {
        let record = self.record(instance);
        match outcome {
            ReportedOutcome::Success { output } | ReportedOutcome::Branch { tasks: _, output } => {
                let output = match output {
                    weft_broker::Output::Inline(text) => Output::Inline(text),
                    weft_broker::Output::Blob { digest, bytes } => Output::Blob { digest, bytes },
                };
                record.output = Some(output.clone());
                if self.task_facts(instance.task).has_consumers {
                    self.outputs.insert(instance, &output);
                    self.inputs.grew(instance.task);
                    self.count_prepared();
                }
            }
            ReportedOutcome::Skipped { reason } => {
                record.error = reason.map(|reason| error_json("skipped", &reason));
            }
            ReportedOutcome::Deferred {
                wait,
                approval,
                state,
                ..
            } => {
                record.resume = Some(state);
                record.wait = wait;
                record.request = approval;
                record.woken = None;
                return "deferred";
            }
            ReportedOutcome::Failed(failure) => record.error = Some(failure_json(&failure)),
        }
        "failed"
    }
}

fn usage_json(usage: &Usage, ran_ahead: bool) -> Arc<str> {
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
    let mut json = json!({
        "wall_us": wall_us,
        "cpu_us": cpu_us,
        "memory_peak_bytes": memory_peak_bytes,
        "fuel": fuel,
        "log_bytes": log_bytes,
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
    });
    if ran_ahead {
        json["ran_ahead"] = true.into();
    }
    json.to_string().into()
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
