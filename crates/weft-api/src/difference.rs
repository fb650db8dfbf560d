//! How two versions of a DAG differ, field by field of their documents.
//!
//! Pure: the server compares a deployed file with the active version, and a
//! client compares documents that it has read.

mod requests;
mod split;

pub use split::split;

use crate::{ChangedTask, Difference, TextChange};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use weft_core::document::{self, Dag, DocumentError, Format, Source};

/// A version to be compared: its document's text, and the same parsed.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The text of its document.
    pub document: &'a str,
    /// The same, parsed.
    pub dag: &'a Dag,
}

/// What `after` has that `before` hasn't, and the other way round. Without
/// `before` everything is new.
pub fn between(before: Option<Side<'_>>, after: Side<'_>, code_changed: bool) -> Difference {
    let Some(before) = before else {
        return Difference {
            code_changed,
            tasks_added: after
                .dag
                .tasks
                .iter()
                .map(|task| task.id.to_string())
                .collect(),
            schedule: text_change(None, schedule(after.dag)),
            requests_gained: requests::of(after.dag).into_iter().collect(),
            ..Difference::default()
        };
    };
    let (old, new) = (fields(before.document), fields(after.document));
    let (old_tasks, new_tasks) = (tasks(&old), tasks(&new));
    let (had, has) = (task_ids(before.dag), task_ids(after.dag));
    let in_order = |dag: &Dag, other: &BTreeSet<&str>| -> Vec<String> {
        let ids = dag.tasks.iter().map(|task| task.id.as_str());
        ids.filter(|id| !other.contains(id))
            .map(str::to_owned)
            .collect()
    };
    let (old_requests, new_requests) = (requests::of(before.dag), requests::of(after.dag));
    Difference {
        code_changed,
        tasks_added: in_order(after.dag, &had),
        tasks_removed: in_order(before.dag, &has),
        tasks_changed: changed_tasks(&had, after.dag, &old_tasks, &new_tasks),
        schedule: text_change(schedule(before.dag), schedule(after.dag)),
        fields_changed: differing(&old, &new)
            .into_iter()
            .filter(|field| !matches!(field.as_str(), "tasks" | "schedule" | "timezone"))
            .collect(),
        requests_gained: new_requests.difference(&old_requests).cloned().collect(),
        requests_lost: old_requests.difference(&new_requests).cloned().collect(),
    }
}

fn task_ids(dag: &Dag) -> BTreeSet<&str> {
    dag.tasks.iter().map(|task| task.id.as_str()).collect()
}

/// The tasks of `after` that `had` contains and whose fields differ, in the document's order.
fn changed_tasks(
    had: &BTreeSet<&str>,
    after: &Dag,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
) -> Vec<ChangedTask> {
    let fields_of = |tasks: &Map<String, Value>, id: &str| {
        let fields = tasks.get(id).and_then(Value::as_object);
        fields.cloned().unwrap_or_default()
    };
    let ids = after.tasks.iter().map(|task| task.id.as_str());
    ids.filter(|id| had.contains(id))
        .map(|id| ChangedTask {
            task: id.to_owned(),
            fields: differing(&fields_of(old, id), &fields_of(new, id)),
        })
        .filter(|changed| !changed.fields.is_empty())
        .collect()
}

/// How two documents of one DAG each differ, for a client that has both.
///
/// # Errors
/// One of them is no document of a DAG.
pub fn between_documents(
    before: &str,
    after: &str,
    code_changed: bool,
) -> Result<Difference, DocumentError> {
    let dag = |name: &'static str, text: &str| {
        let source = Source {
            name,
            text,
            format: Format::Json,
        };
        document::parse(source).map(|document| document.dags.into_iter().next())
    };
    let (old, new) = (
        dag("the document before", before)?,
        dag("the document after", after)?,
    );
    let Some(new) = &new else {
        return Ok(Difference::default());
    };
    let side = |document, dag| Side { document, dag };
    Ok(between(
        old.as_ref().map(|old| side(before, old)),
        side(after, new),
        code_changed,
    ))
}

/// The schedule with its zone: either changes when runs are made.
fn schedule(dag: &Dag) -> Option<String> {
    let schedule = dag.schedule.as_ref()?;
    Some(match &dag.timezone {
        None => schedule.to_string(),
        Some(zone) => format!("{schedule} ({zone})"),
    })
}

fn text_change(before: Option<String>, after: Option<String>) -> Option<TextChange> {
    (before != after).then_some(TextChange { before, after })
}

/// The fields of the one DAG of a stored document.
fn fields(document: &str) -> Map<String, Value> {
    let mut value: Value = serde_json::from_str(document).unwrap_or_default();
    match value.pointer_mut("/dags/0").map(Value::take) {
        Some(Value::Object(fields)) => fields,
        Some(_) | None => Map::new(),
    }
}

fn tasks(fields: &Map<String, Value>) -> Map<String, Value> {
    fields
        .get("tasks")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// The names of the fields that differ, in alphabetical order.
fn differing(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_core::document::{Format, Source, parse};

    fn dag(text: &str) -> Dag {
        parse(Source {
            name: "test",
            text,
            format: Format::Json,
        })
        .unwrap()
        .dags
        .remove(0)
    }

    fn document(dag: &str) -> String {
        format!(r#"{{"contract":"weft.dag/1","dags":[{dag}]}}"#)
    }

    #[test]
    fn says_what_changed_and_nothing_else() {
        let old = document(
            r#"{"id":"d","schedule":"@daily","tasks":{"a":{"grants":{"http":["a.example.org"]}},"b":{"after":["a"]},"gone":{}}}"#,
        );
        let new = document(
            r#"{"id":"d","schedule":"@hourly","description":"new","tasks":{"a":{"grants":{"http":["b.example.org"]}},"b":{"after":["a"]},"fresh":{"queue":"ssd"}}}"#,
        );
        let (old_dag, new_dag) = (dag(&old), dag(&new));
        let side = |document, dag| Side { document, dag };
        let found = between(Some(side(&old, &old_dag)), side(&new, &new_dag), true);
        assert!(found.code_changed);
        assert_eq!(found.tasks_added, ["fresh"]);
        assert_eq!(found.tasks_removed, ["gone"]);
        assert_eq!(
            found.tasks_changed,
            [ChangedTask {
                task: "a".into(),
                fields: vec!["grants".into()]
            }]
        );
        assert_eq!(found.fields_changed, ["description"]);
        let schedule = found.schedule.unwrap();
        assert_eq!(
            (schedule.before.as_deref(), schedule.after.as_deref()),
            (Some("0 0 * * *"), Some("0 * * * *"))
        );
        let lines = |requests: &[crate::TaskRequest]| {
            requests
                .iter()
                .map(|r| format!("{} {}", r.task, r.what))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            lines(&found.requests_gained),
            ["a b.example.org", "fresh ssd"]
        );
        assert_eq!(lines(&found.requests_lost), ["a a.example.org"]);
        assert_eq!(
            between(Some(side(&new, &new_dag)), side(&new, &new_dag), false),
            Difference::default()
        );
    }
}
