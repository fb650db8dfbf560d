//! Which tasks may run ahead: begin on the output of their upstream, on the worker that has it,
//! before that output is committed.
//!
//! If the upstream's outcome is refused, what ran ahead on it is void, and nobody may have seen it. So a
//! task runs ahead only in a chain (each task has one upstream and is its only downstream, so that no
//! other task waits for the outcome meanwhile), and only if nothing of it leaves the sandbox and it
//! reads nothing from outside. Artifacts are stored by digest, and only the outcome names them.

use crate::{
    document::{Dag, Task, TaskIndex},
    plan::Plan,
    policy::Granted,
    trigger_rule::TriggerRule,
};

/// The most tasks that may run ahead on one attempt.
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
