//! The README's first five minutes: a new DAG, built and run. Built in two
//! folders, since the same source must give the same digest everywhere.

use crate::{
    program,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Result, ensure};
use std::{fs, path::Path};

/// Two folders that have nothing in common.
const FOLDERS: [&str; 2] = ["author/here", "author/some/where/else"];

/// Does what the README says, twice.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let mut built = Vec::new();
    for folder in FOLDERS {
        let folder = workspace.target().join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        within(workspace, &wfctl, &folder, &["new", "cities"])?;
        let project = folder.join("cities");
        within(workspace, &wfctl, &project, &["build"])?;
        within(workspace, &wfctl, &project, &["run"])?;
        built.push(fs::read(project.join("dag.wasm"))?);
    }
    ensure!(
        built[0] == built[1],
        "the same source gave {} bytes in one folder and {} others in another: a digest would depend on where it was built",
        built[0].len(),
        built[1].len()
    );
    Ok(())
}

fn within(workspace: &Workspace, wfctl: &Wfctl, folder: &Path, args: &[&str]) -> Result<()> {
    let mut command = wfctl.command(args);
    command
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", workspace.wasm_target());
    program::run(&mut command)
}
