//! The packages that DAGs need, packed into their component: whatever
//! `requirements.txt` or `pyproject.toml` names, in pure Python.
//!
//! Each list of requirements is installed once, into a folder of its own in
//! the cache. A package with native code can't run in the sandbox and is refused by name.

use super::{Project, cache, tools::Tools};
use crate::build_dir::{ToolOutput, run_tool};
use std::{
    fs,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};
use weft_sandbox::Digest;

/// The Python that components hold.
const PYTHON: &str = "3.14";

/// The folder with the project's packages, if it needs any.
pub(super) fn installed(project: &Project, tools: &Tools) -> Result<Option<PathBuf>, Problem> {
    let Some(requirements) = project.requirements()? else {
        return Ok(None);
    };
    let base = cache()?.join("packages");
    let digest = Digest::of(requirements.as_bytes()).to_string();
    let folder = base.join(digest.rsplit(':').next().unwrap_or(&digest));
    if folder.is_dir() {
        return Ok(Some(folder));
    }
    let write = |error: std::io::Error| Problem::io("write", &base, &error);
    fs::create_dir_all(&base).map_err(write)?;
    let draft = tempfile::Builder::new()
        .prefix("draft-")
        .tempdir_in(&base)
        .map_err(write)?;
    let list = draft.path().join("requirements.txt");
    let target = draft.path().join("packages");
    fs::write(&list, &requirements).map_err(write)?;
    fs::create_dir(&target).map_err(write)?;
    let mut pip = tools.pip();
    // Names of files in the list are meant from the project's folder.
    pip.current_dir(project.folder())
        .args(["install", "--quiet", "--no-compile"])
        .args(["--only-binary=:all:", "--platform", "any"])
        .args(["--implementation", "py", "--python-version", PYTHON])
        .arg("--target")
        .arg(&target)
        .arg("--requirement")
        .arg(&list);
    let done = run_tool(&mut pip)?;
    if !done.success {
        return Err(refused(&done, tools, draft.path()));
    }
    if let Some(native) = native_file(&target) {
        return Err(native_problem(&native.display().to_string()));
    }
    match fs::rename(&target, &folder) {
        Ok(()) => Ok(Some(folder)),
        // Another build was faster.
        Err(_) if folder.is_dir() => Ok(Some(folder)),
        Err(error) => Err(Problem::io("write", &folder, &error)),
    }
}

/// Why pip found no pure package: there is a native one, there is only a
/// source, or there is none at all.
fn refused(done: &ToolOutput, tools: &Tools, folder: &Path) -> Problem {
    const NONE: &str = "No matching distribution found for ";
    let named = done
        .stderr
        .lines()
        .find_map(|line| line.split_once(NONE))
        .map(|(_, rest)| rest.split_whitespace().next().unwrap_or(rest).to_owned());
    let Some(requirement) = named else {
        anstream::eprintln!("{}", done.stderr.trim_end());
        return Problem::new(Code::BuildFailed, "pip can't install the requirements");
    };
    let name: String = requirement
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        .collect();
    let download = folder.join("download");
    let any = run_tool(
        tools
            .pip()
            .args(["download", "--quiet", "--no-deps"])
            .args(["--only-binary=:all:", "--dest"])
            .arg(&download)
            .arg(&requirement),
    );
    let is_there = any.is_ok_and(|said| said.success);
    if is_there {
        return native_problem(&name);
    }
    anstream::eprintln!("{}", done.stderr.trim_end());
    Problem::new(
        Code::BuildFailed,
        format!("there is no package {name} in pure Python"),
    )
    .help(format!(
        "if it has only a source, make a wheel of it (pip wheel {name}) and name that file in requirements.txt"
    ))
}

fn native_problem(name: &str) -> Problem {
    Problem::new(
        Code::BuildFailed,
        format!("{name} holds native code, which can't run in the sandbox"),
    )
    .note("only packages in pure Python can be packed into a component")
    .help("use a package in pure Python, or call a service that the task was granted")
}

/// A native library that came in a package that claims to be pure.
fn native_file(folder: &Path) -> Option<PathBuf> {
    let mut pending = vec![folder.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path
                .extension()
                .is_some_and(|end| ["so", "pyd", "dylib"].iter().any(|native| end == *native))
            {
                return path.strip_prefix(folder).map(Path::to_owned).ok();
            }
        }
    }
    None
}
