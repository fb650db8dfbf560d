//! `Event::Clear`: tasks, or single instances of mapped tasks, start over.

use super::{
    Action, Body, Check, Instance, Moment, Part, Rejection, Run, RunState, Selectable, Selection,
    TAGS, Tag, cell::Cell,
};
use crate::document::TaskIndex;
use std::ops::Range;

impl Run {
    pub(super) fn clear(
        &mut self,
        at: Moment,
        selection: &Selection,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let parts = selection.parts(&self.plan, |task| self.selectable(task))?;
        if self.state == RunState::Pending {
            return Err(Rejection::WrongState);
        }
        let parts: Vec<(TaskIndex, Cleared)> = parts
            .into_iter()
            .map(|(task, part)| (task, self.cleared(task, &part)))
            .filter(|(_, cleared)| !matches!(cleared, Cleared::Ranges(none) if none.is_empty()))
            .collect();
        if parts.is_empty() {
            return Err(Rejection::NothingSelected);
        }
        if self.state != RunState::Running || self.ending.is_some() {
            self.open(at, actions);
        }
        for (task, cleared) in parts {
            match cleared {
                Cleared::Task => self.clear_task(task, actions),
                Cleared::Ranges(ranges) => self.clear_instances(task, &ranges, actions),
            }
        }
        Ok(())
    }

    /// What is to be known of a task to select from it.
    pub fn selectable(&self, task: TaskIndex) -> Selectable {
        let counts = self.counts(task);
        let instances = self.instances_of(task);
        Selectable {
            instances,
            is_expanded: self.is_expanded(task),
            failed: counts.failed + counts.upstream_failed + counts.cancelled,
            has_begun: counts.waiting < u64::from(instances),
        }
    }

    /// What a part of a task is now.
    fn cleared(&self, task: TaskIndex, part: &Part) -> Cleared {
        let (
            Body::Many(many),
            Part::Instances {
                indexes,
                only_failed,
            },
        ) = (&self.tasks[task.0 as usize].body, part)
        else {
            return Cleared::Task;
        };
        let selectable = self.selectable(task);
        // Starting over as a whole costs the same for any number of instances.
        if indexes.is_none() && selectable.failed == u64::from(selectable.instances) {
            return Cleared::Task;
        }
        // What may run already is left as it is.
        let is_cleared = |index: u32, tag: Tag| match tag {
            Tag::Waiting | Tag::Ready | Tag::Expanding => false,
            Tag::Failed | Tag::UpstreamFailed | Tag::Cancelled => true,
            Tag::UpForRetry | Tag::Deferred => {
                !only_failed && !self.pause(Instance { task, index }).due
            }
            Tag::Queued | Tag::Running | Tag::Success | Tag::Skipped => !only_failed,
        };
        let ranges = match indexes {
            Some(named) => named.ranges().to_vec(),
            None => std::iter::once(0..many.total).collect(),
        };
        let mut found: Vec<Range<u32>> = Vec::new();
        for index in ranges.into_iter().flatten() {
            if many
                .get(index)
                .is_some_and(|cell| is_cleared(index, cell.tag))
            {
                push_index(&mut found, index);
            }
        }
        Cleared::Ranges(found)
    }

    fn clear_task(&mut self, task: TaskIndex, actions: &mut Vec<Action>) {
        let instances = self.instances_of(task);
        if instances == 0 {
            return;
        }
        for (instance, tag) in self.touched(task) {
            if tag.is_live() {
                self.revoke(instance, actions);
            }
        }
        let last = Instance {
            task,
            index: u32::MAX,
        };
        let first = Instance { task, index: 0 };
        while let Some((instance, _)) = self.pauses.range(first..=last).next() {
            let instance = *instance;
            self.pauses.remove(&instance);
        }
        if !self.repeats.is_empty() {
            self.repeats.retain(|instance, _| instance.task != task);
        }
        if self.faults.clear_removes_choice() {
            self.choices.remove(&task);
        }
        let highest = self.tasks[task.0 as usize].highest;
        let mut counts = [0; TAGS];
        counts[Tag::Waiting as usize] = 1;
        let body = Body::One(Cell::fresh(
            Tag::Waiting,
            self.faults.number_after_clear(highest),
        ));
        self.replace(task, body, counts);
        self.tasks[task.0 as usize].precondition = Check::Open;
        let generation = &mut self.tasks[task.0 as usize].generation;
        *generation = generation.saturating_add(1);
        actions.push(Action::Cleared {
            task,
            generation: *generation,
            instances,
        });
        self.agenda.insert(self.plan.ranks[task.0 as usize]);
    }

    /// Lets instances of an expanded task start over. The task's rule has decided already, so each is
    /// ready again, as far as `max_active` allows; in a mapped group it decides again for each.
    fn clear_instances(
        &mut self,
        task: TaskIndex,
        ranges: &[Range<u32>],
        actions: &mut Vec<Action>,
    ) {
        let mut moved = [0; TAGS];
        for index in ranges.iter().cloned().flatten() {
            let instance = Instance { task, index };
            // Nothing that the attempt reports later counts.
            self.revoke(instance, actions);
            self.pauses.remove(&instance);
            let repeats = self.repeats.entry(instance).or_default();
            *repeats = repeats.saturating_add(1);
            let cell = self.cell_mut(instance);
            moved[std::mem::replace(&mut cell.tag, Tag::Waiting) as usize] += 1;
        }
        for (from, instances) in Tag::ALL.into_iter().zip(moved) {
            if instances > 0 {
                self.recount(task, from, Tag::Waiting, instances);
            }
        }
        actions.extend(ranges.iter().map(|indexes| Action::InstancesCleared {
            task,
            indexes: indexes.clone(),
        }));
        if self.plan.step(task).by_index().is_empty() {
            self.release_cleared(task, ranges, actions);
        } else {
            for range in ranges {
                self.look_at_instances(task, range.clone());
            }
        }
    }

    fn release_cleared(
        &mut self,
        task: TaskIndex,
        ranges: &[Range<u32>],
        actions: &mut Vec<Action>,
    ) {
        let mut free = self.free_active(task);
        let mut ready: Vec<Range<u32>> = Vec::new();
        let mut released = 0;
        for index in ranges.iter().cloned().flatten() {
            let instance = Instance { task, index };
            if free > 0 {
                free -= 1;
                released += 1;
                self.cell_mut(instance).tag = Tag::Ready;
                push_index(&mut ready, index);
            } else if let Body::Many(many) = &mut self.tasks[task.0 as usize].body {
                many.backlog.push_back(index);
                self.pauses.entry(instance).or_default().due = true;
            }
        }
        if released > 0 {
            self.recount(task, Tag::Waiting, Tag::Ready, released);
        }
        let ready = ready.into_iter();
        actions.extend(ready.map(|indexes| Action::Ready { task, indexes }));
    }
}

/// What of a task starts over.
enum Cleared {
    Task,
    /// In ascending order.
    Ranges(Vec<Range<u32>>),
}

/// Adds an index that follows all others.
fn push_index(ranges: &mut Vec<Range<u32>>, index: u32) {
    match ranges.last_mut() {
        Some(last) if last.end == index => last.end += 1,
        Some(_) | None => ranges.push(index..index + 1),
    }
}
