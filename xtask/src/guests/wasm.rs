//! Compiles the packages of one cargo workspace to WebAssembly.

use crate::{
    program,
    tools::toolchain::{Artifact, Toolchain},
    workspace::Workspace,
};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::{fs, path::Path};

/// The part of the output of `cargo metadata` that is read here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
    metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Package {
    /// `[package.metadata.weft] target = "..."`: a program may stay a WASI 0.1 module.
    fn triple(&self) -> &str {
        let target = self
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.pointer("/weft/target"));
        target
            .and_then(serde_json::Value::as_str)
            .unwrap_or("wasm32-wasip2")
    }
}

impl Target {
    fn artifact(&self) -> Option<Artifact> {
        if self.kind.iter().any(|kind| kind == "cdylib") {
            Some(Artifact::Library)
        } else if self.kind.iter().any(|kind| kind == "bin") {
            Some(Artifact::Program)
        } else {
            None
        }
    }
}

/// Builds every library and program of the workspace in `folder`, and puts each
/// under cargo's own name for it (`guest_bare.wasm`) into the folder of guests,
/// and to where an author's own cargo would have written it, since manifests name that path.
pub(crate) fn build(workspace: &Workspace, toolchain: &Toolchain, folder: &Path) -> Result<()> {
    let manifest = folder.join("Cargo.toml");
    let mut cargo = program::cargo();
    cargo
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(&manifest);
    let metadata: Metadata = serde_json::from_str(&program::read(&mut cargo)?)
        .context("the answer of cargo metadata can't be read")?;
    for package in &metadata.packages {
        for target in &package.targets {
            let Some(artifact) = target.artifact() else {
                continue;
            };
            let triple = package.triple();
            let mut cargo = toolchain.cargo_rustc(workspace, triple)?;
            cargo
                .arg("--manifest-path")
                .arg(&manifest)
                .args(["--package", &package.name]);
            match artifact {
                Artifact::Library => cargo.arg("--lib"),
                Artifact::Program => cargo.args(["--bin", &target.name]),
            };
            cargo
                .arg("--")
                .args(toolchain.linker_arguments(artifact, triple));
            program::run(&mut cargo)?;
            let file = match artifact {
                Artifact::Library => format!("{}.wasm", target.name.replace('-', "_")),
                Artifact::Program => format!("{}.wasm", target.name),
            };
            let release = Path::new(triple).join("release");
            let built = workspace.wasm_target().join(&release).join(&file);
            for copies in [workspace.guests(), folder.join("target").join(&release)] {
                fs::create_dir_all(&copies)?;
                fs::copy(&built, copies.join(&file)).with_context(|| {
                    format!(
                        "{} can't be copied to {}",
                        built.display(),
                        copies.display()
                    )
                })?;
            }
        }
    }
    Ok(())
}
