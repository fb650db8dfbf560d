//! Virtual environments of Python, each with packages of pinned versions: how tools that the
//! package index has come to a machine without touching what is installed there.

use crate::{program, tools, workspace::cache_folder};
use anyhow::Result;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What `pip install` understands, pinned: `["pytest==9.2.0"]`. Answers with the environment's folder
/// of programs; made where it isn't there yet.
pub(crate) fn with(packages: &[&str]) -> Result<PathBuf> {
    named(&packages.join("+").replace("==", "-"), packages)
}

/// The same under a name, for packages that are too many to be one. It is made anew when they change.
pub(crate) fn named(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let base = cache_folder().join("tools");
    let folder = base.join(name);
    // Written last: if it exists, the installation is complete.
    let stamp = folder.join("installed");
    let installed = packages.join("\n");
    if !fs::read_to_string(&stamp).is_ok_and(|found| found == installed) {
        tools::venv()?;
        make(&folder, packages)?;
        fs::write(&stamp, installed)?;
    }
    Ok(folder.join("bin"))
}

fn make(folder: &Path, packages: &[&str]) -> Result<()> {
    program::run(
        Command::new(tools::python()?)
            .args(["-m", "venv", "--clear"])
            .arg(folder),
    )?;
    program::run(
        Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "--disable-pip-version-check", "install"])
            .args(["--quiet", "--only-binary=:all:"])
            .args(packages),
    )
}
