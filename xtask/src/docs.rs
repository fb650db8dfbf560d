//! `cargo xtask docs`: checks the documentation and builds its site.
//!
//! Links of all Markdown files, and the paths that the documentation names, must exist. The
//! generated pages of `docs/reference` must match the code; `--update` writes them. Zensical builds the site into `target/docs/site`.

mod api;
mod blocked_packages;
mod cli;
mod links;
mod markdown;
mod python_packages;

use crate::{program, tools::ZENSICAL, workspace::Workspace};
use anyhow::{Context as _, Result, ensure};
use clap::Args;
use std::{fs, path::Path, process::Command};

/// Options of `cargo xtask docs`.
#[derive(Args)]
pub(crate) struct DocsArgs {
    /// Write the generated reference pages instead of comparing them
    #[arg(long)]
    update: bool,
}

/// Set for tests that write what they otherwise compare.
const UPDATE: &str = "WEFT_UPDATE_DOCS";

/// The site's configuration, below `docs/`.
const CONFIGURATION: &str = "zensical.toml";

/// Writes or compares the generated pages, then checks everything.
pub(crate) fn run(workspace: &Workspace, args: &DocsArgs) -> Result<()> {
    let mut build = program::cargo();
    build.current_dir(workspace.root()).args([
        "build",
        "--locked",
        "--workspace",
        "--bin",
        "wfctl",
    ]);
    program::run(&mut build)?;
    if args.update {
        update(workspace)?;
    }
    check(workspace)
}

/// Checks pages, links and paths, and builds the site. The tests of `weft-core` and `weft-api`
/// compare the pages of limits and problem codes; `wfctl` must be built.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    api::page(workspace, false)?;
    cli::pages(workspace, false)?;
    python_packages::page(workspace, false)?;
    links::check(workspace)?;
    site(workspace)
}

fn update(workspace: &Workspace) -> Result<()> {
    api::page(workspace, true)?;
    cli::pages(workspace, true)?;
    python_packages::page(workspace, true)?;
    let mut cargo = program::cargo();
    cargo
        .current_dir(workspace.root())
        .env(UPDATE, "1")
        .args(["test", "--locked", "--workspace", "--quiet"])
        .args(["--test", "grants_page"])
        .args(["--test", "limits_page", "--test", "problems_page"]);
    program::run(&mut cargo)
}

/// Fails if a page differs from what the code makes of it, or writes it.
fn compare(workspace: &Workspace, page: &str, expected: &str, update: bool) -> Result<()> {
    let path = workspace.root().join(page);
    if update {
        fs::write(&path, expected)?;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    ensure!(
        written == expected,
        "{page} is older than the code: cargo xtask docs --update"
    );
    Ok(())
}

/// Builds the site from a copy, because Zensical writes its cache beside its configuration.
fn site(workspace: &Workspace) -> Result<()> {
    let zensical = ZENSICAL.get(workspace)?;
    let build = workspace.target().join("docs");
    if build.exists() {
        fs::remove_dir_all(&build)?;
    }
    let docs = workspace.root().join("docs");
    copy(&docs, &build.join("docs"))?;
    fs::copy(docs.join(CONFIGURATION), build.join(CONFIGURATION))?;
    let built = Command::new(zensical)
        .current_dir(&build)
        .args(["build", "--strict"])
        .output()?;
    // Its warnings precede a traceback of its own.
    let printed = String::from_utf8_lossy(&built.stdout);
    ensure!(built.status.success(), "the site was not built:\n{printed}");
    let index = build.join("site/index.html");
    ensure!(index.is_file(), "{} was not built", index.display());
    eprintln!("built {}", index.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
