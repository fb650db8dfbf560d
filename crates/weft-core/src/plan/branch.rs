//! What a branch's choice leaves out, prepared for branch tasks only.
//!
//! A direct downstream of a branch that isn't chosen is still followed where a
//! chosen one leads to it (Airflow's `skip_all_except`). Which leads to which
//! is found once per plan, so that a choice costs what it touches.

use super::{Adjacency, Step};
use crate::document::TaskIndex;
use std::collections::BTreeMap;

/// For each direct downstream of a branch, the other ones it leads to.
type Leads = BTreeMap<TaskIndex, Vec<TaskIndex>>;

/// The branch tasks of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Branches {
    /// By branch task; entries without a sibling they lead to are left out.
    leads: BTreeMap<TaskIndex, Leads>,
    /// By task, its upstreams that are branches.
    upstream: BTreeMap<TaskIndex, Vec<TaskIndex>>,
}

impl Branches {
    pub(super) fn new(steps: &[Step], downstreams: &Adjacency, ranks: &[u32]) -> Self {
        let mut branches = Self::default();
        let mut visited = vec![0_u32; steps.len()];
        let mut stamp = 0;
        for branch in (0..steps.len())
            .filter(|task| steps[*task].branch && steps[*task].mapping.is_none())
            .map(super::order::index)
        {
            let siblings = downstreams.of(branch);
            let last_rank = siblings
                .iter()
                .map(|task| ranks[task.0 as usize])
                .max()
                .unwrap_or(0);
            let mut leads = Leads::new();
            for sibling in siblings {
                branches.upstream.entry(*sibling).or_default().push(branch);
                stamp += 1;
                let mut found = Vec::new();
                let mut next = vec![*sibling];
                while let Some(task) = next.pop() {
                    for downstream in downstreams.of(task) {
                        // Nothing beyond the last sibling leads to a sibling.
                        if ranks[downstream.0 as usize] > last_rank
                            || visited[downstream.0 as usize] == stamp
                        {
                            continue;
                        }
                        visited[downstream.0 as usize] = stamp;
                        if siblings.binary_search(downstream).is_ok() {
                            found.push(*downstream);
                        }
                        next.push(*downstream);
                    }
                }
                if !found.is_empty() {
                    leads.insert(*sibling, found);
                }
            }
            branches.leads.insert(branch, leads);
        }
        branches
    }

    /// The direct downstreams that a choice leaves out, in ascending order;
    /// `None` where the task is no branch or the choice holds a task that is
    /// no direct downstream.
    pub(crate) fn left_out(
        &self,
        branch: TaskIndex,
        siblings: &[TaskIndex],
        chosen: &[TaskIndex],
    ) -> Option<Vec<TaskIndex>> {
        let leads = self.leads.get(&branch)?;
        let mut followed = vec![false; siblings.len()];
        for task in chosen {
            followed[siblings.binary_search(task).ok()?] = true;
            for led in leads.get(task).into_iter().flatten() {
                followed[siblings.binary_search(led).ok()?] = true;
            }
        }
        Some(
            siblings
                .iter()
                .zip(followed)
                .filter_map(|(task, followed)| (!followed).then_some(*task))
                .collect(),
        )
    }

    /// The branches directly upstream of a task.
    pub(crate) fn upstream_of(&self, task: TaskIndex) -> &[TaskIndex] {
        if self.upstream.is_empty() {
            return &[];
        }
        self.upstream.get(&task).map_or(&[], Vec::as_slice)
    }
}
