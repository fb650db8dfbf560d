//! `Event::Cancel`, and how a run is stopped before its instances ended.

use super::{
    Action, Attempt, Body, Cause, Instance, InstanceState, Rejection, Run, RunState, Tag,
    cell::Report,
};
use crate::document::TaskIndex;

impl Run {
    pub(super) fn cancel(&mut self, actions: &mut Vec<Action>) -> Result<(), Rejection> {
        if self.state.is_ended() {
            return Err(Rejection::RunEnded);
        }
        self.stop(RunState::Cancelled, Cause::Cancelled, actions);
        Ok(())
    }

    /// Ends every unfinished instance as cancelled, and the run as `end`.
    ///
    /// A running one first ends everything but its teardowns, and goes on until those ended. If it is
    /// stopped once more meanwhile, they end too.
    pub(super) fn stop(&mut self, end: RunState, cause: Cause, actions: &mut Vec<Action>) {
        self.stopped = true;
        let tears_down = self.state == RunState::Running
            && self.ending.is_none()
            && self.faults.tears_down(!self.plan.teardowns.is_empty());
        if tears_down {
            self.ending = Some(end);
        } else {
            // Before anything is counted, so that it puts no task on the agenda.
            self.state = end;
            self.ending = None;
        }
        for task in self.plan.tasks() {
            if !tears_down || self.plan.step(task).teardown.is_none() {
                self.stop_task(task, cause, actions);
            }
        }
        if !tears_down {
            self.pauses.clear();
            actions.push(Action::RunChanged { state: end });
        }
    }

    /// Ends every unfinished instance of a task as cancelled.
    pub(super) fn stop_task(&mut self, task: TaskIndex, cause: Cause, actions: &mut Vec<Action>) {
        let state = InstanceState::Cancelled;
        for (instance, tag) in self.touched(task) {
            if !self.faults.cancel_ends(tag) {
                continue;
            }
            self.revoke(instance, actions);
            self.shift(instance, Tag::Cancelled);
            actions.push(Action::InstanceChanged {
                instance,
                state,
                cause,
            });
        }
        let Body::Many(many) = &mut self.tasks[task.0 as usize].body else {
            return;
        };
        many.backlog.clear();
        if std::mem::replace(&mut many.stopped, true) {
            return;
        }
        let ranges = many.untouched_ranges();
        let released = many.released;
        for range in ranges {
            let split = released.clamp(range.start, range.end);
            self.recount(task, Tag::Ready, Tag::Cancelled, split - range.start);
            self.recount(task, Tag::Waiting, Tag::Cancelled, range.end - split);
            self.look_at_followers_of(task, range.clone());
            actions.push(Action::RangeChanged {
                task,
                indexes: range,
                state,
                cause,
            });
        }
    }

    /// The instances of a task that have a cell of their own.
    pub(super) fn touched(&self, task: TaskIndex) -> Vec<(Instance, Tag)> {
        match &self.tasks[task.0 as usize].body {
            Body::Excluded => Vec::new(),
            Body::One(cell) => vec![(Instance { task, index: 0 }, cell.tag)],
            Body::Many(many) => many
                .touched()
                .map(|(index, cell)| (Instance { task, index }, cell.tag))
                .collect(),
        }
    }

    /// Ends the attempt of an instance, if one is queued or running.
    pub(super) fn revoke(&mut self, instance: Instance, actions: &mut Vec<Action>) {
        let cell = self.cell_mut(instance);
        cell.report = Report::Revoked;
        if cell.tag.is_live() {
            let attempt = Attempt {
                instance,
                number: cell.number,
                nonce: cell.nonce,
            };
            actions.push(Action::Revoke { attempt });
        }
    }
}
