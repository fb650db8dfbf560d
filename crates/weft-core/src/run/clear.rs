//! `Event::Clear`: tasks start over.

use super::{Action, Body, Instance, Moment, Rejection, Run, RunState, TAGS, Tag, cell::Cell};
use crate::document::TaskIndex;

impl Run {
    pub(super) fn clear(
        &mut self,
        at: Moment,
        tasks: &[TaskIndex],
        downstream: bool,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        if tasks.iter().any(|task| self.instances_of(*task) == 0) {
            return Err(Rejection::Unknown);
        }
        if tasks.is_empty() || self.state == RunState::Pending {
            return Err(Rejection::WrongState);
        }
        let cleared = if downstream {
            self.plan.with_downstreams(tasks)
        } else {
            let mut tasks = tasks.to_vec();
            tasks.sort_unstable_by_key(|task| self.plan.ranks[task.0 as usize]);
            tasks.dedup();
            tasks
        };
        if self.state != RunState::Running {
            self.open(at, actions);
        }
        for task in cleared {
            self.clear_task(task, actions);
        }
        Ok(())
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
        let generation = &mut self.tasks[task.0 as usize].generation;
        *generation = generation.saturating_add(1);
        actions.push(Action::Cleared {
            task,
            generation: *generation,
            instances,
        });
        self.agenda.insert(self.plan.ranks[task.0 as usize]);
    }
}
