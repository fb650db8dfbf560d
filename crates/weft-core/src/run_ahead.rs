//! Which instances may run ahead of a commit: on a worker that has an attempt already, before it is
//! committed that they may begin.
//!
//! What ran ahead is void if the attempt's own outcome is refused, and no one may have seen it then. So
//! an instance runs ahead only if nothing of it leaves the sandbox and it reads nothing from
//! outside ([`is_sealed`]). Artifacts are stored by digest, and only the outcome names them. It is one of these:
//!
//! - The next task of a chain ([`next_in_chain`]), on the output of the one before. Each task has one
//!   upstream and is its only downstream, so that no other task waits for that outcome meanwhile.
//! - Another ready instance of the attempt's run, after it: so that many short ones share a dispatch and
//!   a report.

use crate::{
    document::{Dag, Task, TaskIndex},
    plan::Plan,
    policy::Granted,
    trigger_rule::TriggerRule,
};

/// The most instances that may run ahead with one attempt.
pub const MAX_TASKS: usize = 64;

/// The task that may run ahead on a success of `task`, if what both are granted allows it
/// ([`is_sealed`]).
pub fn next_in_chain(dag: &Dag, plan: &Plan, task: TaskIndex) -> Option<TaskIndex> {
    let &[next] = plan.downstreams(task) else {
        return None;
    };
    let (before, after) = (&dag.tasks[task.as_usize()], &dag.tasks[next.as_usize()]);
    let may_follow = after.upstreams == [task]
        && after.trigger_rule == TriggerRule::AllSuccess
        && !after.precondition.is_any()
        && is_single(before)
        && is_single(after)
        && (&before.queue, &before.pool, before.pool_slots)
            == (&after.queue, &after.pool, after.pool_slots);
    may_follow.then_some(next)
}

/// Whether a task is one instance, and no teardown.
fn is_single(task: &Task) -> bool {
    task.expand.is_empty() && task.mapped_group.is_none() && task.teardown.is_none()
}

/// Whether an attempt with these grants reaches nothing outside its sandbox.
pub const fn is_sealed(granted: &Granted) -> bool {
    let Granted {
        http,
        variables,
        connections,
        // Addresses that its requests may go to, and it may make none.
        private: _,
    } = granted;
    http.is_empty() && variables.is_empty() && connections.is_empty()
}
