//! The Python SDK's own tests, and the Python examples', without WebAssembly:
//! pytest in an environment of its own in Weft's cache folder.

use crate::{program, tools::environment, workspace::Workspace};
use anyhow::Result;
use std::process::Command;

/// The version that the tests were written for.
const PYTEST: &str = "pytest==9.2.0";

/// The native packages of an example, as this machine's Python has them.
const NATIVE: [&str; 2] = ["pandas==3.1.1", "pydantic==2.14.3"];

/// Folders with a `pyproject.toml` that says where the tests are, and the packages that they need.
const TESTED: [(&str, &[&str]); 3] = [
    ("sdk/python", &[]),
    ("examples/quakes-python", &[]),
    ("examples/orders-pandas", &NATIVE),
];

/// Runs them all.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    for (folder, packages) in TESTED {
        let python = environment::with(&[&[PYTEST], packages].concat())?.join("python");
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
