//! The page of native Python packages, made of the list that lies beside their wheels and of what
//! was measured of each.

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

/// What was measured of a component with one package imported.
#[derive(Deserialize, Default)]
struct Measured {
    component_bytes: Option<u32>,
    compile_ms: Option<u32>,
    start_ms: Option<f64>,
    tests_passed: Option<u32>,
    tests_run: Option<u32>,
}

/// Writes the page, or compares it.
pub(super) fn page(workspace: &Workspace, update: bool) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let list: List = read(&folder.join("wheels/index.json"))?;
    let measured: BTreeMap<String, Measured> = read(&folder.join("measured.json"))?;
    compare(workspace, PAGE, &text(&list, &measured)?, update)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

fn text(list: &List, measured: &BTreeMap<String, Measured>) -> Result<String> {
    let mut page = format!(
        "# Native Python packages\n\n\
         These packages have libraries in C, C++ or Rust, and Weft has them for the sandbox. Name them in\n\
         `requirements.txt` or `pyproject.toml` as any other; [the guide](../guides/python.md#packages) says more.\n\
         Their platform's tag is `{}`. `cargo xtask docs --update` writes this page.\n\n\
         The wheel is what is downloaded, the size what it has unpacked. Component, compile time and start are those of a\n\
         component that imports it and what it needs: compiled once for each digest, and the median of a fresh instance with a call.\n\
         Tests are the package's own that ran in the sandbox.\n\n\
         | package | version | licence | wheel | size | component | compile | start | own tests passed |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        list.platform
    );
    let empty = Measured::default();
    let mut notes = String::new();
    for package in &list.packages {
        let found = measured.get(&package.name).unwrap_or(&empty);
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            package.name,
            package.version,
            package.license,
            megabytes(package.bytes),
            megabytes(package.unpacked_bytes),
            found.component_bytes.map(megabytes).unwrap_or_default(),
            found
                .compile_ms
                .map(|time| format!("{:.1} s", f64::from(time) / 1000.0))
                .unwrap_or_default(),
            found
                .start_ms
                .map(|time| format!("{time:.1} ms"))
                .unwrap_or_default(),
            share(found),
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

fn share(measured: &Measured) -> String {
    match (measured.tests_passed, measured.tests_run) {
        (Some(passed), Some(run)) if run > 0 => {
            format!(
                "{:.1} % of {run}",
                100.0 * f64::from(passed) / f64::from(run)
            )
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_the_tests_that_ran() {
        let measured = Measured {
            tests_passed: Some(970),
            tests_run: Some(1000),
            ..Measured::default()
        };
        assert_eq!(share(&measured), "97.0 % of 1000");
        assert_eq!(share(&Measured::default()), "");
    }
}
