//! `cargo xtask setup`: installs what is missing, and names what it can't install.

use crate::{
    program,
    tools::{self, toolchain::Toolchain},
    workspace::Workspace,
};
use anyhow::{Result, bail};

/// Checks every requirement, and prints what is there.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    linker()?;
    let toolchain = Toolchain::ensure()?;
    eprintln!("guests: {}", toolchain.describe());
    eprintln!("licences and layers: {}", tools::cargo_deny()?.display());
    eprintln!("independent results: {}", tools::python()?);
    eprintln!("databases: {}", tools::postgres()?.display());
    eprintln!("queues: {}", tools::redis()?);
    eprintln!("the web UI's browser: {}", tools::chromium()?);
    tools::small_programs()?;
    for (what, tool) in [
        ("the fuzzer of the API", tools::SCHEMATHESIS),
        ("blobs", tools::S3),
        ("the chart", tools::HELM),
    ] {
        eprintln!("{what}: {}", tool.get(workspace)?.display());
    }
    Ok(())
}

/// Rust links through the system's C compiler.
pub(crate) fn linker() -> Result<()> {
    if program::works("cc", &["--version"]) {
        return Ok(());
    }
    bail!("there is no C compiler to link with: install one ('apt-get install gcc libc6-dev')")
}
