//! `wfctl test`: runs the author's own tests with the tool of their language, which gets
//! the path of the SDK. No component is built: tasks are functions, and are tested
//! as such; `wfctl run` runs them in the sandbox.

use crate::{
    c, go, js,
    project::{Source, source},
    python, rust,
    test_command::TestCommand,
};
use std::{ffi::OsString, path::Path};
use weft_api::problem::{Code, Problem, Problems};

/// Runs the tests of the DAG at `path`, with `more` arguments for the tool; returns
/// whether they succeed.
///
/// # Errors
/// There are no tests to run, or no tool to run them with.
pub fn run(path: &Path, more: &[OsString]) -> Result<bool, Problems> {
    let TestCommand {
        mut command,
        stage: _in_use,
    } = match source(path)? {
        Source::Crate(folder) => rust::tests(&folder)?,
        Source::Python(project) => python::tests(&project)?,
        Source::Go(project) => go::tests(&project)?,
        Source::Js(project) => js::tests(&project)?,
        Source::C(project) => return Err(none("C and C++", &c_source(&project)).into()),
        Source::Manifest(file) => return Err(none("manifests", &file.display().to_string()).into()),
    };
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.args(more).status().map_err(|error| {
        Problem::new(Code::Missing, format!("{name} can't be started: {error}"))
            .help("wfctl doctor says what is missing, and how to get it")
    })?;
    Ok(status.success())
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
