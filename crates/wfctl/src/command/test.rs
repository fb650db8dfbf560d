//! `wfctl test`: runs the tests that the author of a DAG wrote.

use std::{ffi::OsString, path::PathBuf};
use weft_api::problem::{Exit, Problems};

/// Run the tests of a DAG with the tool of its language
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl test
  wfctl test quakes -- strongest

Runs 'cargo test', 'python -m pytest', 'node --test' or 'go test ./...', in
the folder, with the arguments after '--'. Exit code 1: a test failed.")]
pub(crate) struct TestArgs {
    /// The folder of the DAG, or one of its files
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// Arguments for the tool
    #[arg(last = true, value_name = "ARGUMENT")]
    more: Vec<OsString>,
}

/// Runs them; the exit code says whether they succeeded.
pub(crate) fn run(args: &TestArgs) -> Result<Exit, Problems> {
    Ok(if weft_build::own_tests::run(&args.path, &args.more)? {
        Exit::Success
    } else {
        Exit::Failed
    })
}
