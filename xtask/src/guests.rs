//! `cargo xtask guests`: everything that runs in the sandbox, into `target/guests`.

mod programs;
mod wasm;

use crate::{tools::toolchain::Toolchain, workspace::Workspace};
use anyhow::{Context, Result};

/// Each folder is a cargo workspace of its own.
const FOLDERS: [&str; 4] = [
    "tests/guests",
    "xtask/bench-guests",
    "examples/quakes",
    "examples/quakes-programs",
];

/// Builds them all.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let toolchain = Toolchain::ensure()?;
    eprintln!("building guests with {}", toolchain.describe());
    for folder in FOLDERS {
        wasm::build(workspace, &toolchain, &workspace.root().join(folder))
            .with_context(|| format!("the guests in {folder}"))?;
    }
    programs::build(workspace, &toolchain).context("the programs in tests/programs")?;
    eprintln!("the guests lie in {}", workspace.guests().display());
    Ok(())
}

/// Builds one example alone.
pub(crate) fn build_example(
    workspace: &Workspace,
    toolchain: &Toolchain,
    name: &str,
) -> Result<()> {
    wasm::build(workspace, toolchain, &workspace.example(name))
        .with_context(|| format!("the example {name}"))
}
