//! `wfctl test`: runs the author's own tests with the tool of their language, told
//! where the SDK lies. No component is built: tasks are functions, and are tested
//! as such; `wfctl run` runs them in the sandbox.

use super::{Source, c, go, js, python, rust, source};
use std::{ffi::OsString, path::PathBuf, process::Command};
use tempfile::TempDir;
use weft_api::problem::{Code, Exit, Problem, Problems};

/// Run the tests that stand beside a DAG, with the tool of its language
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl test
  wfctl test quakes -- strongest

What runs is 'cargo test', 'python -m pytest', 'node --test' or 'go test ./...', in
the folder, with what stands behind '--'. Exit code 1: a test failed.")]
pub(crate) struct TestArgs {
    /// The folder of the DAG, or one of its files
    #[arg(default_value = ".", value_name = "PATH")]
    path: PathBuf,
    /// For the tool
    #[arg(last = true, value_name = "ARGUMENT")]
    more: Vec<OsString>,
}

/// The author's tests, ready to be run.
pub(super) struct OwnTests {
    pub(super) command: Command,
    /// What the command reads, for as long as it runs.
    pub(super) stage: Option<TempDir>,
}

/// Runs them, and answers with their verdict.
pub(crate) fn run(args: &TestArgs) -> Result<Exit, Problems> {
    let OwnTests {
        mut command,
        stage: _in_use,
    } = match source(&args.path)? {
        Source::Crate(folder) => rust::tests(&folder)?,
        Source::Python(project) => python::tests(&project)?,
        Source::Go(project) => go::tests(&project)?,
        Source::Js(project) => js::tests(&project)?,
        Source::C(project) => return Err(none("C and C++", &c_source(&project)).into()),
        Source::Manifest(file) => return Err(none("manifests", &file.display().to_string()).into()),
    };
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.args(&args.more).status().map_err(|error| {
        Problem::new(Code::Missing, format!("{name} can't be started: {error}"))
            .help("wfctl doctor says what is missing, and how to get it")
    })?;
    Ok(if status.success() {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn c_source(project: &c::Project) -> String {
    project.folder().display().to_string()
}

/// What has no tool for tests of its own.
fn none(what: &str, path: &str) -> Problem {
    Problem::new(
        Code::Usage,
        format!("{path}: there is no tool that all tests of {what} are run with"),
    )
    .help("run a task alone: wfctl run --task NAME --input INPUT=VALUE; or everything that is wrong: wfctl check")
}
