//! The web UI: its sources are checked and give the committed bundle, and its tests run in a real
//! browser against a real server.

use crate::{
    program,
    tools::{self, compilers},
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The sources.
const WEB: &str = "crates/weft-ui/web";
/// The bundle that `weft-ui` embeds.
const BUNDLE: &str = "crates/weft-ui/dist";

/// Types, style, unit tests, and whether the committed bundle is what the sources give.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    install(workspace)?;
    for script in ["check", "test"] {
        program::run(npm(workspace)?.args(["run", "--silent", script]))?;
    }
    let bundle = workspace.root().join(BUNDLE);
    let committed = read(&bundle)?;
    program::run(npm(workspace)?.args(["run", "--silent", "build"]))?;
    let built = read(&bundle)?;
    let differs: Vec<&PathBuf> = committed
        .keys()
        .chain(built.keys())
        .filter(|file| committed.get(*file) != built.get(*file))
        .collect();
    ensure!(
        differs.is_empty(),
        "{BUNDLE} is not what {WEB} gives; it is built anew now, commit it: {differs:?}"
    );
    Ok(())
}

/// The tests in the browser.
pub(crate) fn e2e(workspace: &Workspace) -> Result<()> {
    let mut npm = npm(workspace)?;
    npm.args(["run", "--silent", "e2e"])
        .env("CHROMIUM", tools::chromium()?)
        .env("WFCTL", Wfctl::built(workspace, Profile::Dev).program());
    program::run_and_quote(&mut npm)
}

/// Installs what the sources need.
pub(crate) fn install(workspace: &Workspace) -> Result<()> {
    program::run(npm(workspace)?.args(["ci", "--silent"]))
}

/// `npm` in the folder of the sources.
pub(crate) fn npm(workspace: &Workspace) -> Result<Command> {
    let mut npm = compilers::node()?.command("npm");
    npm.current_dir(workspace.root().join(WEB));
    Ok(npm)
}

/// All files below a folder.
fn read(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        let entries = fs::read_dir(&next).with_context(|| next.display().to_string())?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_path_buf();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}
