//! The end of attempts, and of the run.

use super::{
    Attempt, Done, Ended, ErrorRecord, GuestEvent, Id, JoinError, Micros, Notice, RunEvent,
    RunResult, Runner, Running, TAIL_CHARS, TAIL_LINES,
};
use crate::{
    display::{AttemptEnd, write_report},
    log::LineOf,
    runner::{attempt::Resume, folder},
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::Arc,
};
use weft_api::text::truncated;
use weft_core::{
    asset::{self, AssetUpdate},
    run::{Instance, InstanceState, Outcome},
    time::Timestamp,
    wait::{Call, Wait},
};
use weft_sandbox::{AttemptFailure, AttemptOutcome, AttemptReport, DeferUntil, FailureKind, Usage};

impl Runner {
    /// An attempt printed something or moved on.
    pub(super) fn guest(&mut self, attempt: Attempt, event: &GuestEvent) {
        let facts = Arc::clone(&self.setup.facts);
        if let GuestEvent::Log { message, .. } = event
            && let Some(running) = self
                .by_instance
                .get(&attempt.instance)
                .and_then(|id| self.running.get_mut(id))
        {
            if running.tail.len() == TAIL_LINES {
                running.tail.pop_front();
            }
            running.tail.push_back(truncated(message, TAIL_CHARS).0);
        }
        if !self.log_broken {
            let of = LineOf {
                task: &facts.task(attempt.instance.task).id,
                map_index: facts.map_index(attempt.instance),
                attempt: attempt.number,
            };
            if let Err(error) = self.log.write(of, event) {
                self.log_broke(&error);
            }
        }
        self.notify(&Notice::Guest { attempt, event });
    }

    pub(super) fn flush_log(&mut self) {
        if let Err(error) = self.log.flush() {
            self.log_broke(&error);
        }
    }

    /// The run goes on without a log; saying it once is enough.
    fn log_broke(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.log_broken, true) {
            anstream::eprintln!(
                "warning: log lines are no longer kept: can't write below {}: {error}; free space there, or name another folder with WEFT_DATA_DIR",
                self.setup.folder.logs().display()
            );
        }
    }

    /// An attempt is over.
    pub(super) fn done(&mut self, id: Id, done: Done) {
        let Done {
            attempt,
            report,
            events,
        } = done;
        for event in &events {
            self.guest(attempt, event);
        }
        let Some(running) = self.forget(id) else {
            return;
        };
        self.report(running, report);
    }

    /// The task of the runtime was aborted, or it panicked.
    pub(super) fn broken(&mut self, error: &JoinError) {
        let Some(running) = self.forget(error.id()) else {
            return;
        };
        let kind = if error.is_cancelled() {
            FailureKind::Cancelled
        } else {
            FailureKind::Internal
        };
        let failure = AttemptFailure::new(kind, format!("the attempt did not report: {error}"));
        self.report(
            running,
            AttemptReport {
                outcome: AttemptOutcome::Failed(failure),
                usage: Usage::default(),
                artifacts: Vec::new(),
                updates: Vec::new(),
            },
        );
    }

    fn forget(&mut self, id: Id) -> Option<Running> {
        let running = self.running.remove(&id)?;
        self.by_instance.remove(&running.attempt.instance);
        self.stopping -= usize::from(running.stop_at.is_some());
        Some(running)
    }

    /// An attempt that can't even begin: its inputs don't resolve.
    pub(super) fn not_started(&mut self, attempt: Attempt, started: Micros, message: String) {
        let mut failure = AttemptFailure::new(FailureKind::InvalidEntry, message);
        failure.retryable = false;
        self.conclude(
            attempt,
            started,
            AttemptOutcome::Failed(failure),
            &Usage::default(),
            &[],
        );
    }

    fn report(&mut self, running: Running, report: AttemptReport) {
        let Running {
            attempt,
            started,
            stop_at,
            tail,
            ..
        } = running;
        if stop_at.is_some() {
            // It was revoked: the state machine has moved on already.
            let at = self.setup.clock.now();
            self.history.of(attempt.instance).ended = Some(at);
            self.notify(&Notice::AttemptEnded {
                at,
                started,
                attempt,
                end: AttemptEnd::Stopped,
                usage: &report.usage,
            });
            return;
        }
        let tail = Vec::from(tail);
        let outcome = self.with_outlets(attempt, report.outcome, report.updates);
        self.conclude(attempt, started, outcome, &report.usage, &tail);
    }

    /// The outcome, which is a failure if the task says something of an asset that is none of its outlets. Nothing else
    /// comes of updates here: they create runs on a server.
    fn with_outlets(
        &self,
        attempt: Attempt,
        outcome: AttemptOutcome,
        updates: Vec<AssetUpdate>,
    ) -> AttemptOutcome {
        let task = &self.setup.shared.dag.tasks[attempt.instance.task.as_usize()];
        match asset::updates_of(&task.outlets, updates) {
            Ok(_updates) => outcome,
            Err(other) => {
                let kind = FailureKind::InvalidOutput;
                let mut failure = AttemptFailure::new(kind, asset::no_outlet(&other));
                failure.retryable = false;
                AttemptOutcome::Failed(failure)
            }
        }
    }

    /// Stores the output, passes the outcome to the state machine, then notifies the display.
    fn conclude(
        &mut self,
        attempt: Attempt,
        started: Micros,
        outcome: AttemptOutcome,
        usage: &Usage,
        tail: &[String],
    ) {
        let instance = attempt.instance;
        let moment = self.moment();
        let (outcome, ending) = self.translate(attempt, outcome, moment.now);
        let Ok(actions) = self.try_event(moment, RunEvent::Finished { attempt, outcome }) else {
            return;
        };
        let retry_at = Self::retry_at(&actions, instance);
        let at = self.setup.clock.now();
        let error = match &ending {
            Ending::Failed(failure) => Some(Box::new(ErrorRecord {
                code: failure.kind.code(),
                message: failure.message.clone(),
                tail: if retry_at.is_none() && self.tails < MAX_TAILS {
                    self.tails += 1;
                    tail.to_vec()
                } else {
                    Vec::new()
                },
            })),
            Ending::Success | Ending::Skipped(_) | Ending::Deferred(_) => None,
        };
        let record = self.history.of(instance);
        record.ended = Some(at);
        record.error = error;
        let end = match &ending {
            Ending::Success => AttemptEnd::Success,
            Ending::Skipped(reason) => AttemptEnd::Skipped {
                reason: reason.as_deref(),
            },
            Ending::Deferred(until) => AttemptEnd::Deferred { until: *until },
            Ending::Failed(failure) => AttemptEnd::Failed { failure, retry_at },
        };
        let refused = self.setup.run.instance(instance) == Some(InstanceState::Failed);
        if refused && matches!(ending, Ending::Success | Ending::Deferred(_)) {
            // The machine refused what the guest chose or how often it deferred;
            // why, the record says once the actions are carried out.
            self.apply_actions(actions);
            let error = self.history.of(instance).error.as_ref();
            let message = error.map_or_else(String::new, |error| error.message.clone());
            let failure = AttemptFailure::new(FailureKind::InvalidOutput, message);
            let end = AttemptEnd::Failed {
                failure: &failure,
                retry_at: None,
            };
            self.notify(&Notice::AttemptEnded {
                at,
                started,
                attempt,
                end,
                usage,
            });
            return;
        }
        self.notify(&Notice::AttemptEnded {
            at,
            started,
            attempt,
            end,
            usage,
        });
        self.apply_actions(actions);
    }

    /// What the sandbox reports, in the state machine's words and in the display's.
    fn translate(
        &mut self,
        attempt: Attempt,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> (Outcome, Ending) {
        let dag = Arc::clone(&self.setup.shared.dag);
        let task = &dag.tasks[attempt.instance.task.as_usize()];
        let retries =
            |failure: &AttemptFailure| failure.retryable && task.retries_code(failure.kind.code());
        let fail = |failure: AttemptFailure| {
            (
                Self::failed(retries(&failure), failure.retry_after, &failure.message),
                Ending::Failed(failure),
            )
        };
        match outcome {
            AttemptOutcome::Success { output } => match self.keep(attempt.instance, output) {
                Ok(()) => (Outcome::Success, Ending::Success),
                Err(error) => fail(unkept(&error)),
            },
            AttemptOutcome::Branch { tasks, output } => {
                let chosen: Option<Vec<_>> = tasks
                    .iter()
                    .map(|id| {
                        let downstreams = self.setup.plan.downstreams(attempt.instance.task);
                        downstreams
                            .iter()
                            .copied()
                            .find(|index| dag.tasks[index.as_usize()].id.as_str() == id)
                    })
                    .collect();
                match chosen {
                    None => {
                        let mut failure = AttemptFailure::new(
                            FailureKind::InvalidOutput,
                            format!(
                                "the task chose {}; it can choose only among the tasks that wait for it directly",
                                tasks.join(", ")
                            ),
                        );
                        failure.retryable = false;
                        fail(failure)
                    }
                    Some(chosen) => match self.keep(attempt.instance, output) {
                        Ok(()) => (Outcome::Branch { chosen }, Ending::Success),
                        Err(error) => fail(unkept(&error)),
                    },
                }
            }
            AttemptOutcome::Skipped { reason } => (Outcome::Skipped, Ending::Skipped(reason)),
            AttemptOutcome::Deferred { until, state } => {
                let (until, woken) = match until {
                    DeferUntil::At(at) => (at, None),
                    DeferUntil::After(span) => (now.plus(span), None),
                    DeferUntil::On { wait, timeout } => match timeout {
                        Some(span) => (now.plus(span), Some(wait.timed_out())),
                        None => return fail(endless(&wait)),
                    },
                    DeferUntil::Updated {
                        asset,
                        partition,
                        since,
                        timeout,
                    } => {
                        let since = since.unwrap_or(now);
                        let wait = Wait::Asset {
                            asset,
                            partition,
                            since,
                        };
                        match timeout {
                            Some(span) => (now.plus(span), Some(wait.timed_out())),
                            None => return fail(endless(&wait)),
                        }
                    }
                    DeferUntil::Asked { request, timeout } => {
                        let default = request.default;
                        let wait = Wait::Approval { default };
                        match timeout {
                            Some(span) => (now.plus(span), Some(wait.timed_out())),
                            None => return fail(endless(&wait)),
                        }
                    }
                    DeferUntil::Called { call, .. } => return fail(uncallable(&call)),
                };
                let resume = Resume { state, woken };
                self.resumes.insert(attempt.instance, resume);
                (
                    Outcome::Deferred { until: Some(until) },
                    Ending::Deferred(Some(until)),
                )
            }
            AttemptOutcome::Failed(failure) => fail(failure),
        }
    }

    /// Keeps an output. What was gathered of its task before, for one that didn't
    /// wait for all, is not the whole any more.
    fn keep(&mut self, instance: Instance, output: String) -> io::Result<()> {
        self.setup.inputs.grew(instance.task);
        self.setup.outputs.put(instance, output)
    }

    /// The run is over: its summary is written, the display has the last word.
    pub(super) fn end(mut self) -> RunResult {
        let ended = self.setup.clock.now();
        self.flush_log();
        let state = self.setup.run.state();
        let facts = Arc::clone(&self.setup.facts);
        let began = self.began;
        let logged = !self.log.is_empty();
        let mut result = Ended {
            state,
            started: began,
            at: ended,
            history: &self.history,
            outputs: &mut self.setup.outputs,
            logged,
        };
        let path = self.setup.folder.summary();
        let written = File::create(&path).and_then(|file| {
            let mut out = BufWriter::with_capacity(1 << 20, file);
            write_report(&mut out, &facts, &mut result)?;
            out.flush()
        });
        self.setup.display.end(result);
        if let Err(error) = written {
            anstream::eprintln!(
                "warning: the run's summary was not kept: can't write {}: {error}",
                path.display()
            );
        }
        self.setup.folder.tidy();
        folder::sweep(&facts.runs);
        RunResult {
            state,
            interrupted: self.interrupted,
        }
    }
}

/// Failures whose last log lines are kept for the end of the run.
const MAX_TAILS: usize = 20;

/// How an attempt ended, owned until the display is notified.
enum Ending {
    Success,
    Skipped(Option<String>),
    Deferred(Option<Timestamp>),
    Failed(AttemptFailure),
}

/// The failure of a task that would wait for ever in a run that nothing reaches from outside.
fn endless(wait: &Wait) -> AttemptFailure {
    let mut failure = AttemptFailure::new(
        FailureKind::Author,
        format!(
            "the task waits for {} without a timeout, and nothing can reach a run of `wfctl run`: \
             give the deferral a timeout, or run the DAG on a server",
            wait.describe()
        ),
    );
    failure.retryable = false;
    failure
}

/// The failure of a task that calls a DAG: only a server has another one.
fn uncallable(call: &Call) -> AttemptFailure {
    let mut failure = AttemptFailure::new(
        FailureKind::Author,
        format!(
            "the task calls the DAG {}, and `wfctl run` runs one DAG alone: deploy both to a server, \
             such as `wfctl up`, and trigger this one there",
            call.dag
        ),
    );
    failure.retryable = false;
    failure
}

fn unkept(error: &std::io::Error) -> AttemptFailure {
    AttemptFailure::new(
        FailureKind::Internal,
        format!(
            "the output can't be kept on disk: {error}; free space, or name another folder with WEFT_DATA_DIR"
        ),
    )
}
