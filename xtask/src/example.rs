//! Runs the examples with the product, and holds their results against ones
//! that were computed without it.

mod reference;

use crate::{
    program,
    wfctl::{Finished, Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{fs, path::PathBuf};

/// The least that makes an example of mapping.
const INSTANCES_AT_LEAST: usize = 40;

/// Where [`build`] puts its file.
pub(crate) fn file(workspace: &Workspace) -> PathBuf {
    workspace.target().join("examples/quakes.dag.wasm")
}

/// Builds `examples/quakes` as its author would: into one `dag.wasm`.
pub(crate) fn build(workspace: &Workspace, wfctl: &Wfctl) -> Result<PathBuf> {
    let file = file(workspace);
    fs::create_dir_all(file.parent().expect("the file is in a folder"))?;
    let folder = workspace.example("quakes");
    let mut build = wfctl.command([
        "build".as_ref(),
        folder.as_os_str(),
        "--output".as_ref(),
        file.as_os_str(),
    ]);
    build.env("CARGO_TARGET_DIR", workspace.wasm_target());
    program::run(&mut build)?;
    Ok(file)
}

/// Every claim that the examples make, with the product that the tests built: building it by itself
/// would compile wasmtime once more, since cargo enables other features of what both depend on.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let wfctl = Wfctl::built(workspace, Profile::Dev);
    let expected = reference::world(workspace)?;
    let quakes = build(workspace, &wfctl)?;
    let programs = workspace.example("quakes-programs").join("dag.toml");

    let finished = wfctl.run(&quakes, &[])?;
    component(&wfctl, &finished, &expected).context("examples/quakes")?;
    let finished = wfctl.run(&programs, &[])?;
    from_programs(&finished, &expected).context("examples/quakes-programs")?;

    for file in [&quakes, &programs] {
        let name = file.display();
        let alerted = wfctl.run(file, &["--param", "threshold=6"])?;
        ensure!(
            alerted.exit == Some(0),
            "{name} with a low threshold ended with {:?}",
            alerted.exit
        );
        ensure!(
            alerted.state("alert") == "success",
            "{name}: a low threshold raised no alert"
        );
        ensure!(
            alerted.state("all_clear") == "skipped",
            "{name}: a low threshold gave the all-clear too"
        );
    }
    let down = wfctl.run(&quakes, &["--param", "outage=9"])?;
    ensure!(
        down.exit == Some(1),
        "a feed that stays down ended with {:?}",
        down.exit
    );
    ensure!(
        down.state("feed") == "failed",
        "a feed that stays down is {}",
        down.state("feed")
    );
    ensure!(
        down.state("report") == "upstream_failed",
        "without a feed the report is {}",
        down.state("report")
    );
    eprintln!("the examples' results are those of the reference");
    Ok(())
}

fn component(wfctl: &Wfctl, finished: &Finished, expected: &Value) -> Result<()> {
    succeeded(finished, expected)?;
    ensure!(finished.retried("feed"), "the feed was not tried again");
    let report = finished.output("report");
    let chart = artifact(wfctl, &report["chart"])?;
    let circles = chart.matches("<circle").count() as u64;
    ensure!(
        Some(circles) == expected["count"].as_u64(),
        "the chart shows {circles} earthquakes"
    );
    let page = artifact(wfctl, &report["page"])?;
    ensure!(
        page.contains("No earthquake reached magnitude 7.0."),
        "the page lacks its notice:\n{page}"
    );
    Ok(())
}

fn from_programs(finished: &Finished, expected: &Value) -> Result<()> {
    succeeded(finished, expected)?;
    let notice = &finished.output("report")["text"];
    ensure!(
        notice == "No earthquake reached magnitude 7.0.",
        "the notice is {notice}"
    );
    Ok(())
}

/// What both examples have in common.
fn succeeded(finished: &Finished, expected: &Value) -> Result<()> {
    ensure!(
        finished.exit == Some(0),
        "the run ended with {:?}: {:#}",
        finished.exit,
        finished.run
    );
    reference::same(expected, finished.output("world"))?;
    let instances = finished.instances();
    ensure!(
        instances >= INSTANCES_AT_LEAST,
        "there were only {instances} task instances"
    );
    ensure!(
        finished.state("alert") == "skipped",
        "the alert is {}",
        finished.state("alert")
    );
    ensure!(
        finished.state("all_clear") == "success",
        "the all-clear is {}",
        finished.state("all_clear")
    );
    Ok(())
}

/// An artifact's text.
pub(crate) fn artifact(wfctl: &Wfctl, value: &Value) -> Result<String> {
    let path = artifact_path(wfctl, value)?;
    fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))
}

/// The file of an artifact. It is named by its digest, so that whichever run has one of that name has it.
pub(crate) fn artifact_path(wfctl: &Wfctl, value: &Value) -> Result<PathBuf> {
    const FOLDER_DIGITS: usize = 2;
    let reference = value["$artifact"]
        .as_str()
        .with_context(|| format!("{value} is no artifact"))?;
    let (folder, name) = reference
        .strip_prefix("sha256:")
        .and_then(|digest| digest.split_at_checked(FOLDER_DIGITS))
        .with_context(|| format!("{reference:?} is no digest"))?;
    for run in fs::read_dir(wfctl.runs())? {
        let path = run?.path().join("artifacts").join(folder).join(name);
        if path.is_file() {
            return Ok(path);
        }
    }
    bail!("no run has the artifact {reference:?}")
}
