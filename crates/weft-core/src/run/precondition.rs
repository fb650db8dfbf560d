//! `Event::PreconditionChecked`: the driver knows whether a task's conditions on other runs hold.

use super::{Action, Body, Cause, Instance, Rejection, Run, Tag};
use crate::document::TaskIndex;

/// How far the check of a task's conditions on other runs has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Check {
    /// There is none, or its rule has not let the task run yet.
    Open,
    /// The driver was asked.
    Asked,
    /// It may run.
    Holds,
}

impl Run {
    /// Whether no condition on other runs keeps a task from running, as far as the driver has said.
    pub(super) fn precondition_holds(&self, task: TaskIndex) -> bool {
        let has_one = self.plan.steps[task.as_usize()].has_precondition;
        !self.faults.awaits_precondition(has_one)
            || self.tasks[task.as_usize()].precondition == Check::Holds
    }

    /// Asks the driver, once.
    pub(super) fn check_precondition(&mut self, task: TaskIndex, actions: &mut Vec<Action>) {
        let cell = &mut self.tasks[task.as_usize()];
        if cell.precondition == Check::Open {
            cell.precondition = Check::Asked;
            let generation = cell.generation;
            actions.push(Action::CheckPrecondition { task, generation });
        }
    }

    /// Whether a task waits for the answer to its check.
    pub fn awaits_precondition(&self, task: TaskIndex) -> bool {
        let cell = self.tasks.get(task.as_usize());
        cell.is_some_and(|cell| cell.is_waiting() && cell.precondition == Check::Asked)
    }

    pub(super) fn precondition_checked(
        &mut self,
        task: TaskIndex,
        generation: u32,
        runs: bool,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.tasks.get(task.as_usize()).ok_or(Rejection::Unknown)?;
        if matches!(cell.body, Body::Excluded) {
            return Err(Rejection::Unknown);
        }
        let is_current = self.faults.check_is_current(cell.generation, generation);
        if generation < cell.generation && !is_current {
            return Err(Rejection::Stale);
        }
        if generation > cell.generation || cell.precondition == Check::Open {
            return Err(Rejection::WrongState);
        }
        if cell.precondition == Check::Holds {
            return Err(Rejection::Duplicate);
        }
        if !cell.is_waiting() {
            // Its rule skipped it meanwhile, or it was marked or cancelled.
            return Err(Rejection::Stale);
        }
        if runs {
            self.tasks[task.as_usize()].precondition = Check::Holds;
            self.agenda.insert(self.plan.ranks[task.as_usize()]);
        } else {
            let instance = Instance { task, index: 0 };
            self.end(instance, Tag::Skipped, Cause::Precondition, actions);
        }
        Ok(())
    }
}
