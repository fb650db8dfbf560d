//! The DAG document, `weft.dag/1`: its types, its parser and its validation.
//!
//! One schema (`wit/dag.schema.json`) and one parser serve what a component's
//! `describe` returns (JSON, many DAGs) and a hand-written `dag.toml` (one
//! DAG). Both are read into one tree, the tree into the types of [`Dag`], and
//! every problem that can be found is reported with its place, not only the
//! first. Cost is linear in the text, and bounded before anything is built.
//!
//! This module reads no file: whoever names a `component` or `program` file
//! looks for it.

mod binding;
pub(crate) mod collect;
mod dag;
mod edges;
pub(crate) mod fields;
mod foreign;
mod graph;
mod locate;
mod memory;
mod params;
pub(crate) mod path;
mod problem;
#[cfg(test)]
mod published;
mod read_code;
mod read_dag;
mod read_task;
mod schedule;
mod schema_check;
mod schema_fit;
mod template;
pub(crate) mod tree;

pub use dag::{
    Binding, Code, Dag, MAX_RETRIES, MAX_RETRY_BACKOFF, MAX_RETRY_DELAY, OutputFormat, Param,
    Program, Task, TaskIndex,
};
pub use foreign::TaskTypes;
pub use problem::{DocumentError, MAX_PROBLEMS, Position, Problem, ProblemCode};
pub(crate) use schedule::zone;
pub use schedule::{MIN_INTERVAL, Schedule};
pub use schema_check::schema_misfit;

use collect::Problems;

/// The contract that this version reads.
pub const CONTRACT: &str = "weft.dag/1";
/// The longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 32 << 20;
/// The most DAGs in a document.
pub const MAX_DAGS: usize = 10_000;
/// The most tasks in a document, over all its DAGs.
pub const MAX_TASKS: usize = 250_000;
/// The most values (texts, numbers, tables, lists) in a document.
pub const MAX_VALUES: usize = 5_000_000;
/// The most memory that a document takes while it is read, beyond its text, as
/// it is estimated beforehand. With the longest text a document stays below
/// 320 MiB: the 256 MiB that a component has while it describes itself, which are
/// free again by then, and 64 MiB.
///
/// Measured by `tests/document_memory.rs`, text included: 242 MiB for 100,000 typed
/// tasks (21 MiB of text), which fit; 281 MiB for the worst of 28 documents.
pub const MAX_READ_BYTES: usize = 256 << 20;
/// The deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 64;

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// What `describe` returns.
    Json,
    /// What people write.
    Toml,
}

/// A document's text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// How messages call it: a file's path, or what described it.
    pub name: &'a str,
    /// All of it.
    pub text: &'a str,
    /// How it is written.
    pub format: Format,
}

/// A whole document: one or more DAGs, all valid.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// In the author's order.
    pub dags: Vec<Dag>,
}

/// Reads and validates a document.
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
