//! The model's verdict on attempts and waits, and where the machine differs from it.

use super::{End, Ending, Instance, Model, Phase, Single};
use weft_core::{
    document::TaskIndex,
    retry::RetryPolicy,
    run::{Attempt, InstanceState, Outcome, Rejection, Run},
    time::DurationMs,
};

impl Model {
    pub(super) fn single(&self, instance: Instance) -> Option<&Single> {
        self.tasks
            .get(instance.task.0 as usize)?
            .instances
            .get(instance.index as usize)
    }

    pub(super) fn single_mut(&mut self, instance: Instance) -> &mut Single {
        &mut self.tasks[instance.task.0 as usize].instances[instance.index as usize]
    }

    pub(super) fn expect_expanding(
        &self,
        task: TaskIndex,
        generation: u32,
    ) -> Result<(), Rejection> {
        let task = self
            .tasks
            .get(task.0 as usize)
            .filter(|task| task.included)
            .ok_or(Rejection::Unknown)?;
        if task.generation != generation {
            return Err(Rejection::Stale);
        }
        match (task.expanded, task.instances[0].phase) {
            (false, Phase::Expanding) => Ok(()),
            (true, _) => Err(Rejection::Duplicate),
            (false, Phase::Ended(_)) => Err(Rejection::Stale),
            (false, _) => Err(Rejection::WrongState),
        }
    }

    /// Whether the attempt is the one in progress; if not, whether it ended just so.
    pub(super) fn expect_live(
        &self,
        attempt: &Attempt,
        end: Option<&End>,
    ) -> Result<(), Rejection> {
        let Some(known) = self.attempts.get(attempt) else {
            return Err(Rejection::Unknown);
        };
        let Some(single) = self
            .single(attempt.instance)
            .filter(|single| single.last == Some(*attempt))
        else {
            return Err(Rejection::Stale);
        };
        match (single.phase, known, end) {
            (Phase::Live { .. }, _, _) => Ok(()),
            (_, Some(known), Some(end)) if same(known, end) => Err(Rejection::Duplicate),
            (_, _, _) => Err(Rejection::Stale),
        }
    }

    /// Where the machine and the model differ.
    pub fn difference(&self, machine: &Run) -> Option<String> {
        if machine.state() != self.state {
            return Some(format!(
                "the run is {:?} and should be {:?}",
                machine.state(),
                self.state
            ));
        }
        for (at, task) in (0..).zip(&self.tasks) {
            let index = TaskIndex(at);
            if machine.instances_of(index) as usize != task.instances.len() {
                return Some(format!(
                    "task {at} has {} instances and should have {}",
                    machine.instances_of(index),
                    task.instances.len()
                ));
            }
            if machine.generation(index) != task.generation {
                return Some(format!(
                    "task {at} is of generation {} and should be of {}",
                    machine.generation(index),
                    task.generation
                ));
            }
            let held_back = self.scenario.steps[at as usize]
                .mapping
                .as_ref()
                .is_some_and(|mapping| mapping.max_active.is_some());
            for (number, single) in (0..).zip(&task.instances) {
                let instance = Instance {
                    task: index,
                    index: number,
                };
                let state = machine.instance(instance);
                if !state.is_some_and(|state| fits(single, state, held_back && task.expanded)) {
                    return Some(format!(
                        "task {at} [{number}] is {state:?} and should be {:?}",
                        single.phase
                    ));
                }
            }
        }
        None
    }
}

fn same(known: &End, end: &End) -> bool {
    match (known, end) {
        (End::Lost, End::Lost) => true,
        (End::Reported(one), End::Reported(other)) => match (one, other) {
            (Outcome::Branch { chosen: one }, Outcome::Branch { chosen: other }) => one == other,
            (Outcome::Success, Outcome::Success)
            | (Outcome::Skipped, Outcome::Skipped)
            | (Outcome::Deferred { .. }, Outcome::Deferred { .. })
            | (Outcome::Failed { .. }, Outcome::Failed { .. }) => true,
            (_, _) => false,
        },
        (End::Lost | End::Reported(_) | End::Revoked, _) => false,
    }
}

fn fits(single: &Single, state: InstanceState, held_back: bool) -> bool {
    match (single.phase, state) {
        (Phase::Waiting, InstanceState::Waiting)
        | (Phase::Expanding, InstanceState::Expanding)
        | (Phase::Startable, InstanceState::Ready)
        | (Phase::Ended(Ending::Success), InstanceState::Success)
        | (Phase::Ended(Ending::Failed), InstanceState::Failed)
        | (Phase::Ended(Ending::Skipped), InstanceState::Skipped)
        | (Phase::Ended(Ending::UpstreamFailed), InstanceState::UpstreamFailed)
        | (Phase::Ended(Ending::Cancelled), InstanceState::Cancelled) => true,
        (
            Phase::Startable,
            InstanceState::Waiting
            | InstanceState::UpForRetry { .. }
            | InstanceState::Deferred { .. },
        ) => held_back,
        (Phase::Live { started: false }, InstanceState::Queued { attempt })
        | (Phase::Live { started: true }, InstanceState::Running { attempt }) => {
            single.last == Some(attempt)
        }
        (Phase::Retry(at), InstanceState::UpForRetry { at: found }) => at == found,
        (Phase::Deferred(until), InstanceState::Deferred { until: found }) => until == found,
        (_, _) => false,
    }
}

/// The shortest and the longest wait, in milliseconds, after a failure.
pub(super) fn wait(
    policy: &RetryPolicy,
    failures: u32,
    retry_after: Option<DurationMs>,
) -> (i64, i64) {
    let millis = |span: DurationMs| i64::try_from(span.0).expect("scenarios wait for seconds");
    let mut longest = policy.delay.0;
    for _ in 1..failures {
        // The factors of scenarios are multiples of a half.
        let halves = (1..=8_u32)
            .find(|halves| f64::from(*halves) / 2.0 >= policy.backoff)
            .expect("at most 4");
        longest = longest * u64::from(halves) / 2;
    }
    let longest = longest.min(policy.max_delay.0);
    let shortest = if policy.jitter > 0.75 {
        0
    } else if policy.jitter > 0.25 {
        longest / 2
    } else {
        longest
    };
    let asked = retry_after.map_or(0, millis);
    // Both sides round down, at different moments.
    (
        (millis(DurationMs(shortest)) - 1).max(asked),
        (millis(DurationMs(longest)) + 1).max(asked),
    )
}
