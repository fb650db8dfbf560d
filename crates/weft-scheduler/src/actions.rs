//! Events told to a run's machine, and what it asks for carried out.

use crate::{
    active_run::ActiveRun,
    rows,
    shard::{Context, Shard},
};
use serde_json::json;
use std::{ops::Range, sync::Arc};
use weft_core::{
    document::TaskIndex,
    fair_queue::{FairQueue, Ready},
    run::{Action, Attempt, Cause, Event, Instance, InstanceState, Rejection, RunState},
    run_id::RunId,
};

impl Shard {
    /// Tells a run, and carries out what follows. A rejected event changes nothing.
    pub(crate) fn apply(
        &mut self,
        cx: &mut Context,
        run: RunId,
        event: Event,
    ) -> Result<(), Rejection> {
        let moment = cx.moment();
        let active = self.runs.get_mut(&run).ok_or(Rejection::Unknown)?;
        let mut actions = Vec::new();
        active.run.handle(moment, event.clone(), &mut actions)?;
        active.happened.push((moment, event));
        self.changes.touched.insert(run);
        for action in actions {
            self.apply_action(cx, run, action);
        }
        Ok(())
    }

    /// Carries out one action. Expansions wait for [`Self::expand`], since they
    /// may have to read outputs.
    pub(crate) fn apply_action(&mut self, cx: &mut Context, run: RunId, action: Action) {
        match action {
            Action::Expand { task, generation } => {
                self.to_expand.push_back((run, task, generation));
                self.changes.urgent = true;
            }
            Action::Ready { task, indexes } => self.ready(run, task, indexes),
            Action::SetTimer { timer, at } => self.timers.set(at, run, timer),
            Action::Revoke { attempt } => self.revoke(cx, run, attempt),
            Action::Cleared {
                task,
                generation: _,
            } => self.cleared(run, task),
            Action::InstanceChanged {
                instance,
                state,
                cause,
            } => self.instance_changed(cx, run, instance, &state, cause),
            Action::RangeChanged {
                task,
                indexes: _,
                state: _,
                cause: _,
            } => {
                self.changes.mapped.insert((run, task));
                self.changes.runs.insert(run);
                self.changes.urgent = true;
            }
            Action::RunChanged { state } => self.run_changed(cx, run, state),
        }
    }

    fn ready(&mut self, run: RunId, task: TaskIndex, indexes: Range<u32>) {
        let Some(active) = self.runs.get_mut(&run) else {
            return;
        };
        // What is no longer granted fails when its turn comes, on whatever worker.
        let granted = self
            .policies
            .get(&active.tenant)
            .and_then(|policy| active.grants.of(&active.version.dag, task, policy).ok());
        let spec = &active.version.dag.tasks[task.as_usize()];
        let facts = &active.version.tasks[task.as_usize()];
        self.order.push(Ready {
            account: Arc::clone(&facts.account),
            run,
            task,
            indexes,
            queue: Arc::clone(&facts.queue),
            priority: spec.priority.unwrap_or(0),
            dag_max_active: active.version.dag.max_active_tasks,
            memory_bytes: granted.map_or(0, |grant| grant.limits.memory_bytes),
        });
        self.changes.urgent = true;
    }

    fn revoke(&mut self, cx: &Context, run: RunId, attempt: Attempt) {
        let key = self.key(run, attempt);
        self.changes.revoke.push(key);
        self.changes.urgent = true;
        let Some(active) = self.runs.get_mut(&run) else {
            return;
        };
        active.release(attempt.instance, &mut self.order);
        if let Some(record) = active.records.get(&attempt.instance) {
            let record = rows::attempt_record(run, attempt.instance, record, "revoked", cx.now());
            self.changes.attempts.extend(record);
        }
    }

    fn cleared(&mut self, run: RunId, task: TaskIndex) {
        self.forgive(run, task);
        self.order.remove_task(run, task);
        if let Some(active) = self.runs.get_mut(&run) {
            active.inputs.clear(task);
            active.outputs.clear(task);
            active.records.retain(|instance, _| instance.task != task);
            self.changes.mapped.insert((run, task));
        }
        self.changes.cleared.insert((run, task));
        self.changes.runs.insert(run);
        self.changes.urgent = true;
    }

    fn instance_changed(
        &mut self,
        cx: &mut Context,
        run: RunId,
        instance: Instance,
        state: &InstanceState,
        cause: Cause,
    ) {
        let Some(active) = self.runs.get_mut(&run) else {
            return;
        };
        let now = cx.now();
        let mapped = active.run.is_expanded(instance.task);
        let record = active.record(instance);
        record.cause = Some(cause);
        record.ended = state.is_ended().then_some(now);
        if let Some(error) = error_of(cause) {
            record.error = Some(error);
        }
        match state {
            // Nobody waits for the news that an attempt has started.
            InstanceState::Running { attempt: _ } => self.shows_later(now, run, instance),
            InstanceState::Queued { attempt: _ } => {
                self.changes.instances.insert((run, instance));
            }
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
                active.release(instance, &mut self.order);
                if cause == Cause::Marked {
                    // What it returned, in this turn or before, doesn't count any more.
                    active.record(instance).output = None;
                    let freed = active.outputs.void(instance);
                    active.inputs.grew(instance.task);
                    cx.output_bytes = cx.output_bytes.saturating_sub(freed);
                    // It may have been ready: it is not handed out any more.
                    let index = instance.index..instance.index + 1;
                    self.order.remove_instances(run, instance.task, &index);
                }
                self.changes.instances.insert((run, instance));
                self.changes.urgent = true;
            }
        }
        self.changes.runs.insert(run);
        if mapped {
            self.changes.mapped.insert((run, instance.task));
        }
    }

    fn run_changed(&mut self, cx: &Context, run: RunId, state: RunState) {
        let Some(active) = self.runs.get_mut(&run) else {
            return;
        };
        active.note_state(state, cx.now());
        self.changes.runs.insert(run);
        self.changes.urgent = true;
        let dag = active.dag;
        let Some(entry) = self.dags.get_mut(&dag) else {
            return;
        };
        if state.is_ended() {
            self.order.remove_run(run);
            entry.active.remove(&run);
            self.to_start.insert(dag);
        } else {
            entry.active.insert(run);
        }
    }

    /// Ends an attempt that can't be made: `why` is for the author or the operator.
    pub(crate) fn fail_attempt(
        &mut self,
        cx: &mut Context,
        run: RunId,
        attempt: Attempt,
        code: &str,
        why: &str,
    ) {
        if let Some(active) = self.runs.get_mut(&run) {
            active.record(attempt.instance).error = Some(error(code, why));
        }
        let outcome = weft_core::run::Outcome::Failed {
            retryable: false,
            retry_after: None,
            message: String::new(),
        };
        // Rejected: it was revoked while its inputs could not be read.
        let _outdated = self.apply(cx, run, Event::Finished { attempt, outcome });
    }
}

impl ActiveRun {
    /// The instance is not active any more; what it took up is free.
    pub(crate) fn release(&mut self, instance: Instance, order: &mut FairQueue) {
        if self.live.remove(&instance) {
            order.release(&self.version.tasks[instance.task.as_usize()].account);
        }
    }
}

/// An error as it is stored with an instance.
pub(crate) fn error(code: &str, message: &str) -> Arc<str> {
    json!({ "code": code, "message": message })
        .to_string()
        .into()
}

/// What to tell where the machine ends an instance for a reason of its own.
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
        | Cause::RunTimeout => return None,
    };
    Some(error(rows::cause_name(cause), message))
}
