//! What tasks ask for, as lines that people compare, and whether the policy allows it.

use crate::{
    api::{ProblemDetail, RequestKind, TaskRequest},
    problem::{Problem, ProblemCode, convert},
};
use std::collections::BTreeSet;
use weft_core::{
    document::{Dag, Task},
    limit::Unit,
    policy::{DEFAULT_QUEUE, Policy},
};

/// Everything that the tasks of a DAG ask for beyond what every task has.
pub(crate) fn of(dag: &Dag) -> BTreeSet<TaskRequest> {
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
        .chain(queue)
        .chain(limits)
        .collect()
}

fn limits(task: &Task) -> Vec<String> {
    let asked = &task.limits;
    let span = |span: Option<weft_core::time::DurationMs>| span.map(|span| span.0);
    [
        ("memory", Unit::Bytes, asked.memory_bytes),
        ("cpu", Unit::Millis, span(asked.cpu)),
        ("timeout", Unit::Millis, span(task.timeout)),
        ("scratch", Unit::Bytes, asked.scratch_bytes),
        ("output", Unit::Bytes, asked.output_bytes),
        ("log", Unit::Bytes, asked.log_bytes),
        ("artifact", Unit::Bytes, asked.artifact_bytes),
    ]
    .into_iter()
    .filter_map(|(name, unit, amount)| {
        amount.map(|amount| format!("{name} = {}", unit.show(amount)))
    })
    .collect()
}

/// Refuses the file as a whole where one task asks for more than the policy
/// allows, with every refusal and its remedy.
pub(crate) fn check<'d>(
    policy: &Policy,
    dags: impl Iterator<Item = &'d Dag>,
) -> Result<(), Problem> {
    let mut refusals: Vec<ProblemDetail> = Vec::new();
    for dag in dags {
        for task in &dag.tasks {
            if let Err(refused) = policy.evaluate(&task.request()) {
                refusals.extend(refused.iter().map(|refusal| {
                    convert::refusal_detail(dag.id.as_str(), task.id.as_str(), refusal)
                }));
            }
        }
    }
    if refusals.is_empty() {
        return Ok(());
    }
    let detail = match refusals.len() {
        1 => "the policy refuses one request".to_owned(),
        count => format!("the policy refuses {count} requests"),
    };
    Err(Problem::new(ProblemCode::RefusedByPolicy, detail).details(refusals))
}
