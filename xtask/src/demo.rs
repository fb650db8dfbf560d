//! `cargo xtask demo`: from a new machine to what an example wrote on its schedule.

use crate::{
    example, guests,
    installation::{Installation, Start},
    program, setup,
    toolchain::Toolchain,
    wfctl::Wfctl,
    workspace::Workspace,
};
use anyhow::Result;

/// Installs, builds, runs, shows.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    eprintln!("=== what is needed");
    setup::linker()?;
    let toolchain = Toolchain::ensure()?;
    eprintln!("guests are built with {}", toolchain.describe());

    eprintln!("\n=== the product (the first time it takes some minutes)");
    let wfctl = Wfctl::build(workspace)?;

    eprintln!("\n=== an example, from its source to one file");
    let quakes = example::build(workspace, &wfctl)?;
    program::run(&mut wfctl.command(["inspect".as_ref(), quakes.as_os_str()]))?;

    eprintln!("\n=== a server, a scheduler and a worker, in one process");
    let weft = Installation::start(workspace, &wfctl, "demo", Start::Empty, &[])?;
    program::run(&mut weft.client(["deploy".as_ref(), quakes.as_os_str()]))?;

    eprintln!("\n=== its run of that week, made by its schedule");
    let run = weft.scheduled_run("quakes")?;
    program::run(&mut weft.client(["runs", "watch", &run]))?;
    program::run(&mut weft.client(["tasks", "list", &run]))?;

    eprintln!("\n=== what it wrote");
    let chart = workspace.target().join("examples/quakes.svg");
    let fetch = |at| weft.client(["outputs", "artifact", &run, "report", at]);
    program::run(fetch("--at=/chart").arg("--file").arg(&chart))?;
    program::run(&mut fetch("--at=/page"))?;
    println!("The chart is {}", chart.display());
    weft.end()?;

    eprintln!("\n=== the same from plain WASI programs in a dag.toml, run without a server");
    guests::build_example(workspace, &toolchain, "quakes-programs")?;
    let programs = workspace.example("quakes-programs").join("dag.toml");
    program::run(&mut wfctl.command(["run".as_ref(), programs.as_os_str()]))?;
    Ok(())
}
