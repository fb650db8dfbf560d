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

/// A DAG, so that there is something to build.
const RUNTIME_DAG: &str = "from weft import dag, task\n\n\n@task\ndef nothing() -> None: ...\n\n\n@dag\ndef empty() -> None:\n    nothing()\n\n\nempty()\n";

/// Options of `cargo xtask native`.
#[derive(Args)]
pub(crate) struct NativeArgs {
    /// Recipes to build (default: all)
    names: Vec<String>,
    /// Build into another folder, and fail where a wheel is not the committed one
    #[arg(long)]
    check: bool,
    /// Make what all components in Python begin with, instead of packages
    #[arg(long, conflicts_with_all = ["names", "check"])]
    runtime: bool,
}

/// Builds the packages that are named, or all.
pub(crate) fn run(workspace: &Workspace, args: &NativeArgs) -> Result<()> {
    let folder = workspace.root().join(FOLDER);
    let wheels = folder.join("wheels");
    if args.runtime {
        return runtime(workspace, &wheels.join("runtime"));
    }
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
    build_wfctl(workspace)?;
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

/// Has `wfctl build` start Python without what it finds in the folder, and packs it into there.
fn runtime(workspace: &Workspace, out: &Path) -> Result<()> {
    build_wfctl(workspace)?;
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    let cache = workspace.target().join("native-runtime");
    if cache.exists() {
        fs::remove_dir_all(&cache)?;
    }
    let project = cache.join("project");
    fs::create_dir_all(&project)?;
    fs::write(project.join("dags.py"), RUNTIME_DAG)?;
    program::run(
        Command::new(workspace.target().join("debug/wfctl"))
            .current_dir(&project)
            .env("WEFT_CACHE_DIR", &cache)
            .args(["build", "dags.py"]),
    )?;
    let made = fs::read_dir(cache.join("python/runtimes"))?.next();
    let made = made.context("wfctl build cached no runtime")??;
    program::run(
        Command::new(tools::NATIVE_BUILDER.get(workspace)?)
            .current_dir(workspace.root().join(FOLDER))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(["-m", "builder.runtime", "--component"])
            .arg(made.path())
            .arg("--out")
            .arg(out),
    )
}

fn build_wfctl(workspace: &Workspace) -> Result<()> {
    let wfctl = ["build", "--locked", "--workspace", "--bin", "wfctl"];
    program::run(program::cargo().current_dir(workspace.root()).args(wfctl))
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
