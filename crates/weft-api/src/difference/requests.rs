//! Requests of tasks beyond what every task has, as lines that people compare.

use crate::{RequestKind, TaskRequest};
use std::collections::BTreeSet;
use weft_core::{
    document::{Dag, Task},
    limit::Unit,
    policy::DEFAULT_QUEUE,
};

/// The requests of all tasks of a DAG.
pub(super) fn of(dag: &Dag) -> BTreeSet<TaskRequest> {
    dag.tasks.iter().flat_map(of_task).collect()
}

fn of_task(task: &Task) -> Vec<TaskRequest> {
    let line = |kind, what: String| TaskRequest {
        task: task.id.to_string(),
        kind,
        what,
    };
    let grants = &task.grants;
    let http = grants
        .http
        .iter()
        .map(|grant| line(RequestKind::Http, grant.to_string()));
    let variables = grants
        .variables
        .iter()
        .map(|name| line(RequestKind::Variable, name.clone()));
    let connections = grants
        .connections
        .iter()
        .map(|name| line(RequestKind::Connection, name.clone()));
    let dags = grants
        .dags
        .iter()
        .map(|name| line(RequestKind::Dag, name.clone()));
    let queue = task
        .queue
        .iter()
        .filter(|queue| *queue != DEFAULT_QUEUE)
        .map(|name| line(RequestKind::Queue, name.clone()));
    let limits = limits(task)
        .into_iter()
        .map(|limit| line(RequestKind::Limit, limit));
    http.chain(variables)
        .chain(connections)
        .chain(dags)
        .chain(queue)
        .chain(limits)
        .collect()
}

fn limits(task: &Task) -> Vec<String> {
    let limits = &task.limits;
    let span = |span: Option<weft_core::time::DurationMs>| span.map(|span| span.0);
    [
        ("memory", Unit::Bytes, limits.memory_bytes),
        ("cpu", Unit::Millis, span(limits.cpu)),
        ("timeout", Unit::Millis, span(task.timeout)),
        ("scratch", Unit::Bytes, limits.scratch_bytes),
        ("output", Unit::Bytes, limits.output_bytes),
        ("log", Unit::Bytes, limits.log_bytes),
        ("artifact", Unit::Bytes, limits.artifact_bytes),
    ]
    .into_iter()
    .filter_map(|(name, unit, amount)| {
        amount.map(|amount| format!("{name} = {}", unit.show(amount)))
    })
    .collect()
}
