//! How a WASI program is started, and how its exit code is read.

use crate::ArtifactRef;
use weft_core::{document::OutputFormat, inputs::Invocation};

/// How a program is started, and how its exit code is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramEntry {
    /// Everything after the program's name, which the host puts in front.
    pub args: Vec<String>,
    /// Environment variables; nothing of the host's own environment is visible.
    pub env: Vec<(String, String)>,
    /// What standard input holds.
    pub stdin: Vec<u8>,
    /// How standard output becomes the output.
    pub output: OutputFormat,
    /// Exit codes that fail the task for good.
    pub fail_on_exit: Vec<u8>,
    /// Exit codes that skip the task.
    pub skip_on_exit: Vec<u8>,
    /// Artifacts that the program finds as files under `/in`, by file name.
    pub files_in: Vec<(String, ArtifactRef)>,
}

impl From<Invocation> for ProgramEntry {
    fn from(invocation: Invocation) -> Self {
        Self {
            args: invocation.args,
            env: invocation.env,
            stdin: invocation.stdin,
            output: invocation.output,
            fail_on_exit: invocation.fail_on_exit,
            skip_on_exit: invocation.skip_on_exit,
            files_in: invocation.files_in,
        }
    }
}
