//! Work that is held: it stays ready, and no take hands it out.
//!
//! A task is held while its inputs are read, a run while its end is written, and a DAG while an
//! operator wants it. What becomes ready meanwhile is held with the rest.

use super::{FairQueue, Ready, level::TaskKey, ranges::Ranges};
use crate::{document::TaskIndex, run_id::RunId};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

/// What is held, and its ready instances.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    dags: BTreeSet<u64>,
    runs: BTreeSet<RunId>,
    tasks: BTreeSet<(RunId, TaskIndex)>,
    items: BTreeMap<(RunId, TaskIndex), HeldItem>,
}

/// Ready instances of one task.
#[derive(Debug, Clone)]
struct HeldItem {
    /// As it was pushed last.
    latest: Ready,
    indexes: Ranges,
}

impl FairQueue {
    /// Holds a task until [`Self::resume_task`] is called.
    pub fn hold_task(&mut self, run: RunId, task: TaskIndex) {
        self.held.tasks.insert((run, task));
        self.move_to_held(run, task);
    }

    /// No longer holds a task for its own sake.
    pub fn resume_task(&mut self, run: RunId, task: TaskIndex) {
        self.held.tasks.remove(&(run, task));
        self.move_back(run, task);
    }

    /// Holds all tasks of a run until [`Self::resume_run`] is called.
    pub fn hold_run(&mut self, run: RunId) {
        self.held.runs.insert(run);
        let tasks = self.tasks.range(tasks_of(run));
        let tasks: Vec<TaskIndex> = tasks.map(|((_, task), _)| *task).collect();
        for task in tasks {
            self.move_to_held(run, task);
        }
    }

    /// No longer holds a run. Its tasks that are held for their own sake stay so.
    pub fn resume_run(&mut self, run: RunId) {
        self.held.runs.remove(&run);
        let items = self.held.items.range(tasks_of(run));
        let tasks: Vec<TaskIndex> = items.map(|((_, task), _)| *task).collect();
        for task in tasks {
            self.move_back(run, task);
        }
    }

    /// Holds all tasks of a DAG until [`Self::resume_dag`] is called.
    pub fn hold_dag(&mut self, dag: u64) {
        if !self.held.dags.insert(dag) {
            return;
        }
        let of_dag = self.tasks.iter().filter(|(_, at)| at.key.dag == dag);
        let tasks: Vec<_> = of_dag.map(|(task, _)| *task).collect();
        for (run, task) in tasks {
            self.move_to_held(run, task);
        }
    }

    /// No longer holds a DAG. Its runs and tasks that are held for their own sake stay so.
    pub fn resume_dag(&mut self, dag: u64) {
        if !self.held.dags.remove(&dag) {
            return;
        }
        let of_dag = self.held.items.iter();
        let of_dag = of_dag.filter(|(_, item)| item.latest.account.dag == dag);
        let tasks: Vec<_> = of_dag.map(|(task, _)| *task).collect();
        for (run, task) in tasks {
            self.move_back(run, task);
        }
    }

    /// Whether a task is held, for its own sake or with its run.
    pub fn is_held(&self, run: RunId, task: TaskIndex) -> bool {
        self.held.runs.contains(&run) || self.held.tasks.contains(&(run, task))
    }

    pub(super) fn is_dag_held(&self, dag: u64) -> bool {
        self.held.dags.contains(&dag)
    }

    /// Whether ready instances are held, for their task's sake, with their run or with their DAG.
    pub(super) fn holds(&self, ready: &Ready) -> bool {
        self.held.dags.contains(&ready.account.dag) || self.is_held(ready.run, ready.task)
    }

    /// Whether ready instances of a task are held with their DAG.
    pub(super) fn is_held_with_dag(&self, run: RunId, task: TaskIndex) -> bool {
        let item = self.held.items.get(&(run, task));
        item.is_some_and(|item| self.held.dags.contains(&item.latest.account.dag))
    }

    fn move_to_held(&mut self, run: RunId, task: TaskIndex) {
        let Some(TaskKey { key, class, rank }) = self.tasks.get(&(run, task)).copied() else {
            return;
        };
        // The last work of a DAG takes its bound along.
        let dag_max_active = self.dags.get(&key.dag).and_then(|dag| dag.max_active);
        let Some(item) = self.take_out(run, task) else {
            return;
        };
        let latest = Ready {
            account: item.account,
            run,
            task,
            indexes: 0..0,
            priority: rank.priority.0,
            dag_max_active,
            memory_bytes: class.memory_bytes,
        };
        for range in item.indexes.iter() {
            self.held.add(Ready {
                indexes: range,
                ..latest.clone()
            });
        }
    }

    fn move_back(&mut self, run: RunId, task: TaskIndex) {
        let item = self.held.items.get(&(run, task));
        if item.is_none_or(|item| self.holds(&item.latest)) {
            return;
        }
        let Some(HeldItem { latest, indexes }) = self.held.items.remove(&(run, task)) else {
            return;
        };
        for range in indexes.iter() {
            self.push(Ready {
                indexes: range,
                ..latest.clone()
            });
        }
    }
}

impl Held {
    /// Adds ready instances of a task that is held.
    pub(super) fn add(&mut self, ready: Ready) {
        let item = self.items.entry((ready.run, ready.task));
        let item = item.or_insert_with(|| HeldItem {
            latest: ready.clone(),
            indexes: Ranges::default(),
        });
        item.indexes.add(ready.indexes.clone());
        item.latest = ready;
    }

    pub(super) fn remove_task(&mut self, run: RunId, task: TaskIndex) {
        self.items.remove(&(run, task));
    }

    pub(super) fn remove_instances(&mut self, run: RunId, task: TaskIndex, indexes: &Range<u32>) {
        if let Some(item) = self.items.get_mut(&(run, task)) {
            item.indexes.remove(indexes);
            if item.indexes.is_empty() {
                self.items.remove(&(run, task));
            }
        }
    }

    /// Removes what is ready of a run. Its tasks are no longer held for their own sake.
    pub(super) fn remove_run(&mut self, run: RunId) {
        let tasks: Vec<_> = self.tasks.range(tasks_of(run)).copied().collect();
        for task in tasks {
            self.tasks.remove(&task);
        }
        let items = self.items.range(tasks_of(run));
        let items: Vec<_> = items.map(|(key, _)| *key).collect();
        for key in items {
            self.items.remove(&key);
        }
    }
}

/// The range of all tasks of a run.
fn tasks_of(run: RunId) -> std::ops::RangeInclusive<(RunId, TaskIndex)> {
    (run, TaskIndex(0))..=(run, TaskIndex(u32::MAX))
}
