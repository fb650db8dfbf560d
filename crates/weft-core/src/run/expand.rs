//! `Event::Expanded` and `Event::ExpandFailed`.

use super::{Action, Body, Cause, Instance, MAX_INSTANCES, Many, Rejection, Run, TAGS, Tag};
use crate::document::TaskIndex;

impl Run {
    pub(super) fn expanded(
        &mut self,
        task: TaskIndex,
        generation: u32,
        instances: u32,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let placeholder = self.expanding(task, generation)?;
        if instances == 0 {
            let tag = self.faults.end_of_empty_list();
            self.end(placeholder, tag, Cause::Expansion, actions);
        } else if instances > MAX_INSTANCES {
            self.end(placeholder, Tag::Failed, Cause::Expansion, actions);
        } else {
            let mut counts = [0; TAGS];
            counts[Tag::Waiting as usize] = instances;
            let base = self.tasks[task.0 as usize].highest;
            let mut many = Many::new(instances, base);
            let is_by_index = !self.plan.step(task).by_index().is_empty();
            many.outside = is_by_index.then_some(self.tasks[task.0 as usize].upstreams);
            self.replace(task, Body::Many(Box::new(many)), counts);
            if is_by_index {
                self.look_at_instances(task, 0..instances);
            } else {
                self.refill(task, actions);
            }
        }
        Ok(())
    }

    pub(super) fn expand_failed(
        &mut self,
        task: TaskIndex,
        generation: u32,
        actions: &mut Vec<Action>,
    ) -> Result<(), Rejection> {
        let placeholder = self.expanding(task, generation)?;
        self.end(placeholder, Tag::Failed, Cause::Expansion, actions);
        Ok(())
    }

    /// The one instance of a task that waits for this answer.
    fn expanding(&self, task: TaskIndex, generation: u32) -> Result<Instance, Rejection> {
        let placeholder = Instance { task, index: 0 };
        let cell = self.tasks.get(task.0 as usize).ok_or(Rejection::Unknown)?;
        match &cell.body {
            Body::Excluded => Err(Rejection::Unknown),
            Body::One(one)
                if one.tag == Tag::Expanding
                    && self
                        .faults
                        .expansion_is_current(cell.generation, generation) =>
            {
                Ok(placeholder)
            }
            Body::Many(_) if cell.generation == generation => Err(Rejection::Duplicate),
            Body::One(_) | Body::Many(_) if generation < cell.generation => Err(Rejection::Stale),
            // Marked or cancelled during the expansion, or never requested.
            Body::One(one) if one.tag.is_ended() => Err(Rejection::Stale),
            Body::One(_) | Body::Many(_) => Err(Rejection::WrongState),
        }
    }
}
