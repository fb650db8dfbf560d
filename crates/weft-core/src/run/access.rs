//! Reading a run, for drivers and for its own parts.

use super::{
    Action, Attempt, Body, Cell, Counts, Instance, InstanceState, Rejection, Run, RunState, TAGS,
    Tag, TaskCell,
};
use crate::{document::TaskIndex, plan::Plan};
use std::sync::Arc;

impl Run {
    /// What it runs.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// State of the run.
    pub fn state(&self) -> RunState {
        self.state
    }

    /// The state of an instance; `None` if there is none.
    pub fn instance(&self, instance: Instance) -> Option<InstanceState> {
        self.cell(instance)
            .map(|cell| self.state_of(instance, cell.tag))
    }

    /// How many instances a task has: 1 where it isn't mapped or isn't expanded
    /// yet, 0 where it is no part of this run.
    pub fn instances_of(&self, task: TaskIndex) -> u32 {
        match self.tasks.get(task.0 as usize).map(|task| &task.body) {
            Some(Body::One(_)) => 1,
            Some(Body::Many(many)) => many.total,
            Some(Body::Excluded) | None => 0,
        }
    }

    /// Whether a mapped task has its instances.
    pub fn is_expanded(&self, task: TaskIndex) -> bool {
        matches!(
            self.tasks.get(task.0 as usize),
            Some(TaskCell {
                body: Body::Many(_),
                ..
            })
        )
    }

    /// How many instances of a task are in each state.
    pub fn counts(&self, task: TaskIndex) -> Counts {
        self.tasks
            .get(task.0 as usize)
            .map_or_else(Counts::default, |task| shown(task.counts.map(u64::from)))
    }

    /// How many instances of the whole run are in each state. O(1).
    pub fn totals(&self) -> Counts {
        shown(self.totals)
    }

    /// How many instances have not ended. O(1).
    pub fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// How often a task was cleared; part of what makes an idempotency key.
    pub fn generation(&self, task: TaskIndex) -> u32 {
        self.tasks
            .get(task.0 as usize)
            .map_or(0, |task| task.generation)
    }

    /// How often an instance was cleared by itself since its task was cleared; part of what makes
    /// an idempotency key.
    pub fn repeats(&self, instance: Instance) -> u32 {
        self.repeats.get(&instance).copied().unwrap_or(0)
    }

    /// The number that the next attempt of an instance gets.
    pub fn next_number(&self, instance: Instance) -> Option<u32> {
        self.cell(instance)
            .map(|cell| cell.number.saturating_add(1))
    }

    pub(super) fn cell(&self, instance: Instance) -> Option<Cell> {
        match &self.tasks.get(instance.task.0 as usize)?.body {
            Body::One(cell) if instance.index == 0 => Some(*cell),
            Body::Many(many) => many.get(instance.index),
            Body::One(_) | Body::Excluded => None,
        }
    }

    /// The cell of an instance that exists.
    pub(super) fn cell_mut(&mut self, instance: Instance) -> &mut Cell {
        match &mut self.tasks[instance.task.0 as usize].body {
            Body::One(cell) => cell,
            Body::Many(many) => many.touch(instance.index),
            Body::Excluded => unreachable!("callers have looked the instance up"),
        }
    }

    /// The cell of an instance whose last attempt is this one.
    pub(super) fn current(&self, attempt: Attempt) -> Result<Cell, Rejection> {
        let task = self
            .tasks
            .get(attempt.instance.task.0 as usize)
            .ok_or(Rejection::Unknown)?;
        if attempt.number == 0 || attempt.number > task.highest {
            return Err(Rejection::Unknown);
        }
        let cell = self.cell(attempt.instance).ok_or(Rejection::Stale)?;
        let same_nonce = self.faults.same_nonce(cell.nonce, attempt.nonce);
        if cell.number == attempt.number && same_nonce {
            Ok(cell)
        } else {
            Err(Rejection::Stale)
        }
    }

    /// The last attempt of an instance that exists.
    pub(super) fn attempt_of(&self, instance: Instance) -> Attempt {
        let cell = self
            .cell(instance)
            .expect("callers have looked the instance up");
        Attempt {
            instance,
            number: cell.number,
            nonce: cell.nonce,
        }
    }

    /// Ends an instance for good, and lets `max_active` go on.
    pub(super) fn end(
        &mut self,
        instance: Instance,
        tag: Tag,
        cause: super::Cause,
        actions: &mut Vec<Action>,
    ) {
        self.shift(instance, tag);
        let state = tag.ended_state().expect("only ends come here");
        actions.push(Action::InstanceChanged {
            instance,
            state,
            cause,
        });
        self.refill(instance.task, actions);
    }
}

/// Counts by tag, by their names.
fn shown(counts: [u64; TAGS]) -> Counts {
    let count = |tag: Tag| counts[tag as usize];
    Counts {
        waiting: count(Tag::Waiting),
        expanding: count(Tag::Expanding),
        ready: count(Tag::Ready),
        queued: count(Tag::Queued),
        running: count(Tag::Running),
        up_for_retry: count(Tag::UpForRetry),
        deferred: count(Tag::Deferred),
        success: count(Tag::Success),
        failed: count(Tag::Failed),
        skipped: count(Tag::Skipped),
        upstream_failed: count(Tag::UpstreamFailed),
        cancelled: count(Tag::Cancelled),
    }
}
