//! The page of native Python packages, made of the list beside their wheels.

use super::compare;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::{fmt::Write as _, fs, path::Path};

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

/// Writes the page, or compares it.
pub(super) fn page(workspace: &Workspace, update: bool) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let list: List = read(&folder.join("wheels/index.json"))?;
    compare(workspace, PAGE, &text(&list)?, update)
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
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
