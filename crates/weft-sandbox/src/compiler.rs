//! The other half of compiling in a subprocess: what the hidden subcommand of `wfctl` runs.

use std::{ffi::OsString, process::ExitCode};

/// Reads WebAssembly on standard input, writes compiled code to standard output.
/// `args` are those after the subcommand's own name. Holds itself to the limits
/// that `args` name before it reads a byte.
pub fn main(_args: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::FAILURE
}
