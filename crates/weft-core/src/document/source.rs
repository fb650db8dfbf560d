//! The text of a document, and the limits on what is read.

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
/// estimated beforehand. With the longest text a document stays below 320 MiB:
/// the 256 MiB of the component that described itself, which are free again by
/// then, and 64 MiB.
///
/// Measured by `tests/document_memory.rs`, text included: 242 MiB for 100,000 typed
/// tasks (21 MiB of text), which fit; 281 MiB for the worst of 28 documents.
pub const MAX_READ_BYTES: usize = 256 << 20;
/// The deepest nesting of tables and lists.
pub const MAX_DEPTH: usize = 64;

/// The syntax of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As `describe` returns it.
    Json,
    /// As people write it.
    Toml,
}

/// A document's text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name in messages: a file's path, or the component that described it.
    pub name: &'a str,
    /// The whole text.
    pub text: &'a str,
    /// Its syntax.
    pub format: Format,
}
