//! The DAG document, `weft.dag/1`: its types, its parser and its validation.
//!
//! One schema (`wit/dag.schema.json`) and one parser serve what a component's
//! `describe` returns (JSON, many DAGs) and a hand-written `dag.toml` (one
//! DAG). Both are read into one tree, the tree into the types of [`Dag`], and
//! every problem that can be found is reported with its position, not only the
//! first. Cost is linear in the text, and bounded before anything is built.
//!
//! This module reads no file: the caller finds `component` and `program` files.

mod assets;
mod binding;
pub(crate) mod collect;
mod concurrency;
mod dag;
mod deadline;
mod edges;
pub(crate) mod fields;
mod foreign;
mod graph;
mod groups;
mod lines;
mod locate;
mod memory;
mod names;
mod node_memory;
mod params;
pub(crate) mod path;
mod priority;
mod problem;
#[cfg(test)]
mod published;
mod read_code;
mod read_dag;
mod read_schedule;
mod read_task;
mod schedule;
mod schema_check;
mod schema_fit;
mod source;
mod template;
pub(crate) mod tree;

pub use dag::{
    Binding, Code, Dag, Deadline, Elements, MAX_RETRIES, MAX_RETRY_BACKOFF, MAX_RETRY_DELAY,
    OutputFormat, Param, Program, Task, TaskIndex,
};
pub use foreign::TaskTypes;
pub use problem::{DocumentError, MAX_PROBLEMS, Position, Problem, ProblemCode};
pub use read_schedule::MAX_SCHEDULES;
pub(crate) use schedule::zone;
pub use schedule::{MIN_INTERVAL, Schedule};
pub use schema_check::{schema_misfit, schema_problem};
pub use source::{
    CONTRACT, Format, MAX_DAGS, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_READ_BYTES, MAX_TASKS,
    MAX_VALUES, Source,
};

use collect::Problems;

/// A whole document: one or more DAGs, all valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// In the author's order.
    pub dags: Vec<Dag>,
}

/// Reads and validates a document.
///
/// ```
/// use weft_core::document::{Format, Source, TaskIndex, parse};
///
/// let text = r#"
/// [dag]
/// id = "report"
/// schedule = "0 6 * * *"
/// [tasks.fetch]
/// program = "fetch.wasm"
/// [tasks.store]
/// program = "store.wasm"
/// after = ["fetch"]
/// "#;
/// let document = parse(Source { name: "dag.toml", text, format: Format::Toml }).unwrap();
/// assert_eq!(document.dags[0].tasks[1].upstreams, [TaskIndex(0)]);
///
/// let text = text.replace("after = [\"fetch\"]", "after = [\"fetsh\"]");
/// let error = parse(Source { name: "dag.toml", text: &text, format: Format::Toml }).unwrap_err();
/// let position = error.problems[0].position.unwrap();
/// assert_eq!(position.line, 9);
/// ```
///
/// # Errors
/// Every problem that can be found, up to [`MAX_PROBLEMS`].
pub fn parse(source: Source<'_>) -> Result<Document, DocumentError> {
    let problems = Problems::default();
    if let Some(tree) = read_tree(source, &problems) {
        let document = read_dag::read_document(&tree, source.format, &problems);
        if problems.memory.is_exceeded() {
            tree::too_large(&problems);
        }
        if problems.is_empty() {
            return Ok(document);
        }
    }
    Err(problems.into_error(source))
}

/// The text as a tree, if it isn't too long and can be read to its end.
pub(crate) fn read_tree<'a>(source: Source<'a>, problems: &Problems) -> Option<tree::Node<'a>> {
    let bytes = source.text.len();
    if bytes > MAX_DOCUMENT_BYTES {
        let message =
            format!("the document has {bytes} bytes; at most {MAX_DOCUMENT_BYTES} are allowed");
        problems.add_at(None, ProblemCode::TooLarge, message, None);
        return None;
    }
    tree::read(source, problems)
}
