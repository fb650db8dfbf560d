//! What a clear selects, and which instances that is.
//!
//! One function decides it for the machine and for a preview, from the plan and the numbers of
//! instances alone.

use super::{Indexes, Rejection};
use crate::{document::TaskIndex, plan::Plan};

/// The tasks that a clear selects. `T` is how it names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<T = TaskIndex> {
    /// At least one; none only with `only_failed`, for every task of the run.
    pub tasks: Vec<T>,
    /// Of the one task that is named: these instances alone.
    pub indexes: Option<Indexes>,
    /// And everything upstream of them.
    pub upstream: bool,
    /// And everything downstream of them.
    pub downstream: bool,
    /// Of all these only what failed, could not run since an upstream failed, or was cancelled.
    pub only_failed: bool,
}

impl<T> Selection<T> {
    /// These tasks.
    pub fn of(tasks: Vec<T>, downstream: bool) -> Self {
        Self {
            tasks,
            indexes: None,
            upstream: false,
            downstream,
            only_failed: false,
        }
    }

    /// What failed of the whole run.
    pub fn failed() -> Self {
        Self {
            only_failed: true,
            ..Self::of(Vec::new(), false)
        }
    }

    /// Whether it is of the form that the first version of Weft knew.
    pub const fn is_plain(&self) -> bool {
        self.indexes.is_none() && !self.upstream && !self.only_failed
    }

    /// The same selection with other names of its tasks.
    ///
    /// # Errors
    /// What `name` returns for the first task that has no such name.
    pub fn try_map<'a, U, E>(
        &'a self,
        name: impl FnMut(&'a T) -> Result<U, E>,
    ) -> Result<Selection<U>, E> {
        Ok(Selection {
            tasks: self.tasks.iter().map(name).collect::<Result<_, _>>()?,
            indexes: self.indexes.clone(),
            upstream: self.upstream,
            downstream: self.downstream,
            only_failed: self.only_failed,
        })
    }
}

/// What is to be known of a task to select from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selectable {
    /// How many instances it has; 0 if it is no part of the run.
    pub instances: u32,
    /// Whether it is mapped and its instances are known.
    pub is_expanded: bool,
    /// How many instances failed, could not run or were cancelled.
    pub failed: u64,
    /// Whether its rule has decided, of any of its instances, however those ended or go on.
    pub has_begun: bool,
}

/// What of a task is cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The task starts over: its rule decides again, and a mapped task is expanded again.
    Whole,
    /// Instances of an expanded task; the others keep what they have.
    Instances {
        /// These alone; all if absent.
        indexes: Option<Indexes>,
        /// Of these only those that failed, could not run or were cancelled.
        only_failed: bool,
    },
}

impl Selection {
    /// What is cleared of which task, upstreams first.
    ///
    /// An expanded task of which something upstream is cleared is cleared as a whole, since its list
    /// may change. Where that is instances of a task in its mapped group, the same instances of it are
    /// cleared. What a teardown that has begun may have undone is cleared too, with that teardown: its
    /// setups, and everything between those and what is selected.
    ///
    /// # Errors
    /// `Unknown` for a task or map index that the run doesn't have, `WrongState` for a selection
    /// that says nothing or contradicts itself, `NothingSelected` if nothing of it failed.
    pub fn parts(
        &self,
        plan: &Plan,
        of: impl Fn(TaskIndex) -> Selectable,
    ) -> Result<Vec<(TaskIndex, Part)>, Rejection> {
        self.check(&of)?;
        let selected: Vec<bool> = self
            .tasks_of(plan)
            .into_iter()
            .zip(plan.tasks())
            .map(|(selected, task)| selected && (!self.only_failed || of(task).failed > 0))
            .collect();
        let reopened = if plan.teardowns.is_empty() {
            vec![false; selected.len()]
        } else {
            plan.teardowns
                .reopened(plan, &selected, |task| of(task).has_begun)
        };
        let mut parts = Vec::new();
        // Whether it is cleared, or something upstream of it is; and whether that is some instances.
        let mut runs_again = vec![false; plan.steps.len()];
        let mut in_part = vec![false; plan.steps.len()];
        for task in &plan.by_rank {
            let (at, facts) = (task.0 as usize, of(*task));
            if facts.instances == 0 {
                continue;
            }
            let step = &plan.steps[at];
            let (mut after_another, mut after_instances) = (false, false);
            for up in &step.upstreams {
                if in_part[up.0 as usize] && step.follows(*up) {
                    after_instances = true;
                } else {
                    after_another |= runs_again[up.0 as usize];
                }
            }
            let is_cleared = selected[at] || reopened[at];
            runs_again[at] = after_another || after_instances || is_cleared;
            let indexes = self
                .indexes
                .as_ref()
                .filter(|_| after_instances || self.tasks.first() == Some(task));
            let is_in_part = facts.is_expanded
                && !reopened[at]
                && !after_another
                && (indexes.is_some() || self.only_failed);
            in_part[at] = is_in_part && runs_again[at];
            if !is_cleared {
                continue;
            }
            let part = if is_in_part {
                Part::Instances {
                    indexes: indexes.cloned(),
                    only_failed: self.only_failed,
                }
            } else {
                Part::Whole
            };
            parts.push((*task, part));
        }
        if parts.is_empty() {
            return Err(Rejection::NothingSelected);
        }
        Ok(parts)
    }

    fn check(&self, of: &impl Fn(TaskIndex) -> Selectable) -> Result<(), Rejection> {
        if self.tasks.iter().any(|task| of(*task).instances == 0) {
            return Err(Rejection::Unknown);
        }
        if self.tasks.is_empty() && !self.only_failed {
            return Err(Rejection::WrongState);
        }
        let Some(indexes) = &self.indexes else {
            return Ok(());
        };
        match self.tasks.as_slice() {
            [task] if indexes.end() > of(*task).instances => Err(Rejection::Unknown),
            [_task] if !self.upstream => Ok(()),
            _ => Err(Rejection::WrongState),
        }
    }

    fn tasks_of(&self, plan: &Plan) -> Vec<bool> {
        let mut selected = vec![self.tasks.is_empty(); plan.steps.len()];
        let mut select = |tasks: &[TaskIndex]| {
            for task in tasks {
                selected[task.0 as usize] = true;
            }
        };
        select(&self.tasks);
        if self.upstream {
            select(&plan.with_upstreams(&self.tasks));
        }
        if self.downstream {
            select(&plan.with_downstreams(&self.tasks));
        }
        selected
    }
}
