//! Events of runs, and the actions that their state machines answer with.

use super::{ahead, deadlines};
use crate::{
    active_run::ActiveRun,
    context::Context,
    shard::{
        attempt_key,
        batch::{Batch, REVOKED, attempt_record, cause_name},
        crashes::Crashes,
        preconditions::Preconditions,
        queue::{Expansion, Queue},
        reads::Reads,
        runs::Runs,
        schedule::Schedule,
        settings::Settings,
        timers::wake_time,
        waits::Waits,
    },
};
use serde_json::json;
use std::{ops::Range, sync::Arc};
use weft_core::{
    document::TaskIndex,
    fair_queue::Ready,
    run::{
        Action, Attempt, Cause, Event, Instance, InstanceState, Outcome, Rejection, RunState, Timer,
    },
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};
use weft_store::{MissedDeadline, ShardId};

/// The parts of a shard that an event of a run may change.
pub(crate) struct RunEvents<'a> {
    pub(crate) cx: &'a mut Context,
    pub(crate) shard: ShardId,
    pub(crate) settings: &'a Settings,
    pub(crate) runs: &'a mut Runs,
    pub(crate) queue: &'a mut Queue,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) batch: &'a mut Batch,
    pub(crate) crashes: &'a mut Crashes,
    pub(crate) reads: &'a mut Reads,
    pub(crate) waits: &'a mut Waits,
    pub(crate) preconditions: &'a mut Preconditions,
}

impl RunEvents<'_> {
    /// Applies an event to a run, and then the actions that follow. A rejected event changes
    /// nothing.
    pub(crate) fn apply(&mut self, run: RunId, event: Event) -> Result<(), Rejection> {
        let moment = self.cx.draw_moment();
        let active = self.runs.get_mut(run).ok_or(Rejection::Unknown)?;
        let mut actions = Vec::new();
        active.run.handle(moment, event.clone(), &mut actions)?;
        let stops = matches!(
            event,
            Event::Cancel
                | Event::Due {
                    timer: Timer::RunTimeout { .. }
                }
        );
        let missed = match event {
            Event::Due {
                timer: Timer::Deadline { task },
            } => Some(task),
            _ => None,
        };
        active.new_events.push((moment, event));
        self.batch.add_events_of(run);
        if stops {
            self.drop_stopped(run);
        }
        if let Some(task) = missed {
            deadlines::drop_stopped_at_deadline(self, run, task);
        }
        for action in actions {
            self.apply_action(run, action);
        }
        Ok(())
    }

    /// Drops what waits for tasks of a run that was stopped, and goes on for its teardowns. With a run
    /// that has ended everything is dropped, where its end is applied.
    pub(super) fn drop_stopped(&mut self, run: RunId) {
        let Some(active) = self.runs.get(run) else {
            return;
        };
        if active.is_over() {
            return;
        }
        let plan = Arc::clone(active.run.plan());
        for task in plan.tasks() {
            if plan.step(task).teardown.is_none() {
                self.drop_task(run, task);
            }
        }
    }

    /// Drops what waits for a task.
    pub(super) fn drop_task(&mut self, run: RunId, task: TaskIndex) {
        self.reads.drop_task(run, task);
        self.queue.remove_task(run, task);
        // It may have been held for its inputs.
        self.queue.resume_task(run, task);
    }

    /// Applies one action. An expansion is queued, since it may need outputs that are not in
    /// memory.
    pub(crate) fn apply_action(&mut self, run: RunId, action: Action) {
        match action {
            Action::Expand { task, generation } => {
                self.queue.push_expansion(Expansion {
                    run,
                    task,
                    generation,
                });
                self.batch.set_urgent();
            }
            Action::CheckPrecondition {
                task,
                generation: _,
            } => {
                self.preconditions.add((run, task));
                self.batch.set_urgent();
            }
            Action::DeadlineMissed { task } => {
                let at = self.cx.now();
                tracing::info!(%run, ?task, operation = "fire timers", "a deadline passed before what it is for had ended");
                self.batch.add_missed(MissedDeadline { run, task, at });
            }
            Action::Ready { task, indexes } => {
                self.push_ready(run, task, indexes);
                self.batch.set_urgent();
            }
            Action::SetTimer { timer, at } => {
                let at = match timer {
                    Timer::Instance { .. } => wake_time(self.cx.now(), at),
                    Timer::RunTimeout { .. } | Timer::Deadline { .. } => at,
                };
                self.schedule.set_timer(at, run, timer);
            }
            Action::Revoke { attempt } => self.revoke(run, attempt),
            Action::Cleared {
                task,
                generation: _,
                instances,
            } => self.clear_task(run, task, instances),
            Action::InstancesCleared { task, indexes } => self.clear_instances(run, task, &indexes),
            Action::InstanceChanged {
                instance,
                state,
                cause,
            } => self.change_instance(run, instance, &state, cause),
            Action::RangeChanged {
                task,
                indexes: _,
                state: _,
                cause: _,
            } => {
                self.batch.change_mapped_task(run, task);
                self.batch.change_run(run);
                self.batch.set_urgent();
            }
            Action::RunChanged { state } => self.change_run(run, state),
        }
    }

    /// Fires the timers that are due by `now`.
    pub(crate) fn fire_timers(&mut self, now: Timestamp) {
        while let Some((run, timer)) = self.schedule.pop_timer(now) {
            // The run rejects a timer that no longer fits.
            let applied = self.apply(run, Event::Due { timer });
            if applied.is_ok()
                && let Timer::Instance { instance, .. } = timer
            {
                self.time_out(run, instance);
            }
        }
    }

    /// Ends the wait of an instance whose time is over.
    fn time_out(&mut self, run: RunId, instance: Instance) {
        let active = self.runs.get(run);
        let record = active.and_then(|active| active.records.get(&instance));
        let wait = record.and_then(|record| record.wait.as_ref());
        if let Some(woken) = wait.map(Wait::timed_out) {
            self.end_wait(run, instance, woken.to_json().into());
        }
    }

    /// Records what ended the wait of an instance that was woken. Its row loses the wait in the turn
    /// that wakes it, so that nothing wakes it twice.
    pub(crate) fn end_wait(&mut self, run: RunId, instance: Instance, woken: Arc<str>) {
        let Some(active) = self.runs.get_mut(run) else {
            return;
        };
        let record = active.record(instance);
        if record.wait.take().is_some() {
            record.woken = Some(woken);
            self.batch.change_instance(run, instance);
            self.batch.set_urgent();
        }
    }

    /// Fails an attempt that can't be made; `message` is for the author or the operator.
    pub(crate) fn fail_attempt(&mut self, run: RunId, attempt: Attempt, code: &str, message: &str) {
        if let Some(active) = self.runs.get_mut(run) {
            active.record(attempt.instance).error = Some(error_json(code, message));
        }
        let outcome = Outcome::Failed {
            retryable: false,
            retry_after: None,
            message: String::new(),
        };
        // The run rejects it if the attempt was revoked while its inputs could not be read.
        let _outdated = self.apply(run, Event::Finished { attempt, outcome });
    }

    /// Adds ready instances to the fair queue.
    pub(crate) fn push_ready(&mut self, run: RunId, task: TaskIndex, indexes: Range<u32>) {
        let Some(active) = self.runs.get_mut(run) else {
            return;
        };
        // A task that the policy no longer allows fails when it is dispatched, on any worker.
        let granted = self.settings.policy(&active.tenant).and_then(|policy| {
            let dag = &active.version.dag;
            active.grants.evaluate(dag, task, policy).ok()
        });
        let facts = active.task_facts(task);
        self.queue.push(Ready {
            account: Arc::clone(&facts.account),
            run,
            task,
            indexes,
            priority: active.task(task).priority.unwrap_or(0),
            dag_max_active: active.version.dag.max_active_tasks,
            memory_bytes: granted.map_or(0, |grant| grant.limits.memory_bytes),
        });
    }

    fn revoke(&mut self, run: RunId, attempt: Attempt) {
        self.batch.revoke(attempt_key(self.shard, run, attempt));
        self.reads.drop_attempt(run, attempt);
        let Some(active) = self.runs.get_mut(run) else {
            return;
        };
        active.free_slot(attempt.instance, self.queue);
        ahead::return_reserved(self, run, attempt.instance);
        let Some(active) = self.runs.get(run) else {
            return;
        };
        if let Some(record) = active.records.get(&attempt.instance) {
            let now = self.cx.now();
            let record = attempt_record(run, attempt.instance, record, REVOKED, now);
            self.batch.add_attempt(record);
        }
    }

    fn clear_task(&mut self, run: RunId, task: TaskIndex, instances: u32) {
        self.drop_task(run, task);
        if let Some(active) = self.runs.get_mut(run) {
            self.crashes.clear_task(active, task);
            active.inputs.clear(task);
            active.count_prepared();
            active.outputs.clear(task);
            active.records.retain(|instance, _| instance.task != task);
            active.forget_travelling(|instance| instance.task == task);
            self.batch.change_mapped_task(run, task);
        }
        self.batch.clear_task(run, task, instances);
        self.batch.change_run(run);
        self.batch.set_urgent();
    }

    /// The others of the task go on, so only what belongs to these instances is dropped.
    fn clear_instances(&mut self, run: RunId, task: TaskIndex, indexes: &Range<u32>) {
        if let Some(active) = self.runs.get_mut(run) {
            self.crashes.clear_task(active, task);
            for index in indexes.clone() {
                let instance = Instance { task, index };
                active.records.remove(&instance);
                active.outputs.void(instance);
            }
            active.forget_travelling(|instance| {
                instance.task == task && indexes.contains(&instance.index)
            });
            active.inputs.grew(task);
            active.count_prepared();
            self.batch.change_mapped_task(run, task);
        }
        self.batch.clear_instances(run, task, indexes.clone());
        self.batch.change_run(run);
        self.batch.set_urgent();
    }

    fn change_instance(
        &mut self,
        run: RunId,
        instance: Instance,
        state: &InstanceState,
        cause: Cause,
    ) {
        let Some(active) = self.runs.get_mut(run) else {
            return;
        };
        let now = self.cx.now();
        let is_mapped = active.run.is_expanded(instance.task);
        let record = active.record(instance);
        record.cause = Some(cause);
        record.ended = state.is_ended().then_some(now);
        if let Some(error) = error_of(cause) {
            record.error = Some(error);
        }
        match state {
            // The news that an attempt has started is never urgent.
            InstanceState::Running { attempt: _ } => self.batch.add_started(now, run, instance),
            InstanceState::Queued { attempt: _ } => self.batch.change_instance(run, instance),
            InstanceState::Waiting
            | InstanceState::Expanding
            | InstanceState::Ready
            | InstanceState::UpForRetry { at: _ }
            | InstanceState::Deferred { until: _ }
            | InstanceState::Success
            | InstanceState::Failed
            | InstanceState::Skipped
            | InstanceState::UpstreamFailed
            | InstanceState::Cancelled => {
                active.free_slot(instance, self.queue);
                if cause == Cause::Marked {
                    active.void_output(instance);
                    // It may have been ready: it is not dispatched any more.
                    let index = instance.index..instance.index + 1;
                    self.queue.remove_instances(run, instance.task, &index);
                }
                ahead::return_reserved(self, run, instance);
                self.batch.change_instance(run, instance);
                self.batch.set_urgent();
            }
        }
        self.batch.change_run(run);
        if is_mapped {
            self.batch.change_mapped_task(run, instance.task);
        }
    }

    fn change_run(&mut self, run: RunId, state: RunState) {
        let Some(active) = self.runs.get_mut(run) else {
            return;
        };
        active.set_state(state, self.cx.now());
        self.batch.change_run(run);
        self.batch.set_urgent();
        let dag = active.dag;
        let key = active.concurrency_key.clone();
        let Some(entry) = self.runs.dag_mut(dag) else {
            return;
        };
        if state.is_ended() {
            // One whose end takes several turns is active until it is committed.
            if !self.batch.is_large(run) {
                entry.remove_active(run);
            }
            self.queue.remove_run(run);
            self.reads.drop_run(run);
            self.schedule.mark_run_ended(dag);
        } else {
            entry.add_active(run, key.as_ref());
        }
    }
}

impl ActiveRun {
    /// Voids the output of an instance that a person marked, whether it is committed or not.
    fn void_output(&mut self, instance: Instance) {
        self.record(instance).output = None;
        self.outputs.void(instance);
        self.inputs.grew(instance.task);
        self.count_prepared();
    }
}

/// An error as it is stored with an instance.
pub(crate) fn error_json(code: &str, message: &str) -> Arc<str> {
    json!({ "code": code, "message": message })
        .to_string()
        .into()
}

/// The error of an instance that the state machine ended for a reason of its own.
fn error_of(cause: Cause) -> Option<Arc<str>> {
    let message = match cause {
        Cause::BadBranch => {
            "the task chose what it can't choose: only direct downstreams, and only of a task that is declared with branch = true"
        }
        Cause::DeferredTooOften => "the task deferred itself more often than is allowed",
        Cause::LostTooOften => "the workers of the task were lost more often than is allowed",
        Cause::NoSource => "a task that it maps over has no output",
        Cause::Progress
        | Cause::Outcome
        | Cause::Rule
        | Cause::Branch
        | Cause::Expansion
        | Cause::Marked
        | Cause::Cancelled
        | Cause::RunTimeout
        | Cause::Precondition
        | Cause::Deadline => return None,
    };
    Some(error_json(cause_name(cause), message))
}
