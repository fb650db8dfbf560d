//! Finds a Rust compiler that can make components: rustup's with the target
//! `wasm32-wasip2`, or else Debian's, unpacked in the cache folder, which comes
//! with the library's sources and is driven by the cargo and the linkers that
//! are installed.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};
use weft_api::{
    problem::{Code, Problem},
    user_dirs,
};

/// What components are compiled for.
pub(crate) const TARGET: &str = "wasm32-wasip2";
/// The line that gets the target where rustup is.
const GET_TARGET: &str = "rustup target add wasm32-wasip2";
/// The line that gets rustup, and the target with it.
const GET_RUSTUP: &str =
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y -t wasm32-wasip2";

/// A compiler that makes components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The installed one has the target.
    Installed {
        /// Where rustc keeps itself.
        sysroot: PathBuf,
    },
    /// Debian's rustc, which compiles the library along.
    Debian {
        /// `usr` of the unpacked packages.
        root: PathBuf,
        /// Where the installed rustc keeps itself, whose linkers are used.
        sysroot: PathBuf,
    },
}

impl Toolchain {
    /// The compiler for a crate in this folder, which may choose a toolchain of its own.
    pub(crate) fn find(folder: &Path) -> Result<Self, Problem> {
        let sysroot = print(folder, "sysroot").map(PathBuf::from)?;
        if sysroot
            .join("lib/rustlib")
            .join(TARGET)
            .join("lib")
            .is_dir()
        {
            return Ok(Self::Installed { sysroot });
        }
        let debian = user_dirs::cache()
            .into_iter()
            .chain(std::env::home_dir().map(|home| home.join(".cache/weft")))
            .map(|cache| cache.join("debian-rust/usr"))
            .find(|root| root.join("bin/rustc").is_file());
        match debian {
            Some(root) if Self::linkers(&sysroot).is_some() => Ok(Self::Debian { root, sysroot }),
            _ => Err(Problem::new(
                Code::Missing,
                format!("the Rust compiler here has no target {TARGET}"),
            )
            .help(format!("get it: {GET_TARGET}"))),
        }
    }

    /// In a few words, for `doctor`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Installed { sysroot } => format!("{TARGET} in {}", sysroot.display()),
            Self::Debian { root, .. } => {
                format!("{TARGET} by Debian's compiler in {}", root.display())
            }
        }
    }

    /// Sets up cargo to build for the target; `flags` go to the compiler.
    pub(crate) fn prepare(
        &self,
        cargo: &mut Command,
        mut flags: Vec<OsString>,
    ) -> Result<(), Problem> {
        if let Self::Debian { root, sysroot } = self {
            let linkers = Self::linkers(sysroot).expect("`find` looked for them");
            let libraries = root
                .join("lib")
                .join(format!("{}-linux-gnu", std::env::consts::ARCH));
            let target = root.join("lib/wasm32-wasi");
            flags.extend([
                joined("-Lnative=", &target),
                "-Clink-self-contained=no".into(),
                joined("-Clink-arg=", &target.join("crt1-reactor.o")),
                joined_pair("--remap-path-prefix=", &root.join("lib/rustlib"), "=/rustc"),
                joined_pair("--remap-path-prefix=", root, "=/rustc"),
            ]);
            let old = std::env::var_os("PATH").unwrap_or_default();
            let path = [linkers.join("gcc-ld"), linkers]
                .into_iter()
                .chain(std::env::split_paths(&old));
            let path = std::env::join_paths(path).map_err(|error| {
                Problem::new(Code::Usage, format!("PATH can't be extended: {error}"))
            })?;
            cargo
                .env("PATH", path)
                .env("LD_LIBRARY_PATH", libraries)
                .env("RUSTC", root.join("bin/rustc"))
                .env("RUSTDOC", root.join("bin/rustdoc"))
                .env("RUSTC_BOOTSTRAP", "1")
                .arg("-Zbuild-std=std,panic_abort");
            // The library takes a minute to compile, so that all crates share it.
            if std::env::var_os("CARGO_TARGET_DIR").is_none()
                && std::env::var_os("CARGO_BUILD_BUILD_DIR").is_none()
                && let Some(cache) = user_dirs::cache()
            {
                cargo.env("CARGO_BUILD_BUILD_DIR", cache.join("rust-build"));
            }
        }
        let mut encoded = OsString::new();
        for flag in flags {
            if !encoded.is_empty() {
                encoded.push("\u{1f}");
            }
            encoded.push(flag);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", encoded);
        Ok(())
    }

    /// Where the library's own sources lie, which paths in panics name.
    pub(crate) fn sysroot(&self) -> &Path {
        match self {
            Self::Installed { sysroot } | Self::Debian { sysroot, .. } => sysroot,
        }
    }

    /// `rust-lld`, `wasm-component-ld` and their kin.
    fn linkers(sysroot: &Path) -> Option<PathBuf> {
        let entries = std::fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|bin| bin.join("wasm-component-ld").is_file())
            .collect();
        found.sort();
        found.into_iter().next()
    }
}

fn joined(before: &str, path: &Path) -> OsString {
    joined_pair(before, path, "")
}

fn joined_pair(before: &str, path: &Path, after: &str) -> OsString {
    let mut text = OsString::from(before);
    text.push(path);
    text.push(after);
    text
}

/// What `rustc --print` says.
fn print(folder: &Path, what: &str) -> Result<String, Problem> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&program)
        .current_dir(folder)
        .args(["--print", what])
        .output()
        .map_err(|error| {
            Problem::new(
                Code::Missing,
                format!("can't start {}: {error}", program.display()),
            )
            .help(format!("install Rust: {GET_RUSTUP}"))
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Problem::new(
            Code::Missing,
            format!("{} does not work: {said}", program.display()),
        )
        .help(format!("install Rust: {GET_RUSTUP}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
