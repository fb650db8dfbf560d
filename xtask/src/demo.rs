//! `cargo xtask demo`: from a new machine to an example's result.

use crate::{
    example, guests, program, setup,
    toolchain::Toolchain,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

/// Installs, builds, runs, shows.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    eprintln!("=== what is needed");
    setup::linker()?;
    let toolchain = Toolchain::ensure()?;
    eprintln!("guests are built with {}", toolchain.describe());

    eprintln!("\n=== the product (the first time it takes some minutes)");
    let wfctl = Wfctl::build(workspace, Profile::Dev)?;

    eprintln!("\n=== an example, from its source to one file");
    let quakes = example::build(workspace, &wfctl)?;
    program::run(&mut wfctl.command(["inspect".as_ref(), quakes.as_os_str()]))?;

    eprintln!("\n=== a run of it, over a week of earthquakes");
    program::run(&mut wfctl.command(["run".as_ref(), quakes.as_os_str()]))?;

    eprintln!("\n=== the same from plain WASI programs, held together by a dag.toml");
    guests::build_example(workspace, &toolchain, "quakes-programs")?;
    let programs = workspace.example("quakes-programs").join("dag.toml");
    program::run(&mut wfctl.command(["run".as_ref(), programs.as_os_str()]))?;

    eprintln!("\n=== what the first one wrote");
    let report = newest_report(&wfctl)?;
    println!("{}", example::artifact(&wfctl, &report["page"])?);
    let chart = workspace.target().join("examples/quakes.svg");
    fs::copy(example::artifact_path(&wfctl, &report["chart"])?, &chart)?;
    println!("The chart is {}", chart.display());
    Ok(())
}

/// The output of the task `report` of the last run that left one with a chart.
fn newest_report(wfctl: &Wfctl) -> Result<Value> {
    let mut runs: Vec<_> = fs::read_dir(wfctl.runs())?.collect::<Result<_, _>>()?;
    // Names of runs begin with their time.
    runs.sort_by_key(|run| std::cmp::Reverse(run.file_name()));
    for run in runs {
        let Ok(text) = fs::read_to_string(run.path().join("run.json")) else {
            continue;
        };
        let run: Value = serde_json::from_str(&text)?;
        let report = &run["tasks"]["report"]["output"];
        if report["chart"].is_object() {
            ensure!(
                run["state"] == "success",
                "the run ended as {}",
                run["state"]
            );
            return Ok(report.clone());
        }
    }
    None.context("no run left a report")
}
