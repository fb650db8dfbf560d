//! `cargo xtask demo`: from a new machine to the results of an example's scheduled run.

use crate::{
    example, guests,
    installation::{Installation, Start},
    program, setup,
    steps::timed,
    tools::toolchain::Toolchain,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::Result;
use std::time::Instant;

/// Installs, builds, runs, shows; prints how long each step takes.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let start = Instant::now();
    let toolchain = timed("a compiler for WebAssembly", || {
        setup::linker()?;
        let toolchain = Toolchain::ensure()?;
        eprintln!("guests are built with {}", toolchain.describe());
        Ok(toolchain)
    })?;
    let wfctl = timed("wfctl (compiles some 400 crates the first time)", || {
        Wfctl::build(workspace, Profile::Demo)
    })?;
    let quakes = timed("an example, from its source to one file", || {
        let quakes = example::build(workspace, &wfctl)?;
        program::run(&mut wfctl.command(["inspect".as_ref(), quakes.as_os_str()]))?;
        Ok(quakes)
    })?;
    let weft = timed("a server, a scheduler and a worker, in one process", || {
        let weft = Installation::start(workspace, &wfctl, "demo-data", Start::Empty, &[])?;
        program::run(&mut weft.client(["deploy".as_ref(), quakes.as_os_str()]))?;
        Ok(weft)
    })?;
    let run = timed("its run of that week, made by its schedule", || {
        let run = weft.scheduled_run("quakes")?;
        program::run(&mut weft.client(["runs", "watch", &run]))?;
        program::run(&mut weft.client(["tasks", "list", &run]))?;
        Ok(run)
    })?;
    timed("what it wrote", || {
        let chart = workspace.target().join("examples/quakes.svg");
        let fetch = |at| weft.client(["outputs", "artifact", &run, "report", at]);
        program::run(fetch("--at=/chart").arg("--file").arg(&chart))?;
        program::run(&mut fetch("--at=/page"))?;
        println!("The chart is {}", chart.display());
        weft.end()
    })?;
    timed(
        "the same from plain WASI programs in a dag.toml, run without a server",
        || {
            guests::build_example(workspace, &toolchain, "quakes-programs")?;
            let programs = workspace.example("quakes-programs").join("dag.toml");
            program::run(&mut wfctl.command(["run".as_ref(), programs.as_os_str()]))
        },
    )?;
    eprintln!("\nthe demo took {:.0} s", start.elapsed().as_secs_f64());
    Ok(())
}
