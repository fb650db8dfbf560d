//! The JavaScript SDK's own tests, and the JavaScript example's, without
//! WebAssembly: tsc holds the types, then Node runs the tests.

use crate::{
    program,
    tools::compilers,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What DAGs are built with, which the tests use too.
const TOOLS: &str = "sdk/js/build/package.json";
/// Folders with tests.
const TESTED: [&str; 6] = [
    "sdk/js/tests",
    "examples/quakes-js/tests",
    "examples/month-end-js/tests",
    "examples/assets-js/tests",
    "examples/sensors-js/tests",
    "examples/customers-js/tests",
];

/// Runs them all.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let packages = packages(workspace)?;
    let sdk = workspace.root().join("sdk/js");
    let config = sdk.join("tsconfig.json");
    let mut tsc = compilers::node()?.command("node");
    tsc.arg(packages.join("typescript/bin/tsc"))
        .arg("--project")
        .arg(&config);
    program::run(&mut tsc)?;

    let made = workspace.target().join("js-tests");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    let mut bundle = compilers::node()?.command("node");
    bundle
        .arg(packages.join("esbuild/bin/esbuild"))
        .args(tests(workspace)?)
        .args([
            "--bundle",
            "--format=esm",
            "--keep-names",
            "--platform=node",
        ])
        .args(["--out-extension:.js=.mjs", "--log-level=warning"])
        .arg(format!("--tsconfig={}", config.display()))
        .arg(format!("--outdir={}", made.display()));
    program::run(&mut bundle)?;
    let mut node = compilers::node()?.command("node");
    program::run(node.arg("--test").args(below(&made, ".mjs")?))
}

/// The folder of the packages, got where it isn't there yet.
pub(crate) fn packages(workspace: &Workspace) -> Result<PathBuf> {
    let pinned = fs::read_to_string(workspace.root().join(TOOLS))?;
    let folder = cache_folder().join("tools/js");
    // Written last: if it matches, the installation is complete.
    let stamp = folder.join("installed.json");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == pinned) {
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), &pinned)?;
        let mut npm = compilers::node()?.command("npm");
        npm.current_dir(&folder)
            .args(["install", "--silent", "--ignore-scripts"])
            .args(["--no-audit", "--no-fund", "--no-package-lock"]);
        program::run(&mut npm)?;
        fs::write(&stamp, pinned)?;
    }
    Ok(folder.join("node_modules"))
}

fn tests(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for folder in TESTED {
        tests.extend(below(&workspace.root().join(folder), ".test.ts")?);
    }
    Ok(tests)
}

/// Every file below a folder whose name ends so, in order.
fn below(folder: &Path, end: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} can't be listed", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path, end)?);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
