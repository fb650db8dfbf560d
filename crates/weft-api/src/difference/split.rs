//! One document of many DAGs into many of one DAG each, which is what is stored.
//!
//! The author's text is kept as it is: tasks and parameters have an order,
//! and a parsed and rewritten object would lose it.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use weft_core::document::CONTRACT;

/// Both shapes of a document, already validated by the one parser.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    dags: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    dag: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tasks: Option<&'a RawValue>,
}

/// The documents of the DAGs, in their order. The text has passed
/// `document::parse`; `None` where it is in neither of the two shapes all the same.
pub fn split(document: &str) -> Option<Vec<Arc<str>>> {
    let shape: Shape<'_> = serde_json::from_str(document).ok()?;
    match (shape.dags, shape.dag) {
        (Some(dags), None) => Some(dags.iter().map(|dag| alone(dag.get())).collect()),
        (None, Some(head)) => {
            let tasks = shape.tasks.map_or("{}", RawValue::get);
            let fields = head
                .get()
                .trim()
                .strip_prefix('{')?
                .strip_suffix('}')?
                .trim();
            let comma = if fields.is_empty() { "" } else { "," };
            Some(vec![alone(&format!(
                "{{{fields}{comma}\"tasks\":{tasks}}}"
            ))])
        }
        (Some(_), Some(_)) | (None, None) => None,
    }
}

fn alone(dag: &str) -> Arc<str> {
    format!("{{\"contract\":\"{CONTRACT}\",\"dags\":[{dag}]}}").into()
}

#[cfg(test)]
mod tests {
    use super::split;
    use weft_core::document::{Format, Source, parse};

    fn dags(text: &str) -> Vec<weft_core::document::Dag> {
        parse(Source {
            name: "test",
            text,
            format: Format::Json,
        })
        .unwrap()
        .dags
    }

    #[test]
    fn each_part_is_the_dag_that_stood_in_the_whole() {
        for whole in [
            r#"{"contract":"weft.dag/1","dags":[{"id":"b","tasks":{"z":{},"a":{"after":["z"]}}},{"id":"a","params":{"x":1},"tasks":{"t":{}}}]}"#,
            r#"{"dag":{"id":"one","schedule":"@daily"},"tasks":{"z":{},"a":{}}}"#,
            r#"{"tasks":{"t":{}}, "dag": { "id" : "one" } }"#,
        ] {
            let parts = split(whole).unwrap();
            let again: Vec<_> = parts.iter().flat_map(|part| dags(part)).collect();
            assert_eq!(again, dags(whole), "{whole}");
        }
    }
}
