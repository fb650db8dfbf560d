//! What Python DAGs are built with: the Python that is installed, and
//! componentize-py in an environment of its own in the cache folder.

use super::{Said, cache, said};
use crate::error::{Code, Problem};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The version that components are made with: it decides which Python they hold (3.14).
pub(crate) const COMPONENTIZE_PY: &str = "0.25.1";
/// The oldest Python that the SDK and componentize-py run on.
const OLDEST: (u32, u32) = (3, 10);
/// The line that gets Python.
const GET_PYTHON: &str = if cfg!(target_os = "macos") {
    "brew install python"
} else {
    "apt-get install python3 python3-venv"
};
/// componentize-py is a library with one function.
const RUN: &str = "import sys; from componentize_py import script; sys.exit(script())";

/// An environment with componentize-py in it.
#[derive(Debug)]
pub(super) struct Tools {
    /// The environment's Python.
    python: PathBuf,
}

impl Tools {
    /// The environment, made if it isn't there yet.
    pub(super) fn find() -> Result<Self, Problem> {
        match Self::installed() {
            Some(tools) => Ok(tools),
            None => Self::install(),
        }
    }

    /// The environment, if it is there.
    pub(super) fn installed() -> Option<Self> {
        let python = python_of(&folder().ok()?);
        python.exists().then_some(Self { python })
    }

    /// Makes it beside its final name and renames it, so that one of that name is whole.
    fn install() -> Result<Self, Problem> {
        python()?;
        let folder = folder()?;
        let base = folder.parent().expect("it stands in the cache folder");
        fs::create_dir_all(base).map_err(|error| Problem::io("write", base, &error))?;
        let draft = tempfile::Builder::new()
            .prefix("draft-")
            .tempdir_in(base)
            .map_err(|error| Problem::io("write", base, &error))?;
        anstream::eprintln!("getting componentize-py {COMPONENTIZE_PY}, once");
        let environment = draft.path().join("environment");
        let made = said(
            Command::new(interpreter()?)
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        fails(&made, "python3 can't make an environment", || {
            format!("install Python: {GET_PYTHON}")
        })?;
        let got = said(pip(&python_of(&environment)).args([
            "install",
            "--only-binary=:all:",
            &format!("componentize-py=={COMPONENTIZE_PY}"),
        ]))?;
        fails(
            &got,
            &format!("can't get componentize-py {COMPONENTIZE_PY}"),
            || "pip needs the network, or a mirror: see pip's PIP_INDEX_URL".to_owned(),
        )?;
        match fs::rename(&environment, &folder) {
            Ok(()) => {}
            // Another build was faster.
            Err(_) if python_of(&folder).exists() => {}
            Err(error) => return Err(Problem::io("write", &folder, &error)),
        }
        Ok(Self {
            python: python_of(&folder),
        })
    }

    /// componentize-py, to be given its arguments.
    pub(super) fn componentize(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-I", "-c", RUN]);
        command
    }

    /// pip, to be given its arguments.
    pub(super) fn pip(&self) -> Command {
        pip(&self.python)
    }
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.args([
        "-I",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
    ]);
    pip
}

/// Passes on what a tool said where it failed.
fn fails(said: &Said, what: &str, help: impl FnOnce() -> String) -> Result<(), Problem> {
    if said.success {
        return Ok(());
    }
    anstream::eprintln!("{}{}", said.stdout, said.stderr.trim_end());
    Err(Problem::new(Code::BuildFailed, what).help(help()))
}

/// Named for what is in it.
fn folder() -> Result<PathBuf, Problem> {
    Ok(cache()?.join(format!("componentize-py-{COMPONENTIZE_PY}")))
}

fn python_of(environment: &Path) -> PathBuf {
    if cfg!(windows) {
        environment.join("Scripts").join("python.exe")
    } else {
        environment.join("bin").join("python")
    }
}

/// The installed Python's version, if it can be used.
pub(super) fn python() -> Result<String, Problem> {
    interpreter().and_then(version)
}

/// The program: `python3`, or `python` where that is its only name.
fn interpreter() -> Result<&'static str, Problem> {
    let mut worst = None;
    for name in ["python3", "python"] {
        match version(name) {
            Ok(_) => return Ok(name),
            Err(problem) => worst = worst.or(Some(problem)),
        }
    }
    Err(worst.expect("there are names to try"))
}

fn version(name: &'static str) -> Result<String, Problem> {
    let (major, minor) = OLDEST;
    let missing = |why: String| {
        Problem::new(Code::Missing, why).help(format!("install Python: {GET_PYTHON}"))
    };
    let output = Command::new(name)
        .arg("--version")
        .output()
        .map_err(|_absent| missing("Python is not installed".to_owned()))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let numbers: Vec<u32> = said
        .trim_start_matches("Python ")
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    match numbers[..] {
        [found, second, ..] if (found, second) >= OLDEST => Ok(said),
        _ => Err(missing(format!(
            "{name} is {said:?}; Weft needs Python {major}.{minor} or newer"
        ))),
    }
}
