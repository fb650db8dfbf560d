//! The deploy of a DAG of 10,000 tasks in 500 groups: by `wfctl deploy`, and by the server alone.

use super::{Bench, Measurement, folder, row};
use crate::program;
use anyhow::{Result, ensure};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

/// How many groups there are, and the tasks of each, which run one after another.
const GROUPS: usize = 500;
const TASKS_OF_GROUP: usize = 20;
/// What each task runs: a component with one task, which does nothing.
const GUEST: &str = "bench_sdk.wasm";

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    // The component is deployed, so that what is measured compiles nothing.
    let (installation, client) = bench.start(GUEST)?;
    let folder = folder(bench)?;
    fs::copy(bench.workspace.guests().join(GUEST), folder.join(GUEST))?;

    let manifest = write_manifest(&folder, "groups")?;
    let mut deploy = installation.client(["deploy".as_ref(), manifest.as_os_str()]);
    let start = Instant::now();
    program::read(&mut deploy)?;
    let command_took = start.elapsed().as_secs_f64();

    // Another DAG, since the same file again changes nothing.
    let manifest = write_manifest(&folder, "groups_again")?;
    let packed = folder.join("packed.wasm");
    let mut build = bench.wfctl.command([
        "build".as_ref(),
        manifest.as_os_str(),
        "--output".as_ref(),
        packed.as_os_str(),
    ]);
    program::read(&mut build)?;
    let file = fs::read(&packed)?;
    let start = Instant::now();
    let answer = client.deploy(&file)?;
    let server_took = start.elapsed().as_secs_f64();
    let dag = &answer["dags"][0];
    ensure!(
        dag["dag"] == "groups_again" && dag["change"] == "created",
        "the deploy created no DAG: {dag}"
    );
    installation.end()?;
    Ok(vec![
        row(
            "deploy of 10,000 tasks in 500 groups: wfctl deploy",
            "s",
            command_took,
        ),
        row(
            "deploy of 10,000 tasks in 500 groups: the server's answer",
            "s",
            server_took,
        ),
    ])
}

/// Writes a `dag.toml` with tasks such as `g001.t01`.
fn write_manifest(folder: &Path, dag: &str) -> Result<PathBuf> {
    let mut text = format!("[dag]\nid = \"{dag}\"\n");
    for group in 1..=GROUPS {
        for task in 1..=TASKS_OF_GROUP {
            write!(
                text,
                "\n[tasks.\"g{group:03}.t{task:02}\"]\ncomponent = \"{GUEST}\"\ntask = \"noop\"\n"
            )?;
            if task > 1 {
                writeln!(text, "after = [\"g{group:03}.t{:02}\"]", task - 1)?;
            }
        }
    }
    let manifest = folder.join(format!("{dag}.toml"));
    fs::write(&manifest, text)?;
    Ok(manifest)
}
