//! The Rust compiler for guests: found, or installed.
//!
//! The ordinary one is rustup's with the targets `wasm32-wasip2` and
//! `wasm32-wasip1`, if they are there. Otherwise Debian's packages do: its
//! compiler with the sources of its standard library, unpacked into Weft's cache
//! folder and installed nowhere, driven by the cargo and the linkers that are
//! already here. Nothing is done to the system beyond that folder; adding
//! targets to somebody's rustup is theirs to do.

use super::debian::{self, Packages};
use crate::{
    program,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context, Result, bail};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Components are built for the first; the second is for programs that stay WASI 0.1 modules.
const TARGETS: [&str; 2] = ["wasm32-wasip2", "wasm32-wasip1"];

/// What Debian's compiler consists of.
const DEBIAN_PACKAGES: [&str; 6] = [
    "rustc-web",
    "libstd-rust-web-1.96",
    "libstd-rust-web-dev",
    "rust-web-src",
    "wasi-libc",
    "libllvm22",
];

/// A compiler that can build guests.
pub(crate) enum Toolchain {
    /// The default one, with its own standard library for WebAssembly.
    Rustup,
    /// Debian's, unpacked under this folder.
    Debian(PathBuf),
}

impl Toolchain {
    /// Finds one, or installs one.
    pub(crate) fn ensure() -> Result<Self> {
        if let Some(found) = Self::find()? {
            return Ok(found);
        }
        let root = debian_root();
        eprintln!(
            "no Rust target {} here: unpacking Debian's compiler into {}",
            TARGETS.join(" or "),
            root.display()
        );
        let packages = Packages {
            architecture: None,
            names: &DEBIAN_PACKAGES,
        };
        debian::unpack(&root, &[packages]).context(
            "there is no Rust compiler for WebAssembly: run 'rustup target add wasm32-wasip2 wasm32-wasip1', \
             or on Debian 'apt-get update', and this command again",
        )?;
        Ok(Self::Debian(root))
    }

    /// `usr` of Debian's compiler, which compiles the standard library along, with any settings.
    pub(crate) fn debian() -> Result<PathBuf> {
        let root = debian_root();
        if !root.join("usr/bin/rustc").is_file() {
            let packages = Packages {
                architecture: None,
                names: &DEBIAN_PACKAGES,
            };
            debian::unpack(&root, &[packages])?;
        }
        Ok(root.join("usr"))
    }

    fn find() -> Result<Option<Self>> {
        let sysroot = program::read(Command::new("rustc").args(["--print", "sysroot"]))?;
        let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
        if TARGETS
            .iter()
            .all(|target| rustlib.join(target).join("lib").is_dir())
        {
            return Ok(Some(Self::Rustup));
        }
        let root = debian_root();
        Ok(root
            .join("usr/bin/rustc")
            .is_file()
            .then_some(Self::Debian(root)))
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Rustup => "the default Rust toolchain, with the target wasm32-wasip2".to_owned(),
            Self::Debian(root) => format!("Debian's rustc with its sources, in {}", root.display()),
        }
    }

    /// `cargo rustc` in release for `triple`, up to and with the arguments that are cargo's own.
    pub(crate) fn cargo_rustc(&self, workspace: &Workspace, triple: &str) -> Result<Command> {
        let mut cargo = self.cargo(workspace)?;
        cargo.args(["rustc", "--release", "--quiet", "--target", triple]);
        Ok(cargo)
    }

    /// Cargo with this compiler, without arguments.
    pub(crate) fn cargo(&self, workspace: &Workspace) -> Result<Command> {
        let mut cargo = program::cargo();
        cargo.env("CARGO_TARGET_DIR", workspace.wasm_target());
        if let Self::Debian(root) = self {
            let usr = root.join("usr");
            // Linkers for WebAssembly come with the default toolchain, Debian's has none.
            let linkers = linkers()?;
            let mut path = vec![linkers.join("gcc-ld"), linkers];
            path.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
            cargo
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("RUSTC", usr.join("bin/rustc"))
                .env("LD_LIBRARY_PATH", usr.join("lib/x86_64-linux-gnu"))
                .env("PATH", env::join_paths(path)?)
                .env(
                    "RUSTFLAGS",
                    format!(
                        "-L native={} -C link-self-contained=no",
                        wasi_libc(root).display()
                    ),
                );
        }
        Ok(cargo)
    }

    /// What the last crate alone needs. Flags that all crates see are the same
    /// for libraries and programs, or the standard library would be compiled twice.
    ///
    /// A program that becomes a component needs the start of a library too: without its call of the
    /// constructors the linker wraps every export in one, the allocator among them, where a
    /// constructor's calls to the host trap ("cannot leave component instance").
    ///
    /// A library begins with the heap that `wfctl build` gives a DAG.
    pub(crate) fn linker_arguments(&self, kind: Artifact, triple: &str) -> Vec<String> {
        let mut arguments = match self {
            Self::Rustup => Vec::new(),
            Self::Debian(root) => {
                let starts: &[&str] = match kind {
                    Artifact::Library => &["crt1-reactor.o"],
                    Artifact::Program if triple == "wasm32-wasip2" => {
                        &["crt1-command.o", "crt1-reactor.o"]
                    }
                    Artifact::Program => &["crt1-command.o"],
                };
                let argument =
                    |start| format!("-Clink-arg={}", wasi_libc(root).join(start).display());
                starts.iter().map(argument).collect()
            }
        };
        if kind == Artifact::Library {
            arguments.push("-Clink-arg=--initial-heap=262144".to_owned());
        }
        arguments
    }
}

/// What is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// Exports functions that a host calls (`cdylib`).
    Library,
    /// Has a `main`.
    Program,
}

fn debian_root() -> PathBuf {
    cache_folder().join("debian-rust")
}

fn wasi_libc(root: &Path) -> PathBuf {
    root.join("usr/lib/wasm32-wasi")
}

/// The folder of `rust-lld` and `wasm-component-ld` in the default toolchain.
fn linkers() -> Result<PathBuf> {
    let sysroot = program::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = program::read(Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc -vV names no host")?;
    let folder = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host)
        .join("bin");
    if !folder.join("rust-lld").is_file() {
        bail!(
            "{} has no rust-lld: install the toolchain with rustup",
            folder.display()
        );
    }
    Ok(folder)
}
