//! A DAG for people.

use crate::{local_time::Zone, table};
use std::{collections::BTreeSet, fmt::Write as _};
use weft_api::{DagDetail, DagTask, DeadlineOf, Suspect, text};

/// What it is, its parameters, and its tasks with what they wait for.
pub(super) fn text(detail: &DagDetail, zone: &Zone) -> String {
    let dag = &detail.dag;
    let mut pairs = vec![("dag", dag.id.clone())];
    let mut push =
        |name: &'static str, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
    push("description", dag.description.clone());
    push(
        "tags",
        Some(dag.tags.join(", ")).filter(|tags| !tags.is_empty()),
    );
    push(
        "owners",
        Some(dag.owners.join(", ")).filter(|owners| !owners.is_empty()),
    );
    push("state", Some(table::dag_state(dag).to_owned()));
    push("version", dag.version.map(|version| version.to_string()));
    push("digest", dag.digest.clone());
    let schedule = dag.schedule.as_ref().map(|schedule| match &dag.timezone {
        Some(timezone) => format!("{schedule} ({timezone})"),
        None => schedule.clone(),
    });
    push("schedule", schedule);
    push("next run", dag.next_run.map(|at| zone.shown(at)));
    let catchup = |is: bool| if is { "yes" } else { "no" }.to_owned();
    push("catchup", detail.catchup.map(catchup));
    push(
        "max active runs",
        detail.max_active_runs.map(|most| most.to_string()),
    );
    push(
        "max active tasks",
        detail.max_active_tasks.map(|most| most.to_string()),
    );
    push("concurrency key", detail.concurrency_key.clone());
    push(
        "max active runs per key",
        detail.max_active_runs_per_key.map(|most| most.to_string()),
    );
    let rate = detail.rate_limit.as_ref();
    push(
        "rate limit",
        rate.map(|rate| format!("{} runs in {}", rate.runs, rate.per)),
    );
    push("deadline", detail.deadline.as_ref().map(after_due));
    let read = detail.tasks.iter().flat_map(|task| &task.variables);
    let read: BTreeSet<&str> = read.map(String::as_str).collect();
    push(
        "variables",
        Some(Vec::from_iter(read).join(", ")).filter(|read| !read.is_empty()),
    );
    push("first deployed", Some(zone.shown(dag.created)));
    let mut text = table::fields(&pairs);
    if !detail.params.is_empty() {
        text.push_str("\nparameters\n");
        for param in &detail.params {
            let default = match (&param.default, param.required) {
                (_, true) => "must be given".to_owned(),
                (Some(value), false) => format!("= {value}"),
                (None, false) => String::new(),
            };
            let description = param.description.as_deref().unwrap_or_default();
            let line = format!("  {} {default}  {description}", param.name);
            line_of(&mut text, &line);
        }
    }
    text.push_str("\ntasks\n");
    for task in &detail.tasks {
        let upstream: Vec<&str> = detail
            .edges
            .iter()
            .filter(|edge| edge.to == task.id)
            .map(|edge| edge.from.as_str())
            .collect();
        line_of(
            &mut text,
            &format!("  {}{}", task.id, facts(task, &upstream)),
        );
    }
    if !detail.suspects.is_empty() {
        text.push_str("\nworkers died of\n");
        for suspect in &detail.suspects {
            line_of(&mut text, &format!("  {}", deaths(suspect, zone)));
        }
    }
    text
}

/// A task that workers died of, in one line.
fn deaths(suspect: &Suspect, zone: &Zone) -> String {
    let state = if suspect.quarantined {
        "in quarantine; deploy another version, or 'wfctl dags unquarantine'"
    } else {
        "suspected"
    };
    let deaths: Vec<String> = suspect
        .deaths
        .iter()
        .map(|death| format!("{} {}", death.worker, zone.shown(death.at)))
        .collect();
    let digest = suspect.digest.get(..12).unwrap_or(&suspect.digest);
    format!(
        "{} of {digest} ({state}): {}",
        suspect.task,
        deaths.join(", ")
    )
}

fn line_of(text: &mut String, line: &str) {
    const MAX_CHARS: usize = 400;
    writeln!(text, "{}", text::line(line.trim_end(), MAX_CHARS))
        .expect("a String takes every text");
}

/// A deadline, in words.
fn after_due(deadline: &DeadlineOf) -> String {
    let then = if deadline.stops { ", stopped then" } else { "" };
    format!("{} after the run was due{then}", deadline.after)
}

/// What differs from the usual.
fn facts(task: &DagTask, upstream: &[&str]) -> String {
    let mut facts = Vec::new();
    if !upstream.is_empty() {
        facts.push(format!("after {}", upstream.join(", ")));
    }
    if let Some(teardown) = &task.teardown {
        facts.push(match teardown.setups.as_slice() {
            [] => "teardown".to_owned(),
            setups => format!("teardown of {}", setups.join(", ")),
        });
        if teardown.fails_run {
            facts.push("fails the run".to_owned());
        }
    } else if task.trigger_rule != "all_success" {
        facts.push(task.trigger_rule.clone());
    }
    facts.extend(
        task.conditions
            .iter()
            .map(|condition| condition.replace('_', " ")),
    );
    let deadline = task.deadline.as_ref();
    facts.extend(deadline.map(|deadline| format!("to end {}", after_due(deadline))));
    if task.mapped {
        facts.push("mapped".to_owned());
    }
    if task.branch {
        facts.push("branch".to_owned());
    }
    if task.retries > 0 {
        facts.push(text::counted(task.retries as usize, "retry").replace("retrys", "retries"));
    }
    if task.queue != "default" {
        facts.push(format!("queue {}", task.queue));
    }
    facts.extend(task.pool.as_ref().map(|pool| format!("pool {pool}")));
    facts.extend(task.file.as_ref().map(|file| format!("runs {file}")));
    if facts.is_empty() {
        String::new()
    } else {
        format!("  ({})", facts.join("; "))
    }
}
