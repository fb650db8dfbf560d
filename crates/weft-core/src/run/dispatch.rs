//! `Event::Dispatched` and `Event::Started`; and which instances are ready.

use super::{
    Action, Attempt, Body, Cause, Instance, InstanceState, Many, Rejection, Run, Tag,
    cell::{Cell, Report},
};
use crate::document::TaskIndex;

impl Run {
    pub(super) fn dispatched(
        &mut self,
        instance: Instance,
        nonce: u64,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.cell(instance).ok_or(Rejection::Unknown)?;
        if cell.tag != Tag::Ready {
            return Err(Rejection::WrongState);
        }
        let number = cell.number.saturating_add(1);
        *self.cell_mut(instance) = Cell {
            nonce,
            number,
            tag: Tag::Ready,
            report: Report::Open,
            touched: true,
        };
        self.shift(instance, Tag::Queued);
        let task = &mut self.tasks[instance.task.0 as usize];
        task.highest = task.highest.max(number);
        let attempt = Attempt {
            instance,
            number,
            nonce,
        };
        actions.push(Action::InstanceChanged {
            instance,
            state: InstanceState::Queued { attempt },
            cause: Cause::Progress,
        });
        Ok(())
    }

    pub(super) fn attempt_started(
        &mut self,
        attempt: Attempt,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let cell = self.current(attempt)?;
        let instance = attempt.instance;
        match cell.tag {
            Tag::Queued => {
                self.shift(instance, Tag::Running);
                let state = InstanceState::Running { attempt };
                actions.push(Action::InstanceChanged {
                    instance,
                    state,
                    cause: Cause::Progress,
                });
                Ok(())
            }
            Tag::Running => Err(Rejection::Duplicate),
            // It was reported, lost or revoked before the claim arrived.
            Tag::Waiting
            | Tag::Expanding
            | Tag::Ready
            | Tag::UpForRetry
            | Tag::Deferred
            | Tag::Success
            | Tag::Failed
            | Tag::Skipped
            | Tag::UpstreamFailed
            | Tag::Cancelled => Err(Rejection::Stale),
        }
    }

    /// Makes an instance ready, or records that it is due if `max_active` blocks it.
    pub(super) fn make_ready(&mut self, instance: Instance, actions: &mut Vec<Action>) {
        let free = self.free_active(instance.task);
        let active = self.cell(instance).is_some_and(|cell| cell.tag.is_active());
        if free == 0 && !active {
            if let Body::Many(many) = &mut self.tasks[instance.task.0 as usize].body {
                many.backlog.push_back(instance.index);
                self.pauses.entry(instance).or_default().due = true;
            }
            return;
        }
        self.release_one(instance, actions);
    }

    fn release_one(&mut self, instance: Instance, actions: &mut Vec<Action>) {
        if let Some(pause) = self.pauses.get_mut(&instance) {
            pause.until = None;
            pause.due = false;
        }
        self.shift(instance, Tag::Ready);
        actions.push(Action::Ready {
            task: instance.task,
            indexes: instance.index..instance.index + 1,
        });
    }

    /// How many more instances of a task may be active.
    pub(super) fn free_active(&self, task: TaskIndex) -> u32 {
        let limit = self.plan.steps[task.0 as usize]
            .mapping
            .as_ref()
            .and_then(|mapping| mapping.max_active);
        let cell = &self.tasks[task.0 as usize];
        match (limit, &cell.body) {
            (Some(limit), Body::Many(_)) => {
                let active =
                    cell.count(Tag::Ready) + cell.count(Tag::Queued) + cell.count(Tag::Running);
                let limit = self.faults.max_active(limit.max(1));
                limit.saturating_sub(active)
            }
            (None, _) | (Some(_), Body::One(_) | Body::Excluded) => u32::MAX,
        }
    }

    /// Releases instances of an expanded task up to `max_active`: first those
    /// whose wait is over, then untouched ones.
    pub(super) fn refill(&mut self, task: TaskIndex, actions: &mut Vec<Action>) {
        let releases =
            |many: &Many| !many.stopped && many.outside.is_none() && many.released < many.total;
        let more = |many: &Many| releases(many) || !many.backlog.is_empty();
        if !matches!(&self.tasks[task.0 as usize].body, Body::Many(many) if more(many)) {
            return;
        }
        let mut free = self.free_active(task);
        while free > 0 {
            let Body::Many(many) = &mut self.tasks[task.0 as usize].body else {
                return;
            };
            let Some(index) = many.backlog.pop_front() else {
                break;
            };
            let instance = Instance { task, index };
            // A mark may have ended it in the meantime.
            if self.pauses.get(&instance).is_some_and(|pause| pause.due) {
                self.release_one(instance, actions);
                free -= 1;
            }
        }
        let Body::Many(many) = &mut self.tasks[task.0 as usize].body else {
            return;
        };
        if many.stopped || many.outside.is_some() {
            return;
        }
        let mut ranges = Vec::new();
        let released = many.release(free, &mut ranges);
        if released > 0 {
            self.recount(task, Tag::Waiting, Tag::Ready, released);
        }
        actions.extend(
            ranges
                .into_iter()
                .map(|indexes| Action::Ready { task, indexes }),
        );
    }
}
