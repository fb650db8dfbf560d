//! `priority` and `priority_rule` of a DAG: what its tasks make of them.

use super::{
    ProblemCode, Task,
    fields::{Fields, did_you_mean},
    path::quoted,
};

/// The names of the rules.
pub(crate) const PRIORITY_RULES: [&str; 2] = ["absolute", "inherited"];

/// What a DAG says of the priorities of its tasks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Priorities {
    /// Of a task that has none of its own.
    default: Option<i32>,
    /// Whether a task is at least as urgent as the tasks that wait for it.
    inherited: bool,
}

/// Reads both fields.
pub(crate) fn read_priorities(head: &Fields<'_>) -> Priorities {
    let rule = head.text("priority_rule");
    if let Some(rule) = rule.filter(|rule| !PRIORITY_RULES.contains(rule)) {
        let known = PRIORITY_RULES.join(", ");
        let help =
            did_you_mean(rule, PRIORITY_RULES).unwrap_or_else(|| format!("known are {known}"));
        let message = format!("there is no priority rule {}", quoted(rule));
        head.problem(
            "priority_rule",
            ProblemCode::InvalidValue,
            message,
            Some(help),
        );
    }
    Priorities {
        default: head.integer("priority"),
        inherited: rule == Some("inherited"),
    }
}

impl Priorities {
    /// Gives each task the priority that it runs with.
    pub(crate) fn apply(self, tasks: &mut [Task]) {
        if let Some(default) = self.default {
            for task in &mut *tasks {
                task.priority.get_or_insert(default);
            }
        }
        if self.inherited {
            inherit(tasks);
        }
    }
}

/// Raises each task to the highest priority of what is downstream of it. One that has none gets that
/// priority. Tasks of a cycle, with which the document is refused, keep theirs.
fn inherit(tasks: &mut [Task]) {
    let mut waiters = vec![0_usize; tasks.len()];
    for upstream in tasks.iter().flat_map(|task| &task.upstreams) {
        waiters[upstream.as_usize()] += 1;
    }
    let mut settled: Vec<usize> = (0..tasks.len())
        .filter(|task| waiters[*task] == 0)
        .collect();
    while let Some(task) = settled.pop() {
        let priority = tasks[task].priority;
        for upstream in tasks[task].upstreams.clone() {
            let upstream = upstream.as_usize();
            // Nothing is lower than any number.
            tasks[upstream].priority = tasks[upstream].priority.max(priority);
            waiters[upstream] -= 1;
            if waiters[upstream] == 0 {
                settled.push(upstream);
            }
        }
    }
}
