//! The command that runs an author's tests, as each language prepares it.

use std::process::Command;
use tempfile::TempDir;

/// The author's tests, ready to be run.
pub(crate) struct TestCommand {
    pub(crate) command: Command,
    /// What the command reads, for as long as it runs.
    pub(crate) stage: Option<TempDir>,
}
