//! The effect of a clear on the reference model, written from the text of its rules.

use super::{Condition, Ending, Model, Phase, Single, fresh};
use weft_core::{
    document::TaskIndex,
    run::{Instance, Rejection, RunState, Selection},
    teardown::MAX_NESTED_SETUPS,
};

impl Model {
    pub(super) fn clear(&mut self, selection: &Selection) -> Result<(), Rejection> {
        self.check_selection(selection)?;
        let mut selected = selection.tasks.clone();
        if selection.tasks.is_empty() {
            selected.clone_from(&self.order);
        }
        if selection.upstream {
            selected.extend(self.all_upstream(&selection.tasks));
        }
        if selection.downstream {
            selected.extend(self.all_downstream(&selection.tasks));
        }
        let chosen: Vec<TaskIndex> = selected
            .iter()
            .copied()
            .filter(|task| {
                let this = &self.tasks[task.0 as usize];
                let failed = this.instances.iter().any(has_failed);
                this.included && (failed || !selection.only_failed)
            })
            .collect();
        let reopened = self.reopened(&chosen);
        // What is cleared of each task; none where the whole task starts over.
        let mut cleared: Vec<(TaskIndex, Option<Vec<u32>>)> = Vec::new();
        let mut runs_again: Vec<TaskIndex> = Vec::new();
        // Those of which only some instances run again.
        let mut in_part: Vec<TaskIndex> = Vec::new();
        for task in self.order.clone() {
            let this = &self.tasks[task.0 as usize];
            if !this.included {
                continue;
            }
            let failed = this.instances.iter().filter(|one| has_failed(one)).count();
            let upstreams = &self.scenario.steps[task.0 as usize].upstreams;
            let (instances, whole): (Vec<TaskIndex>, Vec<TaskIndex>) = upstreams
                .iter()
                .filter(|up| runs_again.contains(up))
                .partition(|up| in_part.contains(up) && self.by_index(task).contains(up));
            let follows = !whole.is_empty();
            let reopened = reopened.contains(&task);
            let chosen = reopened || chosen.contains(&task);
            let named = selection
                .indexes
                .as_ref()
                .filter(|_| selection.tasks.contains(&task) || !instances.is_empty());
            if follows || chosen || !instances.is_empty() {
                runs_again.push(task);
                if this.expanded
                    && !follows
                    && !reopened
                    && (named.is_some() || selection.only_failed)
                {
                    in_part.push(task);
                }
            }
            if !chosen {
                continue;
            }
            let all_failed = failed == this.instances.len() && selection.only_failed;
            let is_whole = !this.expanded
                || follows
                || reopened
                || (named.is_none() && (!selection.only_failed || all_failed));
            let indexes = (!is_whole).then(|| {
                (0..)
                    .zip(&this.instances)
                    .filter(|(index, _)| named.is_none_or(|named| named.contains(*index)))
                    .filter(|(_, one)| has_failed(one) || !selection.only_failed)
                    .filter(|(_, one)| !matches!(one.phase, Phase::Startable | Phase::Waiting))
                    .map(|(index, _)| index)
                    .collect::<Vec<u32>>()
            });
            if indexes.as_ref().is_none_or(|indexes| !indexes.is_empty()) {
                cleared.push((task, indexes));
            }
        }
        self.start_over(cleared)
    }

    /// What teardowns that have begun may have undone of what these tasks need: the setups upstream of them,
    /// what is between, and the teardowns, which then run again.
    fn reopened(&self, chosen: &[TaskIndex]) -> Vec<TaskIndex> {
        let mut again = chosen.to_vec();
        for _ in 0..MAX_NESTED_SETUPS {
            let is_work =
                |task: &TaskIndex| self.scenario.steps[task.0 as usize].teardown.is_none();
            let work: Vec<TaskIndex> = again.iter().copied().filter(is_work).collect();
            let (above, below) = (self.all_upstream(&work), self.all_downstream(&work));
            let mut setups = Vec::new();
            let mut found = Vec::new();
            for (at, step) in (0..).zip(&self.scenario.steps) {
                let teardown = TaskIndex(at);
                let Some(of) = &step.teardown else { continue };
                let begun = self.tasks[teardown.0 as usize]
                    .instances
                    .iter()
                    .any(|one| one.phase != Phase::Waiting);
                let needed: Vec<TaskIndex> = of
                    .setups
                    .iter()
                    .copied()
                    .filter(|setup| above.contains(setup))
                    .collect();
                if begun
                    && below.contains(&teardown)
                    && (of.setups.is_empty() || !needed.is_empty())
                {
                    found.push(teardown);
                    setups.extend(needed);
                }
            }
            let after_setups = self.all_downstream(&setups);
            found.extend(above.into_iter().filter(|task| after_setups.contains(task)));
            found.retain(|task| !again.contains(task));
            if found.is_empty() {
                break;
            }
            again.extend(found);
        }
        again.retain(|task| !chosen.contains(task));
        again
    }

    fn check_selection(&self, selection: &Selection) -> Result<(), Rejection> {
        let included = |task: &TaskIndex| {
            let task = self.tasks.get(task.0 as usize);
            task.is_some_and(|task| task.included)
        };
        if !selection.tasks.iter().all(included) {
            return Err(Rejection::Unknown);
        }
        if selection.tasks.is_empty() && !selection.only_failed {
            return Err(Rejection::WrongState);
        }
        if let Some(indexes) = &selection.indexes {
            let [task] = selection.tasks.as_slice() else {
                return Err(Rejection::WrongState);
            };
            let instances = self.tasks[task.0 as usize].instances.len();
            if indexes.end() as usize > instances {
                return Err(Rejection::Unknown);
            }
            if selection.upstream {
                return Err(Rejection::WrongState);
            }
        }
        Ok(())
    }

    fn start_over(&mut self, cleared: Vec<(TaskIndex, Option<Vec<u32>>)>) -> Result<(), Rejection> {
        if cleared.is_empty() {
            return Err(Rejection::NothingSelected);
        }
        if self.state == RunState::Pending {
            return Err(Rejection::WrongState);
        }
        if self.state.is_ended() || self.ending.is_some() {
            self.open();
        }
        for (task, indexes) in cleared {
            let Some(indexes) = indexes else {
                self.start_task_over(task);
                continue;
            };
            let phase = if self.by_index(task).is_empty() {
                Phase::Startable
            } else {
                Phase::Waiting
            };
            for index in indexes {
                let instance = Instance { task, index };
                self.revoke(instance);
                let single = self.single_mut(instance);
                *single = Single {
                    last: single.last,
                    ..fresh(phase)
                };
            }
        }
        Ok(())
    }

    fn start_task_over(&mut self, task: TaskIndex) {
        for index in (0..).take(self.tasks[task.0 as usize].instances.len()) {
            self.revoke(Instance { task, index });
        }
        let task = &mut self.tasks[task.0 as usize];
        task.instances = vec![fresh(Phase::Waiting)];
        task.expanded = false;
        task.generation += 1;
        task.followed = None;
        task.condition = Condition::Unasked;
    }
}

fn has_failed(single: &Single) -> bool {
    matches!(
        single.phase,
        Phase::Ended(Ending::Failed | Ending::UpstreamFailed | Ending::Cancelled)
    )
}
