//! The cost of a task in each language: its size, compiling it, and a fresh instance with its
//! call; and compiling a Python program again after one line was changed.
//!
//! Each is a task that does nothing, built by `wfctl build` as its author would.

use super::{harness, measurement::Measurement};
use crate::{program, tools, wfctl::Wfctl, workspace::Workspace};
use anyhow::{Result, ensure};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// What the subjects' names have in common.
pub(crate) const NAME: &str = "languages";

/// The crate's bench that measures components.
const BENCH: &str = "instantiate";

/// How often each is called: enough for a 99th percentile, and still soon over with an interpreter.
const CALLS: &str = "2000";

/// A language: a file of `xtask/bench-languages`, and how long the median of a fresh instance and
/// its call may take, in microseconds.
struct Language {
    name: &'static str,
    source: &'static str,
    bar_us: &'static str,
}

/// All but Rust, whose guest is built with the others (`bench_sdk`). One line makes one more.
const LANGUAGES: [Language; 4] = [
    Language {
        name: "c",
        source: "noop.c",
        bar_us: "150",
    },
    Language {
        name: "go",
        source: "go/noop.go",
        bar_us: "1300",
    },
    Language {
        name: "js",
        source: "noop.ts",
        bar_us: "1200",
    },
    Language {
        name: "python",
        source: "noop.py",
        bar_us: "1500",
    },
];

/// The same bar as the sandbox's own bench has for the SDK's guest.
const RUST_BAR_US: &str = "100";

/// The program whose recompilation is measured, and its line before and after the change.
const CHANGED: (&str, &str, &str) = ("noop.py", "    return None\n", "    return [None][0]\n");

/// Compiling the changed one may take a third of the first time.
const AGAIN: &str = "0.333";

/// Builds them into the target folder, and measures each.
pub(crate) fn measure(workspace: &Workspace, wfctl: &Wfctl) -> Result<Vec<Measurement>> {
    let made = workspace.target().join("languages");
    fs::create_dir_all(&made)?;
    let sources = workspace.root().join("xtask/bench-languages");
    let mut args: Vec<OsString> = ["--task", "noop", "--calls", CALLS]
        .map(Into::into)
        .to_vec();
    let mut subject = |name: &str, bar_us: &str, file: &Path| {
        args.push("--language".into());
        args.extend([name.into(), bar_us.into(), file.as_os_str().to_owned()]);
    };
    subject(
        "rust",
        RUST_BAR_US,
        &workspace.guests().join("bench_sdk.wasm"),
    );
    for language in &LANGUAGES {
        let file = made.join(format!("{}.wasm", language.name));
        build(workspace, wfctl, &sources.join(language.source), &file)?;
        subject(language.name, language.bar_us, &file);
    }
    let changed = changed(workspace, wfctl, &sources, &made)?;
    args.push("--again".into());
    args.extend([
        AGAIN.into(),
        made.join("python.wasm").into_os_string(),
        changed.into_os_string(),
    ]);
    harness::measurements(workspace, BENCH, args)
}

/// The Python program with one line changed.
fn changed(workspace: &Workspace, wfctl: &Wfctl, sources: &Path, made: &Path) -> Result<PathBuf> {
    let (name, before, after) = CHANGED;
    let text = fs::read_to_string(sources.join(name))?;
    let other = text.replacen(before, after, 1);
    ensure!(text != other, "{name} has no line {before:?} any more");
    let folder = made.join("changed");
    fs::create_dir_all(&folder)?;
    let source = folder.join(name);
    fs::write(&source, other)?;
    let file = made.join("python-changed.wasm");
    build(workspace, wfctl, &source, &file)?;
    Ok(file)
}

fn build(workspace: &Workspace, wfctl: &Wfctl, source: &Path, file: &Path) -> Result<()> {
    let compilers = workspace.target().join("programs/bin");
    let mut build = wfctl.command([
        "build".as_ref(),
        source.as_os_str(),
        "--output".as_ref(),
        file.as_os_str(),
    ]);
    build.env("PATH", tools::path_with(&compilers));
    program::run(&mut build)
}
