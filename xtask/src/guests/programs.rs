//! Programs that know nothing of Weft, by compilers of many languages, for the tests: the sources in
//! `tests/programs`, and two programs of other people's, as they are published.

use crate::{
    program,
    tools::{
        compilers,
        toolchain::{Artifact, Toolchain},
    },
    workspace::Workspace,
};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What the programs are made for.
const WASI: &str = "wasm32-wasi";
const RUST_WASI: &str = "wasm32-wasip1";

/// Pinned; MIT. The newest that compiles for WASI: later ones lock a file of their history.
const JAQ: &str = "2.2.0";
/// The package of npm's registry that SQLite's sources come with; they are in the public domain.
const SQLITE_PACKAGE: &str = "sqlite3@6.0.1";
const SQLITE_ARCHIVE: &str = "sqlite-autoconf-3520000";

/// How cargo builds the tests' guests: with other settings it would compile Rust's library once more.
const PROFILE: [&str; 5] = [
    "profile.release.opt-level='s'",
    "profile.release.lto=true",
    "profile.release.codegen-units=1",
    "profile.release.strip=true",
    "profile.release.panic='abort'",
];

/// SQLite's shell without what WASI has not: threads, other programs, libraries loaded at run time.
const SQLITE_SETTINGS: [&str; 12] = [
    "-DSQLITE_THREADSAFE=0",
    "-DSQLITE_OMIT_LOAD_EXTENSION",
    "-DSQLITE_OMIT_POPEN",
    "-DSQLITE_NOHAVE_SYSTEM",
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_GETPID",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-D_WASI_EMULATED_MMAN",
    "-lwasi-emulated-signal",
    "-lwasi-emulated-getpid",
    "-lwasi-emulated-process-clocks",
    "-lwasi-emulated-mman",
];

/// Builds all of them into the folder of guests.
pub(crate) fn build(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    let programs = Programs {
        workspace,
        toolchain,
        sources: workspace.root().join("tests/programs"),
        made: workspace.target().join("programs"),
    };
    fs::create_dir_all(&programs.made)?;
    fs::create_dir_all(workspace.guests())?;
    compilers::zig_command(workspace, &programs.made.join("bin"))?;
    compilers::go_command(workspace, &programs.made.join("bin"))?;
    compilers::node_commands(&programs.made.join("bin"))?;
    programs.c().context("numbers.c")?;
    programs.cpp().context("numbers.cpp")?;
    programs.zig().context("numbers.zig")?;
    programs.go().context("numbers.go")?;
    programs.assemblyscript().context("numbers.ts")?;
    programs.sqlite().context("SQLite")?;
    programs.jaq().context("jaq")
}

struct Programs<'a> {
    workspace: &'a Workspace,
    toolchain: &'a Toolchain,
    sources: PathBuf,
    /// Compilers write here, and leave a file as it is that has not changed.
    made: PathBuf,
}

impl Programs<'_> {
    fn c(&self) -> Result<()> {
        let (source, made) = self.numbers("c", "c");
        program::run(
            compilers::zig(self.workspace)?
                .args(["cc", "-target", WASI, "-Os", "-s", "-Wall", "-Wextra", "-o"])
                .arg(&made)
                .arg(source),
        )?;
        self.guest(&made)
    }

    fn cpp(&self) -> Result<()> {
        let (source, made) = self.numbers("cpp", "cpp");
        program::run(
            compilers::zig(self.workspace)?
                .args(["c++", "-target", WASI, "-std=c++20", "-Os", "-s"])
                .args(["-Wall", "-Wextra", "-fno-exceptions", "-o"])
                .arg(&made)
                .arg(source),
        )?;
        self.guest(&made)
    }

    fn zig(&self) -> Result<()> {
        let (source, made) = self.numbers("zig", "zig");
        let mut emit = std::ffi::OsString::from("-femit-bin=");
        emit.push(&made);
        program::run(
            compilers::zig(self.workspace)?
                .arg("build-exe")
                .arg(source)
                .args(["-target", WASI, "-O", "ReleaseSmall"])
                .arg(emit),
        )?;
        self.guest(&made)
    }

    fn go(&self) -> Result<()> {
        let (source, made) = self.numbers("go", "go");
        program::run(
            compilers::go(self.workspace)?
                .current_dir(self.sources.join("numbers"))
                .args(["build", "-trimpath", "-ldflags=-s -w -buildid=", "-o"])
                .arg(&made)
                .arg(source),
        )?;
        self.guest(&made)
    }

    fn assemblyscript(&self) -> Result<()> {
        let (source, made) = self.numbers("ts", "assemblyscript");
        program::run(
            compilers::assemblyscript()?
                .arg(source)
                .args(["-O", "--outFile"])
                .arg(&made),
        )?;
        self.guest(&made)
    }

    fn sqlite(&self) -> Result<()> {
        let package = compilers::npm_package(SQLITE_PACKAGE)?;
        let sources = package.join(SQLITE_ARCHIVE);
        if !sources.join("shell.c").is_file() {
            let archive = format!("deps/{SQLITE_ARCHIVE}.tar.gz");
            compilers::unpack(&package.join(archive), &package)?;
        }
        let made = self.made.join("sqlite3.wasm");
        program::run(
            compilers::zig(self.workspace)?
                .current_dir(&sources)
                .args(["cc", "-target", WASI, "-Os", "-s"])
                .args(SQLITE_SETTINGS)
                .args(["shell.c", "sqlite3.c", "-o"])
                .arg(&made),
        )?;
        self.guest(&made)
    }

    fn jaq(&self) -> Result<()> {
        let root = self.made.join("jaq");
        let mut linked = self
            .toolchain
            .linker_arguments(Artifact::Program, RUST_WASI);
        let mut cargo = self.toolchain.cargo(self.workspace)?;
        if matches!(self.toolchain, Toolchain::Debian(_)) {
            linked.push(format!("-Clink-arg={}", self.later_libc()?.display()));
            cargo.arg("-Zprofile-rustflags");
            cargo.args([
                "--config".to_owned(),
                format!("profile.release.package.jaq.rustflags={linked:?}"),
            ]);
        }
        for setting in PROFILE {
            cargo.args(["--config", setting]);
        }
        cargo
            .args(["install", "jaq", "--version", JAQ, "--locked", "--quiet"])
            // Its allocator is a C library, and only faster.
            .args(["--no-default-features", "--target", RUST_WASI, "--root"])
            .arg(&root);
        program::run(&mut cargo)?;
        self.guest(&root.join("bin/jaq.wasm"))
    }

    /// Debian's C library for WASI is older than what Rust expects of it.
    fn later_libc(&self) -> Result<PathBuf> {
        let object = self.made.join("later-libc.o");
        program::run(
            compilers::zig(self.workspace)?
                .args(["cc", "-target", WASI, "-Os", "-c", "-o"])
                .arg(&object)
                .arg(self.sources.join("later-libc.c")),
        )?;
        Ok(object)
    }

    /// The source in this language, and the file to make of it.
    fn numbers(&self, end: &str, language: &str) -> (PathBuf, PathBuf) {
        (
            self.sources.join(format!("numbers/numbers.{end}")),
            self.made.join(format!("numbers-{language}.wasm")),
        )
    }

    /// Puts a program where tests look for it.
    fn guest(&self, made: &Path) -> Result<()> {
        let Some(name) = made.file_name() else {
            bail!("{} is no file", made.display());
        };
        fs::copy(made, self.workspace.guests().join(name))
            .with_context(|| format!("{} can't be copied", made.display()))?;
        Ok(())
    }
}
