//! What a new version of a DAG breaks for those that use the old one.

use std::collections::BTreeSet;
use weft_core::document::{Dag, Param, Task};

/// Everything that may fail once `after` takes the place of `before`, a sentence each.
pub(super) fn breaking(before: &Dag, after: &Dag) -> Vec<String> {
    let mut found = params(before, after);
    found.extend(last_tasks(before, after));
    found.extend(outputs(before, after));
    found
}

/// Parameters that triggers, webhooks, calls and schedules give, or leave out.
fn params(before: &Dag, after: &Dag) -> Vec<String> {
    let param = |dag: &'static str, name: &str| format!("the parameter {name} {dag}");
    let mut found = Vec::new();
    for old in &before.params {
        let Some(new) = find(after, &old.name) else {
            found.push(param("is gone: a run that gives it is refused", &old.name));
            continue;
        };
        if old.default.is_some() && new.default.is_none() {
            let why = "has no default any more: a run that leaves it out is refused";
            found.push(param(why, &old.name));
        }
        if old.schema != new.schema {
            let why = "has another type: values that fitted may be refused";
            found.push(param(why, &old.name));
        }
    }
    for new in &after.params {
        if new.default.is_none() && find(before, &new.name).is_none() {
            let why = "is new and has no default: a run that leaves it out is refused";
            found.push(param(why, &new.name));
        }
    }
    found
}

fn find<'d>(dag: &'d Dag, name: &str) -> Option<&'d Param> {
    dag.params.iter().find(|param| param.name == name)
}

/// The tasks whose outputs a run returns to a task that called it.
fn last_tasks(before: &Dag, after: &Dag) -> Vec<String> {
    let (old, new) = (returned(before), returned(after));
    let gone = old.difference(&new);
    gone.map(|task| {
        format!("the output of {task} is not returned any more to tasks that call the DAG")
    })
    .collect()
}

fn returned(dag: &Dag) -> BTreeSet<&str> {
    let waited_for: BTreeSet<usize> = dag
        .tasks
        .iter()
        .flat_map(|task| task.upstreams.iter().map(|upstream| upstream.as_usize()))
        .collect();
    let tasks = dag.tasks.iter().enumerate();
    tasks
        .filter(|(index, task)| !waited_for.contains(index) && task.expand.is_empty())
        .map(|(_, task)| task.id.as_str())
        .collect()
}

/// Types of outputs, which other programs may read by the API.
fn outputs(before: &Dag, after: &Dag) -> Vec<String> {
    let old = |task: &Task| {
        let mut tasks = before.tasks.iter();
        tasks.find(|old| old.id == task.id).cloned()
    };
    let tasks = after.tasks.iter();
    tasks
        .filter(|task| {
            old(task).is_some_and(|old| {
                old.output_schema.is_some() && old.output_schema != task.output_schema
            })
        })
        .map(|task| format!("the output of {} has another type", task.id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use weft_core::document::{Format, Source, parse};

    fn dag(document: &Value) -> Dag {
        let text = json!({ "contract": "weft.dag/1", "dags": [document] }).to_string();
        let source = Source {
            name: "test",
            text: &text,
            format: Format::Json,
        };
        parse(source).expect("it is valid").dags.remove(0)
    }

    #[test]
    fn what_breaks_is_said_with_its_consequence() {
        let before = dag(&json!({
            "id": "d",
            "params": {
                "gone": 1, "kept": 1, "needed": 1, "typed": { "schema": { "type": "integer" }, "default": 1 },
            },
            "tasks": { "a": {}, "b": { "after": ["a"] }, "c": {} },
        }));
        let after = dag(&json!({
            "id": "d",
            "params": {
                "kept": 2, "needed": { "schema": { "type": "integer" } },
                "typed": { "schema": { "type": "string" }, "default": "x" }, "new": { "schema": {} }, "more": 1,
            },
            "tasks": { "a": {}, "b": { "after": ["a"] }, "c": {}, "d": { "after": ["c"] } },
        }));
        let found = breaking(&before, &after);
        for expected in [
            "the parameter gone is gone",
            "the parameter needed has no default any more",
            "the parameter typed has another type",
            "the parameter new is new and has no default",
            "the output of c is not returned any more",
        ] {
            let has = found.iter().any(|found| found.starts_with(expected));
            assert!(has, "{expected}: {found:?}");
        }
        assert!(
            !found
                .iter()
                .any(|found| found.contains("parameter kept") || found.contains("parameter more"))
        );
        assert_eq!(breaking(&before, &before), [] as [String; 0]);
    }
}
