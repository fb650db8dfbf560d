//! The Python SDK's own tests, and the Python examples', without WebAssembly:
//! pytest in an environment of its own in Weft's cache folder.

use crate::{program, tools::environment, workspace::Workspace};
use anyhow::Result;
use std::{fs, process::Command};

/// The version that the tests were written for.
const PYTEST: &str = "pytest==9.2.0";

/// The native packages of an example, as this machine's Python has them.
const NATIVE: [&str; 3] = ["pandas==3.1.1", "pydantic==2.14.3", "pyarrow==26.0.1"];

/// Folders with a `pyproject.toml` that says where the tests are, and the packages that they need.
const TESTED: [(&str, &[&str]); 7] = [
    ("sdk/python", &[]),
    ("examples/quakes-python", &[]),
    ("examples/orders-pandas", &NATIVE),
    ("examples/month-end", &[]),
    ("examples/assets", &[]),
    ("examples/sensors", &[]),
    ("examples/customers", &[]),
];

/// The importer of Airflow's DAG files, and what imported projects with templates need.
const AIRFLOW: (&str, &[&str]) = ("sdk/airflow", &["jinja2==3.1.6"]);
/// The versions of an Airflow that the importer is compared with.
const AIRFLOW_REQUIREMENTS: &str = "sdk/airflow/tests/requirements-airflow.txt";

/// Runs them all.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    TESTED
        .iter()
        .try_for_each(|(folder, packages)| program::run(&mut pytest(workspace, folder, packages)?))
}

/// Runs the importer's tests, against what was recorded of Airflow.
pub(crate) fn test_airflow(workspace: &Workspace) -> Result<()> {
    let (folder, packages) = AIRFLOW;
    program::run(&mut pytest(workspace, folder, packages)?)
}

/// Installs Airflow, and compares the importer with what it parses now. The installation takes minutes.
pub(crate) fn compare_airflow(workspace: &Workspace) -> Result<()> {
    let versions = fs::read_to_string(workspace.root().join(AIRFLOW_REQUIREMENTS))?;
    let versions: Vec<&str> = versions
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let airflow = environment::named("apache-airflow", &versions)?;
    let (folder, packages) = AIRFLOW;
    let mut pytest = pytest(workspace, folder, packages)?;
    pytest
        .arg("tests/test_corpus.py")
        .env("WEFT_AIRFLOW", airflow.join("python"));
    program::run(&mut pytest)
}

/// Pytest in a folder, in an environment with these packages.
fn pytest(workspace: &Workspace, folder: &str, packages: &[&str]) -> Result<Command> {
    let python = environment::with(&[&[PYTEST], packages].concat())?.join("python");
    let mut pytest = Command::new(&python);
    pytest
        .current_dir(workspace.root().join(folder))
        .env("PYTHONPATH", workspace.root().join("sdk/python/src"))
        // Tests leave nothing behind in the source.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .args(["-m", "pytest", "--quiet", "-p", "no:cacheprovider"]);
    Ok(pytest)
}
