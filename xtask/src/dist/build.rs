//! Builds `wfctl` so that it runs on every distribution of the last ten years: with Zig's C
//! compiler and linker, which have the symbols of each version of glibc.

use super::{
    linkage::{Linkage, OLDEST_GLIBC},
    platform::Platform,
};
use crate::{
    program, tools,
    tools::{cross::Compiler, environment},
    wfctl::Profile,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context as _, Result};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Builds with Zig as its C compiler and linker; versions that fit each other.
const ZIGBUILD: [&str; 2] = ["cargo-zigbuild==0.24.0", "ziglang==0.17.1"];

/// The program; returns its path.
pub(crate) fn build(
    workspace: &Workspace,
    platform: Platform,
    profile: Profile,
) -> Result<PathBuf> {
    let compiler = Compiler::ensure(platform)?;
    eprintln!(
        "{} is built with {}",
        platform.triple(),
        compiler.describe()
    );
    let programs = environment::with(&ZIGBUILD)?;
    let mut cargo = Command::new(programs.join("cargo-zigbuild"));
    cargo
        .current_dir(workspace.root())
        .env("PATH", tools::path_with(&programs))
        .env("CARGO_TARGET_DIR", workspace.target())
        .env(
            "ZIG_GLOBAL_CACHE_DIR",
            cache_folder().join("tools/zig-cache"),
        )
        .args([
            "zigbuild",
            "--locked",
            "--package",
            "wfctl",
            "--profile",
            profile.name(),
        ])
        .args(["--target", &format!("{}.{OLDEST_GLIBC}", platform.triple())]);
    compiler.configure(&mut cargo);
    program::run_measured(&mut cargo)?;
    let file = workspace
        .target()
        .join(platform.triple())
        .join(profile.folder())
        .join("wfctl");
    check(&file, platform)?;
    Ok(file)
}

/// Holds a program to what its packages promise.
pub(super) fn check(file: &Path, platform: Platform) -> Result<()> {
    let linkage = Linkage::of(file)?;
    linkage
        .check(platform)
        .with_context(|| file.display().to_string())?;
    eprintln!("it needs {linkage}");
    Ok(())
}
