//! Edges from upstream to downstream, and one topological order.
//!
//! The order is a function of the tasks alone, so that every process derives
//! the same one from the same document.

use super::{PlanError, Step};
use crate::document::TaskIndex;

/// The direct downstreams of all tasks in two flat arrays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Adjacency {
    starts: Vec<u32>,
    targets: Vec<TaskIndex>,
}

impl Adjacency {
    /// The upstreams of the steps turned around.
    pub(super) fn reversed(steps: &[Step]) -> Self {
        let mut starts = vec![0_u32; steps.len() + 1];
        for upstream in steps.iter().flat_map(|step| &step.upstreams) {
            starts[upstream.0 as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut free = starts.clone();
        let mut targets = vec![TaskIndex(0); starts[steps.len()] as usize];
        for (task, step) in steps.iter().enumerate() {
            for upstream in &step.upstreams {
                let slot = &mut free[upstream.0 as usize];
                targets[*slot as usize] = index(task);
                *slot += 1;
            }
        }
        Self { starts, targets }
    }

    pub(crate) fn of(&self, task: TaskIndex) -> &[TaskIndex] {
        let at = task.0 as usize;
        &self.targets[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    /// Where the downstreams of a task begin and end in the flat array, so that
    /// a loop over them need not borrow the plan.
    pub(crate) fn span(&self, task: TaskIndex) -> std::ops::Range<usize> {
        let at = task.0 as usize;
        self.starts[at] as usize..self.starts[at + 1] as usize
    }

    pub(crate) fn target(&self, at: usize) -> TaskIndex {
        self.targets[at]
    }
}

/// All tasks, each after its upstreams (Kahn's algorithm).
pub(super) fn topological(
    steps: &[Step],
    downstreams: &Adjacency,
) -> Result<Vec<TaskIndex>, PlanError> {
    let mut missing: Vec<usize> = steps.iter().map(|step| step.upstreams.len()).collect();
    let mut order: Vec<TaskIndex> = Vec::with_capacity(steps.len());
    order.extend(
        (0..steps.len())
            .filter(|task| missing[*task] == 0)
            .map(index),
    );
    let mut at = 0;
    while at < order.len() {
        for downstream in downstreams.of(order[at]) {
            let missing = &mut missing[downstream.0 as usize];
            *missing -= 1;
            if *missing == 0 {
                order.push(*downstream);
            }
        }
        at += 1;
    }
    match missing.iter().position(|missing| *missing > 0) {
        Some(task) => Err(PlanError::Cycle(index(task))),
        None => Ok(order),
    }
}

/// A position as an index.
pub(super) fn index(position: usize) -> TaskIndex {
    TaskIndex(u32::try_from(position).expect("a DAG has fewer than 2^32 tasks"))
}
