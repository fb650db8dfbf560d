//! Effects of each kind of event on the reference model.

use super::{Condition, End, Ending, Model, Phase, verdict};
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
                let is_current = self.state == RunState::Running && self.episode == episode;
                if !is_current || self.ending.is_some() {
                    return Err(Rejection::Stale);
                }
                self.stop(RunState::Failed);
            }
            Timer::Deadline { task } => {
                let is_over = task.is_some_and(|task| {
                    let task = self.tasks.get(task.0 as usize);
                    task.is_none_or(|task| {
                        let mut phases = task.instances.iter().map(|single| single.phase);
                        phases.all(|phase| matches!(phase, Phase::Ended(_)))
                    })
                });
                // One that was opened again has met or missed its deadlines before.
                let is_first = self.state == RunState::Running && self.episode == 1;
                if is_over || !is_first || self.ending.is_some() || !self.missed.insert(task) {
                    return Err(Rejection::Stale);
                }
                match task {
                    None if self.scenario.bounds.stops_at_deadline => self.stop(RunState::Failed),
                    Some(task) if self.scenario.steps[task.0 as usize].stops_at_deadline => {
                        self.stop_task(task);
                    }
                    None | Some(_) => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn condition(
        &mut self,
        task: TaskIndex,
        generation: u32,
        runs: bool,
    ) -> Result<(), Rejection> {
        let this = self.tasks.get_mut(task.0 as usize);
        let this = this
            .filter(|task| task.included)
            .ok_or(Rejection::Unknown)?;
        if generation < this.generation {
            return Err(Rejection::Stale);
        }
        if generation > this.generation {
            return Err(Rejection::WrongState);
        }
        match this.condition {
            Condition::Unasked => return Err(Rejection::WrongState),
            Condition::Holds => return Err(Rejection::Duplicate),
            Condition::Asked if this.instances[0].phase != Phase::Waiting => {
                return Err(Rejection::Stale);
            }
            Condition::Asked if runs => this.condition = Condition::Holds,
            Condition::Asked => this.instances[0].phase = Phase::Ended(Ending::Skipped),
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

    pub(super) fn open(&mut self) {
        self.state = RunState::Running;
        self.stopped = false;
        self.ending = None;
        self.episode += 1;
    }

    /// A running run first ends everything but its teardowns; stopped again, those too.
    pub(super) fn stop(&mut self, state: RunState) {
        let tears_down = self.state == RunState::Running
            && self.ending.is_none()
            && self
                .scenario
                .steps
                .iter()
                .any(|step| step.teardown.is_some());
        for task in (0..).take(self.tasks.len()).map(TaskIndex) {
            if tears_down && self.scenario.steps[task.0 as usize].teardown.is_some() {
                continue;
            }
            self.stop_task(task);
        }
        self.stopped = true;
        if tears_down {
            self.ending = Some(state);
        } else {
            self.ending = None;
            self.state = state;
        }
    }

    /// Ends what has not ended of a task.
    fn stop_task(&mut self, task: TaskIndex) {
        for index in (0..).take(self.tasks[task.0 as usize].instances.len()) {
            let instance = Instance { task, index };
            if !matches!(self.single_mut(instance).phase, Phase::Ended(_)) {
                self.revoke(instance);
                self.single_mut(instance).phase = Phase::Ended(Ending::Cancelled);
            }
        }
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
