//! Where builds happen: folders of the cache, one for each language, so that
//! the author's own folder is only read. And how their tools are run.

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

/// The folder of everything about a language in the cache.
pub(super) fn cache(language: &str) -> Result<PathBuf, Problem> {
    user_dirs::cache()
        .map(|cache| cache.join(language))
        .ok_or_else(|| {
            Problem::new(Code::BuildFailed, "there is no home folder to build in")
                .help("name a folder with WEFT_CACHE_DIR")
        })
}

/// A folder for one build, gone with it.
pub(super) fn stage(language: &str) -> Result<TempDir, Problem> {
    let base = cache(language)?.join("building");
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

/// A path that holds wherever a tool runs.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path).map_err(|error| Problem::io("find", path, &error))
}

/// How a program ended.
pub(super) struct Said {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs a program to its end and keeps what it said.
pub(super) fn said(command: &mut Command) -> Result<Said, Problem> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        let name = command.get_program().display();
        Problem::new(Code::Missing, format!("can't start {name}: {error}"))
            .help("wfctl doctor says how to get it")
    })?;
    Ok(Said {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

impl Said {
    /// Passes on what a tool said where it failed.
    pub(super) fn fails(&self, what: &str, help: impl FnOnce() -> String) -> Result<(), Problem> {
        if self.success {
            return Ok(());
        }
        anstream::eprintln!("{}{}", self.stdout, self.stderr.trim_end());
        Err(Problem::new(Code::BuildFailed, what).help(help()))
    }
}

/// Runs a compiler, whose messages go where ours do.
pub(super) fn compiled(
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
    // What is wrong stands above, in the compiler's own words.
    Err(Problem::new(Code::BuildFailed, what()))
}
