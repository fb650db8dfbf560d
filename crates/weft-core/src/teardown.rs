//! Teardowns: tasks that undo what other tasks, their setups, have made, whatever happened in between.
//!
//! The rule is that of Airflow's `all_done_setup_success`. Which tasks run again when a task between a
//! setup and its teardown does, is found by `Teardowns::reopened`.

use crate::{
    document::TaskIndex,
    plan::Plan,
    trigger_rule::{Tally, Verdict},
};

/// How many setups that lie within one another are followed outwards from a cleared task.
pub const MAX_NESTED_SETUPS: usize = 8;

/// What makes a task a teardown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Teardown {
    /// The tasks whose work it undoes, which are upstream of it too, in ascending order.
    pub setups: Vec<TaskIndex>,
    /// Whether the run fails with it. Otherwise how it ends changes nothing.
    pub fails_run: bool,
}

impl Teardown {
    /// The name of its rule, which is Airflow's.
    pub const RULE: &str = "all_done_setup_success";

    /// Whether it runs: once everything upstream ended, if one of its setups succeeded, or it has none.
    ///
    /// `setups` counts the instances of its setups.
    pub const fn verdict(upstreams: &Tally, setups: &Tally) -> Verdict {
        if upstreams.pending > 0 {
            return Verdict::Wait;
        }
        let failed = setups.failed + setups.upstream_failed;
        if setups.success > 0 || failed + setups.skipped == 0 {
            Verdict::Run
        } else if failed == 0 {
            Verdict::Skip
        } else {
            Verdict::UpstreamFailed
        }
    }
}

/// The teardowns of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Teardowns {
    /// In topological order.
    tasks: Vec<TaskIndex>,
}

impl Teardowns {
    pub(crate) fn new(tasks: Vec<TaskIndex>) -> Self {
        Self { tasks }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Which other tasks run again when these do, since what they need was torn down: each teardown
    /// downstream of one of them that has begun, its setups upstream of one of them, and what is between
    /// those setups and them. Of these, teardowns alone need nothing.
    ///
    /// O(edges) for each level of setups within setups.
    pub(crate) fn reopened(
        &self,
        plan: &Plan,
        cleared: &[bool],
        has_begun: impl Fn(TaskIndex) -> bool,
    ) -> Vec<bool> {
        let mut again = cleared.to_vec();
        let mut left: Vec<TaskIndex> = self.tasks.clone();
        left.retain(|teardown| has_begun(*teardown));
        for _ in 0..MAX_NESTED_SETUPS {
            // A teardown that runs again alone needs nothing to be set up.
            let mut work = again.clone();
            for teardown in &self.tasks {
                work[teardown.as_usize()] = false;
            }
            let upstream = plan.flag_upstreams(&work);
            let downstream = plan.flag_downstreams(&work);
            let mut setups = vec![false; again.len()];
            let before = left.len();
            left.retain(|teardown| {
                let of = plan.step(*teardown).teardown.as_ref();
                let of = of.map_or(&[] as &[TaskIndex], |teardown| &teardown.setups);
                let is_within = downstream[teardown.as_usize()]
                    && (of.is_empty() || of.iter().any(|setup| upstream[setup.as_usize()]));
                if is_within {
                    again[teardown.as_usize()] = true;
                    for setup in of {
                        setups[setup.as_usize()] = upstream[setup.as_usize()];
                    }
                }
                !is_within
            });
            if left.len() == before {
                break;
            }
            let after_setup = plan.flag_downstreams(&setups);
            for (task, again) in again.iter_mut().enumerate() {
                *again |= upstream[task] && after_setup[task];
            }
        }
        for (again, cleared) in again.iter_mut().zip(cleared) {
            *again &= !cleared;
        }
        again
    }
}
