//! The Go SDK's own tests, and the Go example's, without WebAssembly: gofmt and
//! vet, for this machine and for the sandbox, then the tests.

use crate::{program, tools::compilers, workspace::Workspace};
use anyhow::{Context as _, Result, ensure};
use std::{fs, path::Path, process::Command};

/// The SDK's module.
const SDK: &str = "sdk/go";
/// A module that needs the SDK.
const EXAMPLE: &str = "examples/quakes-go";

/// What the tests of `wfctl` build, which has no module of its own here.
const TESTED: &str = "tests/wfctl/go";

/// Runs them all.
pub(crate) fn test(workspace: &Workspace) -> Result<()> {
    let [sdk, example] = [SDK, EXAMPLE].map(|folder| workspace.root().join(folder));
    // An author's go.work; there is none beside these sources.
    let both = workspace.target().join("go-example.work");
    let used = [&sdk, &example].map(|folder| format!("\t{:?}\n", folder.display().to_string()));
    let text = format!("go 1.24\n\nuse (\n{})\n", used.concat());
    fs::write(&both, text).with_context(|| format!("{} can't be written", both.display()))?;
    for folder in [&sdk, &example] {
        formatted(workspace, folder)?;
        for arguments in [&["vet", "./..."][..], &["test", "./..."]] {
            let mut go = here(workspace, folder)?;
            program::run(go.env("GOWORK", &both).args(arguments))?;
        }
    }
    formatted(workspace, &workspace.root().join(TESTED))?;
    // Generated bindings make pointers of the numbers that the host gives them.
    program::run(compilers::go(workspace)?.current_dir(&sdk).args([
        "vet",
        "-unsafeptr=false",
        "./...",
    ]))
}

fn here(workspace: &Workspace, folder: &Path) -> Result<Command> {
    let mut go = compilers::go_here(workspace)?;
    go.current_dir(folder);
    Ok(go)
}

fn formatted(workspace: &Workspace, folder: &Path) -> Result<()> {
    let root = program::read(here(workspace, folder)?.args(["env", "GOROOT"]))?;
    let gofmt = Path::new(root.trim()).join("bin/gofmt");
    let wrong = program::read(Command::new(gofmt).arg("-l").arg(folder))?;
    ensure!(wrong.is_empty(), "gofmt would change:\n{wrong}");
    Ok(())
}
