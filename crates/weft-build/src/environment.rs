//! pip, and tools that Python's package index has, each in an environment of its own in
//! the cache folder, made with the Python that is installed.

use super::build_dir::{self, run_tool};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use weft_api::problem::{Code, Problem};

/// The oldest Python that the Python SDK and the tools run on.
const OLDEST: (u32, u32) = (3, 10);
/// The line that gets Python.
const GET_PYTHON: &str = if cfg!(target_os = "macos") {
    "brew install python"
} else {
    "apt-get install python3 python3-venv"
};

/// A package at one version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// An environment with a package in it.
#[derive(Debug)]
pub(super) struct Environment {
    /// The environment's Python.
    python: PathBuf,
}

impl Environment {
    /// An environment with nothing but pip, made if it isn't there yet.
    pub(super) fn with_pip() -> Result<Self, Problem> {
        Self::find_or_make(None)
    }

    /// The environment of a package, made if it isn't there yet.
    pub(super) fn find(package: Package) -> Result<Self, Problem> {
        Self::find_or_make(Some(package))
    }

    /// The environment, if it is there.
    pub(super) fn installed(package: Package) -> Option<Self> {
        Self::there(Some(package))
    }

    fn find_or_make(package: Option<Package>) -> Result<Self, Problem> {
        match Self::there(package) {
            Some(found) => Ok(found),
            None => Self::make(package),
        }
    }

    fn there(package: Option<Package>) -> Option<Self> {
        let python = python_of(&folder(package).ok()?);
        python.exists().then_some(Self { python })
    }

    /// Makes it beside its final name and renames it, so that one of that name is whole.
    fn make(package: Option<Package>) -> Result<Self, Problem> {
        python()?;
        let folder = folder(package)?;
        let base = folder.parent().expect("it is in the cache folder");
        fs::create_dir_all(base).map_err(|error| Problem::io("write", base, &error))?;
        let draft = tempfile::Builder::new()
            .prefix("draft-")
            .tempdir_in(base)
            .map_err(|error| Problem::io("write", base, &error))?;
        if let Some(Package { name, version }) = package {
            anstream::eprintln!("getting {name} {version}, once");
        }
        let environment = draft.path().join("environment");
        let made = run_tool(
            Command::new(interpreter()?)
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        made.check("python3 can't make an environment", || {
            format!("install Python: {GET_PYTHON}")
        })?;
        if let Some(Package { name, version }) = package {
            let got = run_tool(pip(&python_of(&environment)).args([
                "install",
                "--only-binary=:all:",
                &format!("{name}=={version}"),
            ]))?;
            got.check(&format!("can't get {name} {version}"), || {
                "pip needs the network, or a mirror: see pip's PIP_INDEX_URL".to_owned()
            })?;
        }
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

    /// The environment's Python, to be given its arguments.
    pub(super) fn python(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("-I");
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

/// Named for what is in it.
fn folder(package: Option<Package>) -> Result<PathBuf, Problem> {
    let name = match package {
        Some(Package { name, version }) => format!("{name}-{version}"),
        None => "pip".to_owned(),
    };
    Ok(build_dir::cache_dir("python")?.join(name))
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
