//! The folders that builds use, below the cache and one for each language, so that the
//! author's own folder is only read; and running the tools of a build.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;
use weft_api::{
    problem::{Code, Problem},
    user_dirs,
};

/// The folder of a language in the cache.
pub(super) fn cache_dir(language: &str) -> Result<PathBuf, Problem> {
    user_dirs::cache()
        .map(|cache| cache.join(language))
        .ok_or_else(|| {
            Problem::new(Code::BuildFailed, "there is no home folder to build in")
                .help("name a folder with WEFT_CACHE_DIR")
        })
}

/// A folder for one build, removed when it is dropped.
pub(super) fn temporary(language: &str) -> Result<TempDir, Problem> {
    let base = cache_dir(language)?.join("building");
    fs::create_dir_all(&base)
        .and_then(|()| tempfile::Builder::new().prefix("dag-").tempdir_in(&base))
        .map_err(|error| {
            Problem::new(
                Code::BuildFailed,
                format!("can't build in {}: {error}", base.display()),
            )
            .help("free or fix it, or name another folder with WEFT_CACHE_DIR")
        })
}

/// A path that is valid in every working directory.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::io("find", path, &error))
}

/// How a tool ended, and what it printed.
pub(super) struct ToolOutput {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a tool to its end and returns its output.
pub(super) fn run_tool(command: &mut Command) -> Result<ToolOutput, Problem> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        let name = command.get_program().display();
        Problem::new(Code::Missing, format!("can't start {name}: {error}"))
            .help("wfctl doctor says how to get it")
    })?;
    Ok(ToolOutput {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl ToolOutput {
    /// Prints the output of a tool that failed, and returns a problem.
    pub(super) fn check(&self, what: &str, help: impl FnOnce() -> String) -> Result<(), Problem> {
        if self.success {
            return Ok(());
        }
        anstream::eprintln!("{}{}", self.stdout, self.stderr.trim_end());
        Err(Problem::new(Code::BuildFailed, what).help(help()))
    }
}

/// Runs a compiler, whose messages go where ours do.
pub(super) fn run_compiler(
    command: &mut Command,
    what: impl FnOnce() -> String,
) -> Result<(), Problem> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(|error| {
            let name = command.get_program().display();
            Problem::new(Code::Missing, format!("can't start {name}: {error}"))
                .help("wfctl doctor says how to get it")
        })?;
    if status.success() {
        return Ok(());
    }
    // The compiler has printed what is wrong.
    Err(Problem::new(Code::BuildFailed, what()))
}
