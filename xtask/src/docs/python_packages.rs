//! The page of native Python packages, made of the list beside their wheels.

use super::compare;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

const PAGE: &str = "docs/reference/python-packages.md";
const FOLDER: &str = "sdk/python/native";
const MB: f64 = 1e6;

#[derive(Deserialize)]
struct List {
    platform: String,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: String,
    bytes: u32,
    unpacked_bytes: u32,
    #[serde(default)]
    note: String,
}

/// What became of a package's own tests in the sandbox: counts of files and tests.
#[derive(Deserialize)]
struct OwnTests {
    version: String,
    files: u32,
    not_run: u32,
    passed: u32,
    failed: u32,
    /// They need what no task has, such as processes or `ctypes`.
    absent: u32,
    /// The package's own tests skip them here.
    skipped: u32,
}

/// Writes the page, or compares it.
pub(super) fn page(workspace: &Workspace, update: bool) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let list: List = read(&folder.join("wheels/index.json"))?;
    let own: BTreeMap<String, OwnTests> = read(&folder.join("own-tests/results.json"))?;
    let page = text(&list)? + &own_tests(&own)?;
    compare(workspace, PAGE, &page, update)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The section about the packages' own tests.
fn own_tests(own: &BTreeMap<String, OwnTests>) -> Result<String> {
    let mut page = "\n## Their own tests\n\n\
         The tests of these packages' source archives were run in the sandbox, by `sdk/python/native/own-tests/run.py`; its folder has the\n\
         reason of each failure. Tests that need what no task has (processes, threads, `ctypes`) are counted apart, as are those that the\n\
         package skips here.\n\n\
         | package | version | files | files not run | passed | failed | share | need more | skipped |\n\
         |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, tests) in own {
        let ran = f64::from(tests.passed + tests.failed).max(1.0);
        writeln!(
            page,
            "| {name} | {} | {} | {} | {} | {} | {:.2} % | {} | {} |",
            tests.version,
            tests.files,
            tests.not_run,
            tests.passed,
            tests.failed,
            f64::from(tests.passed) / ran * 100.0,
            tests.absent,
            tests.skipped,
        )?;
    }
    Ok(page)
}

fn text(list: &List) -> Result<String> {
    let mut page = format!(
        "# Native Python packages\n\n\
         These packages have libraries in C, C++ or Rust, and Weft has them for the sandbox. Name them in\n\
         `requirements.txt` or `pyproject.toml` as any other; [the guide](../guides/python.md#packages) says more.\n\
         Their platform's tag is `{}`. `cargo xtask docs --update` writes this page.\n\n\
         The wheel is what is downloaded, the size what it has unpacked.\n\n\
         | package | version | licence | wheel | size |\n\
         |---|---|---|---|---|\n",
        list.platform
    );
    let mut notes = String::new();
    for package in &list.packages {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            package.name,
            package.version,
            package.license,
            megabytes(package.bytes),
            megabytes(package.unpacked_bytes),
        )?;
        if !package.note.is_empty() {
            writeln!(notes, "- **{}**: {}.", package.name, package.note)?;
        }
    }
    if !notes.is_empty() {
        write!(page, "\n## What does not work\n\n{notes}")?;
    }
    Ok(page)
}

fn megabytes(bytes: u32) -> String {
    format!("{:.1} MB", f64::from(bytes) / MB)
}
