//! A Rust compiler that makes programs for another architecture than this machine's.
//!
//! It is the default toolchain where that has the target, by `rustup target add`. Otherwise it is
//! Debian's compiler with the other architecture's standard library, unpacked into Weft's cache
//! folder and installed nowhere.

use super::debian::{self, Packages};
use crate::{dist::Platform, program, workspace::cache_folder};
use anyhow::{Context as _, Result};
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// Debian's compiler, and the standard library that build scripts and macros link to.
const COMPILER: [&str; 4] = [
    "rustc-web",
    "libstd-rust-web-1.96",
    "libstd-rust-web-dev",
    "libllvm22",
];
/// The standard library, of another architecture.
const LIBRARY: [&str; 1] = ["libstd-rust-web-dev"];

/// A compiler for a platform.
pub(crate) enum Compiler {
    /// The default one.
    Rustup,
    /// Debian's, unpacked under this folder.
    Debian(PathBuf),
}

impl Compiler {
    /// Finds one, or unpacks one.
    pub(crate) fn ensure(platform: Platform) -> Result<Self> {
        let sysroot = program::read(Command::new("rustc").args(["--print", "sysroot"]))?;
        if library(Path::new(sysroot.trim()), platform).is_dir() {
            return Ok(Self::Rustup);
        }
        let root = cache_folder().join(format!("debian-rust-{}", platform.architecture()));
        if !library(&root.join("usr"), platform).is_dir() {
            let compiler = Packages {
                architecture: None,
                names: &COMPILER,
            };
            let others = Packages {
                architecture: Some(platform.debian()),
                names: &LIBRARY,
            };
            debian::unpack(&root, &[compiler, others]).with_context(|| {
                format!(
                    "there is no Rust compiler for {0}: run 'rustup target add {0}'",
                    platform.triple()
                )
            })?;
        }
        Ok(Self::Debian(root))
    }

    /// Has cargo use it.
    pub(crate) fn configure(&self, cargo: &mut Command) {
        if let Self::Debian(root) = self {
            let usr = root.join("usr");
            let libraries = format!("lib/{}-linux-gnu", env::consts::ARCH);
            cargo
                .env("RUSTC", usr.join("bin/rustc"))
                .env("LD_LIBRARY_PATH", usr.join(libraries));
        }
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Rustup => "the default Rust toolchain".to_owned(),
            Self::Debian(root) => format!("Debian's rustc, in {}", root.display()),
        }
    }
}

fn library(sysroot: &Path, platform: Platform) -> PathBuf {
    sysroot
        .join("lib/rustlib")
        .join(platform.triple())
        .join("lib")
}
