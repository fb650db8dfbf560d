//! Tasks whose conditions on other runs are to be checked, and those that wait for the run before.
//!
//! All runs of a DAG belong to one shard, so the shard sees every change of the run that a task waits
//! for, and every run that begins and is the one before by then. Nothing is stored: after a takeover the
//! runs ask again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use weft_core::{document::TaskIndex, run_id::RunId};
use weft_store::DagKey;

/// A task of a run.
pub(crate) type Checked = (RunId, TaskIndex);

/// The checks of a shard.
#[derive(Debug, Default)]
pub(crate) struct Preconditions {
    pending: BTreeSet<Checked>,
    /// What waits for a run of its DAG to change, with the one before.
    waiting: HashMap<DagKey, BTreeMap<Checked, RunId>>,
}

impl Preconditions {
    pub(crate) fn add(&mut self, checked: Checked) {
        self.pending.insert(checked);
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Removes and returns up to `most` that are pending.
    pub(crate) fn take_pending(&mut self, most: usize) -> Vec<Checked> {
        std::iter::from_fn(|| self.pending.pop_first())
            .take(most)
            .collect()
    }

    /// Adds back what could not be checked.
    pub(crate) fn put_back(&mut self, checks: Vec<Checked>) {
        self.pending.extend(checks);
    }

    /// Records that a task of a run of this DAG waits for the run before.
    pub(crate) fn wait_for(&mut self, dag: DagKey, checked: Checked, before: RunId) {
        self.waiting.entry(dag).or_default().insert(checked, before);
    }

    /// The run before that a task waits for.
    pub(crate) fn waits_for(&self, checked: Checked) -> Option<RunId> {
        let mut dags = self.waiting.values();
        dags.find_map(|waiting| waiting.get(&checked).copied())
    }

    /// A change of a run of this DAG is committed: what waits is checked again, since another run may be
    /// the one before by now. Without a DAG, everything is.
    pub(crate) fn dag_changed(&mut self, dag: Option<DagKey>) {
        if self.waiting.is_empty() {
            return;
        }
        let changed: Vec<DagKey> = match dag {
            Some(dag) => vec![dag],
            None => self.waiting.keys().copied().collect(),
        };
        for dag in changed {
            let waiting = self.waiting.remove(&dag).into_iter().flatten();
            self.pending.extend(waiting.map(|(checked, _)| checked));
        }
    }

    /// Removes the checks of a run that leaves memory.
    pub(crate) fn forget_run(&mut self, run: RunId) {
        self.pending.retain(|(of, _)| *of != run);
        self.waiting.retain(|_, waiting| {
            waiting.retain(|(of, _), _| *of != run);
            !waiting.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: i64) -> RunId {
        RunId::from_i64(number).unwrap()
    }

    fn task(number: i64) -> Checked {
        (run(number), TaskIndex(0))
    }

    #[test]
    fn a_task_is_checked_when_it_is_new_and_when_a_run_of_its_dag_has_changed() {
        let mut checks = Preconditions::default();
        checks.add(task(2));
        assert_eq!(checks.take_pending(10), [task(2)]);
        checks.wait_for(DagKey(1), task(2), run(1));
        assert_eq!(checks.waits_for(task(2)), Some(run(1)));
        checks.dag_changed(Some(DagKey(3)));
        assert!(!checks.has_pending());
        checks.dag_changed(Some(DagKey(1)));
        assert_eq!(checks.take_pending(10), [task(2)]);
        assert_eq!(checks.waits_for(task(2)), None);
        checks.wait_for(DagKey(1), task(2), run(1));
        checks.dag_changed(None);
        assert_eq!(checks.take_pending(10), [task(2)]);
    }

    #[test]
    fn a_run_that_leaves_memory_leaves_nothing_behind() {
        let mut checks = Preconditions::default();
        checks.add(task(2));
        checks.add(task(3));
        checks.wait_for(DagKey(1), task(3), run(1));
        checks.forget_run(run(2));
        checks.forget_run(run(3));
        assert!(!checks.has_pending() && checks.waiting.is_empty());
    }
}
