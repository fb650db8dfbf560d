//! Makes one component of the Python DAGs of a folder.
//!
//! Python itself runs while the component is built: it imports the author's
//! modules, puts the DAGs together, and what is in its memory then becomes the
//! component. That is done in steps, whose results stay in the cache: what is [`linked`]
//! has the libraries of packages beside Python, which has started ([`runtime`]); in its
//! [`base`] the SDK and the packages are loaded; the author's modules come last.
//! `weft.guest.prepare` of the SDK is what runs in both, and reports in Python's own words.
//! The author's folder is only read.
//!
//! Python draws random numbers and looks at clocks while the snapshots are taken.
//! So what was made of the same sources
//! with the same tools is kept under their digest, and is the answer when they come again.

mod base;
mod embedded_sdk;
mod fingerprint;
mod foreign_lock;
mod imports;
mod installed;
mod linked;
mod lock;
mod lock_file;
mod locked;
mod native;
mod packages;
mod project;
mod refusals;
mod runtime;
mod tools;

pub(crate) use lock::lock;
pub use lock::{Lock, LockChange};
pub(crate) use project::Project;

use super::{
    build_dir,
    component_cache::{ComponentCache, MAX_COMPONENTS},
    test_command::TestCommand,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use weft_api::{
    problem::{Code, Problem},
    user_dirs,
};
use weft_sandbox::snapshot::{self, Snapshot, SnapshotError, SnapshotRequest, State};

/// What runs an author's tests.
const PYTHON: &str = "python3";
/// The folder of the cache.
const LANGUAGE: &str = "python";
/// Where the folder of a step is mounted.
const STEP_MOUNT: &str = "/0";
/// What forgets the files that were open while a snapshot was taken: of the adapter to WASI 0.2, and of
/// the C library.
const LAST_CALLS: [&str; 2] = ["reset_adapter_state", "__wasilibc_reset_preopens"];

/// What `prepare` writes.
#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    error: Option<String>,
}

/// A component, and what it answers to `describe`.
pub(super) struct Component {
    pub(super) bytes: Vec<u8>,
    pub(super) document: Option<String>,
}

/// Builds the project.
pub(super) fn build(project: &Project) -> Result<Component, Problem> {
    let sources = project.sources()?;
    let packages = packages::installed(project)?;
    if let Some(packages) = &packages {
        anstream::eprintln!("packages:\n{}", packages.lines().join("\n"));
    }
    let key = fingerprint::key(&sources, packages.as_ref());
    let cache = ComponentCache::of(LANGUAGE, "components", MAX_COMPONENTS);
    if let Some(bytes) = cache.find(&key) {
        let document = cache.find_document(&key);
        return Ok(Component { bytes, document });
    }
    let linked = linked::find_or_build(packages.as_ref())?;
    let base = base::find_or_build(&linked, &sources, packages.as_ref())?;
    let stage = build_dir::temporary(LANGUAGE)?;
    lay_out(stage.path(), &sources)?;
    let snapshot = step(&linked, Some(&base), stage.path());
    let snapshot = snapshot.map_err(|error| match reported(stage.path()) {
        Some(words) => does_not_load(&words),
        None => taken_problem(&error),
    })?;
    let bytes = snapshot::component_with(&linked, &snapshot.state)
        .map_err(|error| taken_problem(&error))?;
    cache.store_document(&key, &snapshot.document);
    cache.store(&key, &bytes);
    Ok(Component {
        bytes,
        document: Some(snapshot.document),
    })
}

/// Calls `prepare` with a folder, in an instance of what is linked.
fn step(linked: &[u8], state: Option<&State>, folder: &Path) -> Result<Snapshot, SnapshotError> {
    snapshot::take(&SnapshotRequest {
        component: linked,
        state,
        folders: &[(folder, STEP_MOUNT)],
        last_calls: &LAST_CALLS,
        cache_dir: user_dirs::cache(),
    })
}

/// The project's tests, by the Python that is active.
pub(super) fn tests(project: &Project) -> Result<TestCommand, Problem> {
    let has_pytest = Command::new(PYTHON)
        .args(["-c", "import pytest"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !has_pytest {
        return Err(Problem::new(
            Code::Missing,
            format!("{PYTHON} has no pytest, which runs tests in Python"),
        )
        .help("in a virtual environment, say: python3 -m venv .venv && . .venv/bin/activate && pip install pytest"));
    }
    let own = embedded_sdk::unpack()?.join("src");
    let paths = env::var_os("PYTHONPATH").unwrap_or_default();
    let paths = std::iter::once(own).chain(env::split_paths(&paths));
    let paths = env::join_paths(paths)
        .map_err(|error| Problem::new(Code::Usage, format!("PYTHONPATH can't be used: {error}")))?;
    let mut command = Command::new(PYTHON);
    command
        .current_dir(project.folder())
        .env("PYTHONPATH", paths)
        .args(["-m", "pytest"]);
    Ok(TestCommand {
        command,
        stage: None,
    })
}

/// The folder of everything about Python in the cache.
fn cache() -> Result<PathBuf, Problem> {
    build_dir::cache_dir(LANGUAGE)
}

/// The SDK, for modules of it that were not imported yet.
fn lay_out_sdk(folder: &Path) -> Result<(), Problem> {
    for (name, text) in embedded_sdk::SDK {
        write(&folder.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// Lays out what `prepare` makes a component of.
fn lay_out(folder: &Path, sources: &project::Sources) -> Result<(), Problem> {
    lay_out_sdk(folder)?;
    for (name, contents) in &sources.files {
        write(&folder.join("files").join(name), contents)?;
    }
    let plan = json!({ "root": sources.root, "modules": sources.modules });
    write(&folder.join("build.json"), plan.to_string().as_bytes())
}

fn write(path: &Path, contents: &[u8]) -> Result<(), Problem> {
    fs::create_dir_all(path.parent().expect("every file is in a folder"))
        .and_then(|()| fs::write(path, contents))
        .map_err(|error| Problem::io("write", path, &error))
}

/// What went wrong in a step, in Python's words.
fn reported(folder: &Path) -> Option<String> {
    let text = fs::read(folder.join("report.json")).ok()?;
    serde_json::from_slice::<Report>(&text).ok()?.error
}

fn does_not_load(words: &str) -> Problem {
    anstream::eprintln!("{words}");
    let problem = Problem::new(Code::BuildFailed, "the DAGs do not load");
    match advice(words) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// Not the author's fault, so that whatever there is should be seen.
fn taken_problem(error: &SnapshotError) -> Problem {
    if let SnapshotError::Failed { output, .. } = error {
        anstream::eprintln!("{}", output.trim_end());
    }
    Problem::new(
        Code::BuildFailed,
        format!("Python did not load the DAGs: {error}"),
    )
}

/// What to do about an error that has a usual cause.
fn advice(words: &str) -> Option<String> {
    let last = words.lines().last().unwrap_or_default();
    let missing = last
        .strip_prefix("ModuleNotFoundError: No module named '")?
        .split(['\'', '.'])
        .next()?;
    Some(match missing {
        "airflow" => "change the import: from weft import dag, task".to_owned(),
        "_ssl" | "_lzma" | "_bz2" | "_zstd" | "fcntl" | "termios" => {
            format!("the Python of the sandbox has no {missing}")
        }
        name => format!("if {name} is a package, add it to requirements.txt"),
    })
}

/// What is there to build Python with, or what is missing and the line that gets it.
pub(crate) fn doctor() -> Result<String, Problem> {
    super::environment::python()
}

/// The SDK as a package that pip installs, for tests and editors of the author.
pub fn sdk() -> Result<PathBuf, Problem> {
    embedded_sdk::unpack()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_module_is_explained() {
        let words =
            |name: &str| format!("Traceback\nModuleNotFoundError: No module named '{name}'");
        assert!(
            advice(&words("airflow.decorators"))
                .is_some_and(|help| help.contains("from weft import"))
        );
        assert!(advice(&words("yaml")).is_some_and(|help| help.contains("requirements.txt")));
        assert_eq!(advice("SyntaxError: invalid syntax"), None);
    }
}
