//! Effects of each kind of event on the reference model.

use super::{End, Ending, Model, Phase, fresh, verdict};
use weft_core::{
    document::TaskIndex,
    run::{
        Attempt, Instance, InstanceState, Marked, Moment, Outcome, Rejection, Run, RunState, Timer,
    },
    time::Timestamp,
};

impl Model {
    pub(super) fn dispatch(
        &mut self,
        instance: Instance,
        nonce: u64,
        machine: &Run,
    ) -> Result<(), Rejection> {
        let single = self.single(instance).ok_or(Rejection::Unknown)?;
        if single.phase != Phase::Startable {
            return Err(Rejection::WrongState);
        }
        // The number is the machine's choice; the auditor looks at it.
        let attempt = match machine.instance(instance) {
            Some(InstanceState::Queued { attempt }) => attempt,
            Some(_) | None => Attempt {
                instance,
                number: 0,
                nonce,
            },
        };
        self.attempts.insert(attempt, None);
        let single = self.single_mut(instance);
        single.last = Some(attempt);
        single.phase = Phase::Live { started: false };
        Ok(())
    }

    pub(super) fn due(&mut self, timer: Timer) -> Result<(), Rejection> {
        match timer {
            Timer::Instance { instance, number } => {
                let single = self.single(instance).ok_or(Rejection::Stale)?;
                let waits = matches!(single.phase, Phase::Retry(_) | Phase::Deferred(Some(_)));
                if !waits || single.last.map(|last| last.number) != Some(number) {
                    return Err(Rejection::Stale);
                }
                self.single_mut(instance).phase = Phase::Startable;
            }
            Timer::RunTimeout { episode } => {
                if self.state != RunState::Running || self.episode != episode {
                    return Err(Rejection::Stale);
                }
                self.stop(RunState::Failed);
            }
        }
        Ok(())
    }

    pub(super) fn mark(&mut self, instance: Instance, as_state: Marked) -> Result<(), Rejection> {
        let ending = match as_state {
            Marked::Success => Ending::Success,
            Marked::Failed => Ending::Failed,
            Marked::Skipped => Ending::Skipped,
        };
        let single = self.single(instance).ok_or(Rejection::Unknown)?;
        if single.phase == Phase::Ended(ending) {
            return Err(Rejection::Duplicate);
        }
        self.revoke(instance);
        self.single_mut(instance).phase = Phase::Ended(ending);
        self.tasks[instance.task.0 as usize].followed = None;
        Ok(())
    }

    pub(super) fn report(
        &mut self,
        at: Moment,
        instance: Instance,
        outcome: &Outcome,
        machine: &Run,
    ) {
        let bounds = self.scenario.bounds;
        let step = self.scenario.steps[instance.task.0 as usize].clone();
        let phase = match outcome {
            Outcome::Success => Phase::Ended(Ending::Success),
            Outcome::Skipped => Phase::Ended(Ending::Skipped),
            Outcome::Branch { chosen } => {
                let direct = self.downstreams(instance.task);
                let allowed = step.branch
                    && step.mapping.is_none()
                    && chosen.iter().all(|task| direct.contains(task));
                if allowed {
                    self.tasks[instance.task.0 as usize].followed =
                        Some(self.all_downstream(chosen));
                }
                Phase::Ended(if allowed {
                    Ending::Success
                } else {
                    Ending::Failed
                })
            }
            Outcome::Deferred { until } => {
                let single = self.single_mut(instance);
                single.deferrals += 1;
                if single.deferrals > bounds.max_deferrals {
                    Phase::Ended(Ending::Failed)
                } else {
                    Phase::Deferred(*until)
                }
            }
            Outcome::Failed {
                retryable,
                retry_after,
                message: _,
            } => {
                let single = self.single_mut(instance);
                single.failures += 1;
                if *retryable && single.failures <= step.retry.retries {
                    let (shortest, longest) =
                        verdict::wait(&step.retry, single.failures, *retry_after);
                    let chosen = match machine.instance(instance) {
                        Some(InstanceState::UpForRetry { at: time }) => time.0 - at.now.0,
                        Some(_) | None => longest,
                    };
                    Phase::Retry(Timestamp(at.now.0 + chosen.clamp(shortest, longest)))
                } else {
                    Phase::Ended(Ending::Failed)
                }
            }
        };
        self.single_mut(instance).phase = phase;
    }

    pub(super) fn clear(&mut self, tasks: &[TaskIndex], downstream: bool) -> Result<(), Rejection> {
        if tasks.iter().any(|task| {
            !self
                .tasks
                .get(task.0 as usize)
                .is_some_and(|task| task.included)
        }) {
            return Err(Rejection::Unknown);
        }
        if tasks.is_empty() || self.state == RunState::Pending {
            return Err(Rejection::WrongState);
        }
        if self.state.is_ended() {
            self.open();
        }
        let cleared = if downstream {
            self.all_downstream(tasks)
        } else {
            tasks.to_vec()
        };
        for task in self.order.clone() {
            if cleared.contains(&task) && self.tasks[task.0 as usize].included {
                for index in (0..).take(self.tasks[task.0 as usize].instances.len()) {
                    self.revoke(Instance { task, index });
                }
                let task = &mut self.tasks[task.0 as usize];
                task.instances = vec![fresh(Phase::Waiting)];
                task.expanded = false;
                task.generation += 1;
                task.followed = None;
            }
        }
        Ok(())
    }

    pub(super) fn open(&mut self) {
        self.state = RunState::Running;
        self.stopped = false;
        self.episode += 1;
    }

    pub(super) fn stop(&mut self, state: RunState) {
        for task in (0..).take(self.tasks.len()).map(TaskIndex) {
            for index in (0..).take(self.tasks[task.0 as usize].instances.len()) {
                let instance = Instance { task, index };
                if !matches!(self.single_mut(instance).phase, Phase::Ended(_)) {
                    self.revoke(instance);
                    self.single_mut(instance).phase = Phase::Ended(Ending::Cancelled);
                }
            }
        }
        self.state = state;
        self.stopped = true;
    }

    /// The attempt in progress ends; nothing it reports counts.
    pub(super) fn revoke(&mut self, instance: Instance) {
        let single = self.single_mut(instance);
        if let Some(last) = single.last {
            // A report that was applied before is not current any more either.
            self.attempts.insert(last, Some(End::Revoked));
        }
    }
}
