//! Applies the state machine's actions, and starts attempts.

use super::{
    Action, Attempt, ErrorRecord, Instance, Instant, Moment, Notice, Rejection, RunEvent, Runner,
    Running, Stepping, attempt, step,
};
use crate::{
    history::State,
    runner::{
        attempt::{Circumstances, Prepared},
        step::Answer,
    },
};
use std::{collections::VecDeque, ops::Range, sync::Arc};
use weft_core::{
    document::TaskIndex,
    failure_code::FailureCode,
    run::{Cause, InstanceState, Marked, Outcome},
    time::DurationMs,
};

impl Runner {
    /// Passes an event to the state machine, and applies everything that follows.
    pub(super) fn apply(&mut self, event: RunEvent) {
        let mut actions = Vec::new();
        let moment = self.moment();
        // A refused event changes nothing: a timer that no longer fits, an
        // attempt that was revoked while it ended, a second Ctrl-C.
        if self.setup.run.handle(moment, event, &mut actions).is_ok() {
            self.apply_actions(actions);
        }
    }

    /// Like [`Self::apply`], but returns the actions instead of applying them.
    pub(super) fn try_event(
        &mut self,
        moment: Moment,
        event: RunEvent,
    ) -> Result<Vec<Action>, Rejection> {
        let mut actions = Vec::new();
        self.setup.run.handle(moment, event, &mut actions)?;
        Ok(actions)
    }

    /// Applies actions in order. Actions that follow from them join the same queue, so that a
    /// long chain of mapped tasks needs no deep stack.
    pub(super) fn apply_actions(&mut self, actions: Vec<Action>) {
        self.pending.extend(actions);
        if std::mem::replace(&mut self.acting, true) {
            return;
        }
        while let Some(action) = self.pending.pop_front() {
            match action {
                Action::Expand { task, generation } => self.expand(task, generation),
                // There are no other runs of the DAG.
                Action::CheckPrecondition { task, generation } => {
                    self.apply(RunEvent::PreconditionChecked {
                        task,
                        generation,
                        runs: true,
                    });
                }
                Action::Ready { task, indexes } => {
                    for index in indexes.clone() {
                        self.history.of(Instance { task, index }).state = State::Ready;
                    }
                    self.ready.push(task, indexes);
                }
                Action::SetTimer { timer, at } => self.timers.set(timer, at),
                Action::Revoke { attempt } => self.stop(attempt),
                Action::Cleared {
                    task,
                    generation: _,
                    instances: _,
                } => {
                    self.ready.forget(task);
                    self.setup.inputs.clear(task);
                }
                // Nothing clears an instance of a run in one process.
                Action::InstancesCleared { task, indexes: _ } => self.setup.inputs.grew(task),
                Action::InstanceChanged {
                    instance,
                    state,
                    cause,
                } => self.changed(instance, &state, cause),
                Action::RangeChanged {
                    task,
                    indexes,
                    state,
                    cause,
                } => {
                    self.range_changed(task, indexes, &state, cause);
                }
                // The loop looks at the run's state after each turn. No deadline has a timer: the run
                // was due when somebody started it.
                Action::RunChanged { state: _ } | Action::DeadlineMissed { task: _ } => {}
            }
        }
        self.acting = false;
    }

    fn expand(&mut self, task: TaskIndex, generation: u32) {
        match self.setup.inputs.expand(task, &mut self.setup.outputs) {
            Ok(instances) => {
                let at = self.setup.clock.now();
                self.history.expand(task, instances);
                self.notify(&Notice::Expanded {
                    at,
                    task,
                    instances,
                });
                self.apply(RunEvent::Expanded {
                    task,
                    generation,
                    instances,
                });
            }
            Err(error) => {
                let message = format!("the task can't be mapped: {error}");
                let record = self.history.of(Instance { task, index: 0 });
                record.error = Some(Box::new(ErrorRecord {
                    code: FailureCode::Expansion.as_str(),
                    message: message.clone(),
                    tail: Vec::new(),
                }));
                self.apply(RunEvent::ExpandFailed {
                    task,
                    generation,
                    message,
                });
            }
        }
    }

    fn range_changed(
        &mut self,
        task: TaskIndex,
        indexes: Range<u32>,
        state: &InstanceState,
        cause: Cause,
    ) {
        for index in indexes {
            self.changed(Instance { task, index }, state, cause);
        }
    }

    /// Records a new state. The end of an attempt is reported where it is handled, with
    /// the details.
    fn changed(&mut self, instance: Instance, state: &InstanceState, cause: Cause) {
        let now = self.setup.clock.now();
        let settled = State::from(state);
        let record = self.history.of(instance);
        record.state = settled;
        if settled.is_final() {
            record.ended.get_or_insert(now);
        }
        // It may have been ready, and the run goes on for its teardowns.
        if *state == InstanceState::Cancelled && !self.setup.run.state().is_ended() {
            self.ready.forget(instance.task);
        }
        match cause {
            Cause::Progress | Cause::Outcome => return,
            Cause::BadBranch | Cause::DeferredTooOften | Cause::LostTooOften => {
                let (code, message) = match cause {
                    Cause::BadBranch => (
                        FailureCode::BadBranch,
                        "the task chose what it can't choose: only direct downstreams, and only of a task that is declared with branch = true",
                    ),
                    Cause::DeferredTooOften => (
                        FailureCode::DeferredTooOften,
                        "the task deferred itself more often than is allowed",
                    ),
                    _ => (FailureCode::Lost, "the attempt was lost"),
                };
                record.error = Some(Box::new(ErrorRecord {
                    code: code.as_str(),
                    message: message.to_owned(),
                    tail: Vec::new(),
                }));
                return;
            }
            Cause::Rule
            | Cause::Branch
            | Cause::Expansion
            | Cause::NoSource
            | Cause::Marked
            | Cause::Cancelled
            | Cause::RunTimeout
            | Cause::Precondition
            | Cause::Deadline => {}
        }
        // A running attempt that is revoked is reported when it has stopped.
        if settled.is_final() && !self.by_instance.contains_key(&instance) {
            self.notify(&Notice::Settled {
                at: now,
                instance,
                state: settled,
            });
        }
    }

    /// Asks an attempt to stop; it is killed when it takes too long.
    fn stop(&mut self, attempt: Attempt) {
        if let Some(running) = self
            .by_instance
            .get(&attempt.instance)
            .and_then(|id| self.running.get_mut(id))
        {
            running.cancel.cancel();
            if running.stop_at.is_none() {
                running.stop_at = Some(Instant::now() + super::GRACE);
                self.stopping += 1;
            }
        }
    }

    /// Starts ready instances while there are slots.
    pub(super) fn dispatch(&mut self) {
        while self.running.len() < self.setup.jobs && !self.setup.run.state().is_ended() {
            match self.stepping {
                Stepping::Off => {}
                Stepping::On => {
                    if self.running.is_empty() {
                        self.ask();
                    }
                    return;
                }
                Stepping::Asking(_) => return,
            }
            let Some(instance) = self.ready.pop() else {
                return;
            };
            self.start(instance);
        }
    }

    fn ask(&mut self) {
        let Some(instance) = self.ready.pop() else {
            return;
        };
        self.stepping = Stepping::Asking(instance);
        let label = self.setup.facts.label(instance);
        let inputs = match self.setup.inputs.of(instance, &mut self.setup.outputs) {
            Ok(inputs) => {
                let shown = |(name, value): &(String, Arc<str>)| {
                    let (value, cut) = weft_api::text::truncated(value, 200);
                    format!("  {name} = {value}{}\n", if cut { "…" } else { "" })
                };
                inputs.iter().map(shown).collect::<Vec<_>>().concat()
            }
            Err(error) => format!("  {error}\n"),
        };
        self.setup
            .display
            .ask(&format!("\nnext: {label}\n{inputs}{}: ", step::CHOICES));
        step::ask(self.answer_sender.clone());
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        let Stepping::Asking(instance) = self.stepping else {
            return;
        };
        self.stepping = if answer == Answer::Continue {
            Stepping::Off
        } else {
            Stepping::On
        };
        match answer {
            Answer::Run | Answer::Continue => self.start(instance),
            Answer::Skip => self.apply(RunEvent::Mark {
                instance,
                as_state: Marked::Skipped,
            }),
            Answer::Quit => self.apply(RunEvent::Cancel),
        }
    }

    /// Commits an attempt and hands it to the sandbox.
    fn start(&mut self, instance: Instance) {
        let now = self.setup.clock.now();
        let nonce = fastrand::u64(..);
        let Some(number) = self.setup.run.next_number(instance) else {
            return;
        };
        let moment = self.moment();
        // An instance that was marked or cancelled since it became ready is refused here.
        let Ok(actions) = self.try_event(moment, RunEvent::Dispatched { instance, nonce }) else {
            return;
        };
        self.apply_actions(actions);
        let attempt = Attempt {
            instance,
            number,
            nonce,
        };
        self.apply(RunEvent::Started { attempt });

        let record = self.history.of(instance);
        record.attempts += 1;
        record.started.get_or_insert(now);
        record.ended = None;
        self.notify(&Notice::AttemptStarted { at: now, attempt });
        let circumstances = Circumstances {
            now: moment.now,
            generation: self.setup.run.generation(instance.task),
            resumed: self.resumes.remove(&instance),
        };
        let shared = Arc::clone(&self.setup.shared);
        match shared.prepare(
            attempt,
            circumstances,
            &mut self.setup.inputs,
            &mut self.setup.outputs,
        ) {
            Ok(Prepared {
                request,
                events,
                cancel,
            }) => {
                let future = attempt::run(
                    shared.sandbox.clone(),
                    attempt,
                    request,
                    events,
                    self.guest_sender.clone(),
                );
                let abort = self.joins.spawn(future);
                let id = abort.id();
                self.by_instance.insert(instance, id);
                self.running.insert(
                    id,
                    Running {
                        attempt,
                        started: now,
                        cancel,
                        abort,
                        tail: VecDeque::new(),
                        stop_at: None,
                    },
                );
            }
            Err(message) => self.not_started(attempt, now, message),
        }
    }

    pub(super) fn retry_at(
        actions: &[Action],
        instance: Instance,
    ) -> Option<weft_core::time::Timestamp> {
        actions.iter().find_map(|action| match action {
            Action::InstanceChanged {
                instance: of,
                state: InstanceState::UpForRetry { at },
                ..
            } if *of == instance => Some(*at),
            _ => None,
        })
    }

    /// The outcome of a failure, for the state machine.
    pub(super) fn failed(
        retryable: bool,
        retry_after: Option<DurationMs>,
        message: &str,
    ) -> Outcome {
        Outcome::Failed {
            retryable,
            retry_after,
            message: message.to_owned(),
        }
    }
}
