//! DAGs and their versions.

use std::collections::BTreeMap;
use weft_api as api;
use weft_core::{
    document::{self, Code, Deadline, Task},
    policy::DEFAULT_QUEUE,
    precondition::Precondition,
    suspicion::{Blamed, Crash, ENOUGH},
};
use weft_store_sql::{DagRow, VersionRow};

/// A DAG as lists show it; `active` is its active version's document.
pub(crate) fn dag(row: &DagRow, active: Option<&document::Dag>) -> api::Dag {
    api::Dag {
        id: row.id.to_string(),
        description: active.and_then(|dag| dag.description.clone()),
        tags: active.map_or_else(Vec::new, |dag| dag.tags.clone()),
        owners: active.map_or_else(Vec::new, |dag| dag.owners.clone()),
        paused: row.paused,
        held: row.held,
        version: row.active.as_ref().map(|version| version.number),
        digest: row
            .active
            .as_ref()
            .map(|version| version.digest.to_string()),
        schedule: active
            .and_then(|dag| dag.schedule.as_ref())
            .map(ToString::to_string),
        timezone: active.and_then(|dag| dag.timezone.clone()),
        next_run: row.next_run.map(api::Time),
        created: row.created.into(),
        updated: row.updated.into(),
        recent: None,
    }
}

/// A DAG with what its active version says.
pub(crate) fn detail(
    row: &DagRow,
    active: Option<&document::Dag>,
    crashes: &[(Blamed, Crash)],
) -> api::DagDetail {
    api::DagDetail {
        dag: dag(row, active),
        params: active.map_or_else(Vec::new, |dag| dag.params.iter().map(param).collect()),
        tasks: active.map_or_else(Vec::new, |dag| {
            dag.tasks.iter().map(|of| task(dag, of)).collect()
        }),
        edges: active.map_or_else(Vec::new, edges),
        max_active_runs: active.and_then(|dag| dag.max_active_runs),
        max_active_tasks: active.and_then(|dag| dag.max_active_tasks),
        concurrency_key: active.and_then(|dag| dag.concurrency.key.clone()),
        max_active_runs_per_key: active.and_then(|dag| dag.concurrency.max_per_key()),
        rate_limit: active
            .and_then(|dag| dag.concurrency.rate_limit)
            .map(|limit| api::RateLimit {
                runs: limit.runs,
                per: limit.per.to_string(),
            }),
        catchup: active.and_then(|dag| dag.catchup),
        deadline: active.and_then(|dag| dag.deadline.map(deadline)),
        suspects: suspects(crashes),
    }
}

/// The tasks that are blamed, with the deaths that count against each, by time.
fn suspects(crashes: &[(Blamed, Crash)]) -> Vec<api::Suspect> {
    let mut by_task: BTreeMap<&Blamed, Vec<api::Death>> = BTreeMap::new();
    for (blamed, crash) in crashes {
        by_task.entry(blamed).or_default().push(api::Death {
            worker: crash.worker.to_string(),
            at: crash.at.into(),
            run: crash.run.to_string(),
            map_index: crash.instance.index,
            attempt: crash.number,
        });
    }
    by_task
        .into_iter()
        .map(|(blamed, deaths)| api::Suspect {
            task: blamed.task.to_string(),
            digest: blamed.digest.to_string(),
            quarantined: deaths.len() >= ENOUGH as usize,
            deaths,
        })
        .collect()
}

/// A version as lists show it.
pub(crate) fn version(row: &VersionRow) -> api::Version {
    api::Version {
        number: row.number,
        digest: row.digest.to_string(),
        active: row.active,
        created: row.created.into(),
        created_by: row.created_by.clone(),
    }
}

fn param(param: &document::Param) -> api::ParamDetail {
    api::ParamDetail {
        name: param.name.clone(),
        description: param.description.clone(),
        schema: param.schema.clone(),
        default: param.default.clone(),
        required: param.default.is_none(),
    }
}

fn name(dag: &document::Dag, task: document::TaskIndex) -> String {
    dag.tasks[task.as_usize()].id.to_string()
}

fn task(dag: &document::Dag, task: &Task) -> api::DagTask {
    api::DagTask {
        id: task.id.to_string(),
        description: task.description.clone(),
        file: match &task.code {
            Code::Own { task: _ } => None,
            Code::Component { file, task: _ } => Some(file.clone()),
            Code::Program(program) => Some(program.file.clone()),
        },
        trigger_rule: task.rule_name().to_owned(),
        teardown: task.teardown.as_ref().map(|teardown| api::TeardownOf {
            setups: teardown
                .setups
                .iter()
                .map(|setup| name(dag, *setup))
                .collect(),
            fails_run: teardown.fails_run,
        }),
        conditions: conditions(task.precondition),
        deadline: task.deadline.map(deadline),
        mapped: !task.expand.is_empty(),
        mapped_group: task
            .mapped_group
            .and_then(|group| dag.mapped_groups.get(group as usize).cloned()),
        variables: task.grants.variables.clone(),
        branch: task.branch,
        retries: task.retries.unwrap_or(0),
        queue: task
            .queue
            .clone()
            .unwrap_or_else(|| DEFAULT_QUEUE.to_owned()),
        pool: task.pool.clone(),
    }
}

fn conditions(of: Precondition) -> Vec<String> {
    let all = [
        (of.depends_on_past, "depends_on_past"),
        (of.wait_for_downstream, "wait_for_downstream"),
        (of.latest_only, "latest_only"),
    ];
    let set = all.into_iter().filter(|(is_set, _)| *is_set);
    set.map(|(_, name)| name.to_owned()).collect()
}

fn deadline(of: Deadline) -> api::DeadlineOf {
    api::DeadlineOf {
        after: of.after.to_string(),
        stops: of.stops,
    }
}

fn edges(dag: &document::Dag) -> Vec<api::Edge> {
    dag.tasks
        .iter()
        .flat_map(|task| {
            task.upstreams.iter().map(|up| api::Edge {
                from: name(dag, *up),
                to: task.id.to_string(),
            })
        })
        .collect()
}
