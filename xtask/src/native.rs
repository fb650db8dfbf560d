//! `cargo xtask native`: native Python packages for the sandbox, from the recipes in
//! `sdk/python/native`. The builder there is a Python program, since all that it drives is
//! Python's: this gets what it needs, and runs it.

pub(crate) mod list;
pub(crate) mod measurements;

use crate::{
    program,
    tools::{self, toolchain::Toolchain},
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde::de::DeserializeOwned;
use std::{fs, path::Path, process::Command};

/// Their folder, below the root.
pub(crate) const FOLDER: &str = "sdk/python/native";

/// Options of `cargo xtask native`.
#[derive(Args)]
pub(crate) struct NativeArgs {
    /// Recipes to build (default: all)
    names: Vec<String>,
    /// Build into another folder, and fail where a wheel is not the committed one
    #[arg(long)]
    check: bool,
}

/// Builds the packages that are named, or all.
pub(crate) fn run(workspace: &Workspace, args: &NativeArgs) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let wheels = folder.join("wheels");
    if !args.check {
        return build(workspace, &args.names, &wheels);
    }
    let made = workspace.target().join("native-wheels");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    build(workspace, &args.names, &made)?;
    compare(&made, &wheels)
}

fn build(workspace: &Workspace, names: &[String], out: &Path) -> Result<()> {
    // It runs the smoke tests.
    let wfctl = ["build", "--locked", "--workspace", "--bin", "wfctl"];
    program::run(program::cargo().current_dir(workspace.root()).args(wfctl))?;
    let python = tools::NATIVE_BUILDER.get(workspace)?;
    let rust = Toolchain::debian()?;
    fs::create_dir_all(out)?;
    program::run(
        Command::new(python)
            .current_dir(workspace.root().join(FOLDER))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("WEFT_NATIVE_RUST", rust)
            .args(["-m", "builder", "--base"])
            .arg(cache_folder().join("native-python"))
            .arg("--out")
            .arg(out)
            .arg("--wfctl")
            .arg(workspace.target().join("debug/wfctl"))
            .args(names),
    )
}

/// Reads a JSON file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Holds new wheels to the committed ones.
fn compare(made: &Path, committed: &Path) -> Result<()> {
    let mut others = Vec::new();
    for entry in fs::read_dir(made)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        let is_wheel = path.extension().is_some_and(|end| end == "whl");
        if is_wheel && fs::read(&path)? != fs::read(committed.join(name)).unwrap_or_default() {
            others.push(name.to_string_lossy().into_owned());
        }
    }
    others.sort();
    if others.is_empty() {
        return Ok(());
    }
    bail!(
        "these wheels are not the committed ones: {}",
        others.join(", ")
    )
}
