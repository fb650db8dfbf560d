//! The Python SDK's own tests, and the Python examples', without WebAssembly:
//! pytest in an environment of its own in Weft's cache folder.

use crate::{
    program, tools,
    workspace::{Workspace, cache_folder},
};
use anyhow::Result;
use std::{path::PathBuf, process::Command};

/// The version that the tests were written for.
const PYTEST: &str = "9.2.0";

/// Folders with a `pyproject.toml` that says where the tests are.
const TESTED: [&str; 2] = ["sdk/python", "examples/quakes-python"];

/// Runs them all.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let python = environment()?;
    for folder in TESTED {
        let mut pytest = Command::new(&python);
        pytest
            .current_dir(workspace.root().join(folder))
            .env("PYTHONPATH", workspace.root().join("sdk/python/src"))
            // Tests leave nothing behind in the source.
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
        program::run(&mut pytest)?;
    }
    Ok(())
}

/// The Python of an environment with pytest in it, made where it isn't there.
fn environment() -> Result<PathBuf> {
    let folder = cache_folder().join(format!("tools/pytest-{PYTEST}"));
    let python = folder.join("bin/python");
    if !program::works(&python, &["-m", "pytest", "--version"]) {
        program::run(
            Command::new(tools::python()?)
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )?;
        program::run(Command::new(&python).args([
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            &format!("pytest=={PYTEST}"),
        ]))?;
    }
    Ok(python)
}
