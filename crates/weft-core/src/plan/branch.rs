//! Tasks that a branch's choice leaves out.
//!
//! A direct downstream of a branch that isn't chosen is still followed where a
//! chosen one leads to it (Airflow's `skip_all_except`). Which leads to which
//! is found once per plan, for branch tasks only, so that a choice costs what
//! it touches. The work for that is bounded by [`PREPARED_EDGES`]; a DAG that
//! needs more of it has the rest searched when a choice is made.

use super::{Adjacency, Step, order};
use crate::document::TaskIndex;
use std::collections::{BTreeMap, BTreeSet};

/// How many edges are walked to prepare the branches of one plan: some tens of
/// milliseconds.
const PREPARED_EDGES: usize = 4_000_000;

/// For each direct downstream of a branch, the other ones it leads to; those
/// that lead to none are left out.
type Leads = BTreeMap<TaskIndex, Vec<TaskIndex>>;

/// The branch tasks of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Branches {
    /// By branch task; `None` where it wasn't prepared.
    leads: BTreeMap<TaskIndex, Option<Leads>>,
    /// By task, its upstreams that are branches.
    upstream: BTreeMap<TaskIndex, Vec<TaskIndex>>,
}

/// A choice that can't be made: the task is no branch, or a chosen task is no
/// direct downstream of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAChoice;

impl Branches {
    pub(super) fn new(steps: &[Step], downstreams: &Adjacency, ranks: &[u32]) -> Self {
        Self::prepared(steps, downstreams, ranks, PREPARED_EDGES)
    }

    fn prepared(steps: &[Step], downstreams: &Adjacency, ranks: &[u32], mut budget: usize) -> Self {
        let mut branches = Self::default();
        let mut visited = vec![0_u32; steps.len()];
        let mut stamp = 0;
        let is_branch = |task: &usize| steps[*task].branch && steps[*task].mapping.is_none();
        for branch in (0..steps.len()).filter(is_branch).map(order::index) {
            let siblings = downstreams.of(branch);
            let is_before_last = before_last(siblings, ranks);
            let mut leads = Some(Leads::new());
            for sibling in siblings {
                branches.upstream.entry(*sibling).or_default().push(branch);
                stamp += 1;
                let first_visit = |task: TaskIndex| {
                    std::mem::replace(&mut visited[task.0 as usize], stamp) != stamp
                };
                let found = led_to(
                    &[*sibling],
                    siblings,
                    downstreams,
                    &is_before_last,
                    first_visit,
                    &mut budget,
                );
                match (&mut leads, found) {
                    (Some(leads), Some(found)) if !found.is_empty() => {
                        leads.insert(*sibling, found);
                    }
                    (Some(_), Some(_)) | (None, _) => {}
                    (Some(_), None) => leads = None,
                }
            }
            branches.leads.insert(branch, leads);
        }
        branches
    }

    /// The direct downstreams that a choice leaves out, in ascending order.
    pub(crate) fn left_out(
        &self,
        branch: TaskIndex,
        chosen: &[TaskIndex],
        downstreams: &Adjacency,
        ranks: &[u32],
    ) -> Result<Vec<TaskIndex>, NotAChoice> {
        let leads = self.leads.get(&branch).ok_or(NotAChoice)?;
        let siblings = downstreams.of(branch);
        if chosen
            .iter()
            .any(|task| siblings.binary_search(task).is_err())
        {
            return Err(NotAChoice);
        }
        let mut followed: BTreeSet<TaskIndex> = chosen.iter().copied().collect();
        if let Some(leads) = leads {
            followed.extend(chosen.iter().filter_map(|task| leads.get(task)).flatten());
        } else {
            let mut unbounded = usize::MAX;
            let mut visited = vec![false; ranks.len()];
            let first_visit =
                |task: TaskIndex| !std::mem::replace(&mut visited[task.0 as usize], true);
            let is_before_last = before_last(siblings, ranks);
            let led = led_to(
                chosen,
                siblings,
                downstreams,
                is_before_last,
                first_visit,
                &mut unbounded,
            );
            followed.extend(led.expect("the budget is beyond any DAG"));
        }
        Ok(siblings
            .iter()
            .copied()
            .filter(|task| !followed.contains(task))
            .collect())
    }

    /// The branches directly upstream of a task.
    pub(crate) fn upstream_of(&self, task: TaskIndex) -> &[TaskIndex] {
        if self.upstream.is_empty() {
            return &[];
        }
        self.upstream.get(&task).map_or(&[], Vec::as_slice)
    }
}

/// Nothing behind the last sibling leads to a sibling.
fn before_last(siblings: &[TaskIndex], ranks: &[u32]) -> impl Fn(TaskIndex) -> bool {
    let last = siblings
        .iter()
        .map(|task| ranks[task.0 as usize])
        .max()
        .unwrap_or(0);
    move |task| ranks[task.0 as usize] <= last
}

/// The siblings that lie downstream of `starts`, or `None` when finding them
/// takes more edges than the budget has.
fn led_to(
    starts: &[TaskIndex],
    siblings: &[TaskIndex],
    downstreams: &Adjacency,
    is_before_last: impl Fn(TaskIndex) -> bool,
    mut first_visit: impl FnMut(TaskIndex) -> bool,
    budget: &mut usize,
) -> Option<Vec<TaskIndex>> {
    let mut found = Vec::new();
    let mut next = starts.to_vec();
    while let Some(task) = next.pop() {
        for downstream in downstreams.of(task) {
            *budget = budget.checked_sub(1)?;
            if !is_before_last(*downstream) || !first_visit(*downstream) {
                continue;
            }
            if siblings.binary_search(downstream).is_ok() {
                found.push(*downstream);
            }
            next.push(*downstream);
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{retry::RetryPolicy, trigger_rule::TriggerRule};

    /// 0 branches to 1, 2, 3 and 5; 1 leads through 4 to 3, and 3 to 5.
    fn steps() -> Vec<Step> {
        let upstreams: [&[u32]; 6] = [&[], &[0], &[0], &[0, 4], &[1], &[0, 3]];
        let step = |(task, upstreams): (usize, &[u32])| Step {
            upstreams: upstreams.iter().copied().map(TaskIndex).collect(),
            rule: TriggerRule::NoneFailed,
            retry: RetryPolicy::default(),
            mapping: None,
            branch: task == 0,
            teardown: None,
            has_precondition: false,
            stops_at_deadline: false,
        };
        upstreams.into_iter().enumerate().map(step).collect()
    }

    #[test]
    fn prepared_and_searched_branches_leave_out_the_same() {
        let steps = steps();
        let downstreams = Adjacency::reversed(&steps);
        let ranks = [0, 1, 2, 4, 3, 5];
        for budget in [usize::MAX, 3, 0] {
            let branches = Branches::prepared(&steps, &downstreams, &ranks, budget);
            assert_eq!(
                branches.leads[&TaskIndex(0)].is_some(),
                budget == usize::MAX
            );
            let left_out = |chosen: &[u32]| {
                let chosen: Vec<_> = chosen.iter().copied().map(TaskIndex).collect();
                let left = branches.left_out(TaskIndex(0), &chosen, &downstreams, &ranks);
                left.map(|tasks| tasks.into_iter().map(|task| task.0).collect::<Vec<_>>())
            };
            assert_eq!(left_out(&[]), Ok(vec![1, 2, 3, 5]));
            assert_eq!(left_out(&[1]), Ok(vec![2]));
            assert_eq!(left_out(&[2]), Ok(vec![1, 3, 5]));
            assert_eq!(left_out(&[3, 2, 3]), Ok(vec![1]));
            assert_eq!(left_out(&[2, 4]), Err(NotAChoice));
            assert_eq!(
                branches.left_out(TaskIndex(1), &[], &downstreams, &ranks),
                Err(NotAChoice)
            );
            assert_eq!(branches.upstream_of(TaskIndex(3)), [TaskIndex(0)]);
        }
    }
}
