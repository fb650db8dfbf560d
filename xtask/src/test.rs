//! `cargo xtask test`: every check and every test there is.
//!
//! Steps that only read come first. Everything that is compiled for this
//! machine shares one target folder and the development profile, so that the
//! heavy dependencies are compiled once.

mod api_fuzz;
mod cargo_tests;
mod compose;
mod deployment;
mod go;
pub(crate) mod js;
mod new_dag;
mod other_architecture;
mod packages;
mod python;
pub(crate) mod web_ui;

use crate::{
    docs, example, guests, program, setup, steps::Steps, tools, vocabulary, workspace::Workspace,
};
use anyhow::Result;
use clap::Args;
use std::{process::Command, thread};

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Only the steps whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Run sweeps (simulated seeds, kills, fuzzing) at their full length, as before a release
    #[arg(long)]
    deep: bool,
}

/// Cargo workspaces beside the root one, whose code can be checked on this machine too.
const EXAMPLES: [&str; 2] = ["examples/quakes", "examples/quakes-programs"];

/// Cargo workspaces whose code means nothing outside WebAssembly.
const GUESTS: [&str; 2] = ["tests/guests", "xtask/bench-guests"];

/// Runs them all, and sums up.
pub(crate) fn run(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let mut steps = Steps::new(args.only.clone());
    let mut programs = Vec::new();
    let tools = steps.run("tools", || {
        setup::run(workspace)?;
        // Steps that run beside each other need them, and would install them at once.
        tools::compilers::go(workspace)?;
        tools::compilers::node()?;
        Ok(())
    });
    steps.run("format", || format(workspace));
    steps.run("vocabulary", || vocabulary::check(workspace));
    steps.run_if(tools, "licences and layers (cargo deny)", || {
        deny(workspace)
    });
    let (guests, built) = thread::scope(|scope| {
        // They are linked one by one, which leaves a core to what is compiled for this machine.
        let guests = steps.begin(scope, tools, "guests", || guests::run(workspace));
        let built = compile_and_check(workspace, &mut steps);
        (steps.join(guests), built)
    });
    steps.run_if(built, "documentation site (zensical)", || {
        docs::check(workspace)
    });
    let ready = guests && built;
    steps.run_if(ready, "tests", || {
        cargo_tests::run(workspace, args.deep, &mut programs)
    });
    steps.run_if(ready, "the API, fuzzed (schemathesis)", || {
        api_fuzz::run(workspace, args.deep)
    });
    steps.run_if(built, "web UI (Chromium)", || web_ui::e2e(workspace));
    steps.run_if(ready, "deployment files", || deployment::check(workspace));
    steps.run_if(ready, "examples' own tests", || examples_tests(workspace));
    steps.run_if(ready, "examples' results", || example::check(workspace));
    steps.run_if(ready, "a new DAG", || new_dag::check(workspace));
    steps.run_if(ready, "packages", || packages::check(workspace));
    if args.deep {
        steps.run("Airflow importer, compared with Airflow", || {
            python::compare_airflow(workspace)
        });
        steps.run_if(ready, "an aarch64 worker (qemu)", || {
            other_architecture::check(workspace)
        });
        steps.run_if(ready, "the Compose file (podman)", || {
            compose::check(
                workspace,
                &packages::image(workspace)?,
                &example::file(workspace),
            )
        });
    }
    cargo_tests::print(&mut programs);
    steps.finish()
}

/// What needs no guests; returns whether the programs are built.
fn compile_and_check(workspace: &Workspace, steps: &mut Steps) -> bool {
    steps.run("lints (clippy)", || lints(workspace));
    steps.run("documentation (rustdoc)", || documentation(workspace));
    steps.run("Python SDK (pytest)", || python::test(workspace));
    steps.run("Airflow importer (pytest)", || {
        python::test_airflow(workspace)
    });
    steps.run("JavaScript SDK (node --test)", || js::test(workspace));
    steps.run("Go SDK (go test)", || go::test(workspace));
    steps.run("web UI (bundle)", || web_ui::check(workspace));
    steps.run("build", || {
        // Not `test --no-run`: that builds `wfctl` as well, but without the list of its files by
        // which the tests know that it is up to date.
        root_cargo(workspace, &["build", "--workspace", "--bins", "--tests"])
    })
}

fn root_cargo(workspace: &Workspace, args: &[&str]) -> Result<()> {
    program::run(
        program::cargo()
            .current_dir(workspace.root())
            .arg("--locked")
            .args(args),
    )
}

/// Cargo in a workspace beside the root one, into the same target folder.
fn cargo_in(workspace: &Workspace, folder: &str) -> Command {
    let mut cargo = program::cargo();
    cargo
        .current_dir(workspace.root().join(folder))
        .env("CARGO_TARGET_DIR", workspace.target());
    cargo
}

fn format(workspace: &Workspace) -> Result<()> {
    for folder in [""].iter().chain(&EXAMPLES).chain(&GUESTS) {
        program::run(cargo_in(workspace, folder).args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn deny(workspace: &Workspace) -> Result<()> {
    // Advisories are a download that tests must not depend on; see deny.toml.
    let mut deny = Command::new(tools::cargo_deny()?);
    deny.current_dir(workspace.root())
        .args(["--locked", "check", "bans", "licenses", "sources"]);
    program::run(&mut deny)
}

fn lints(workspace: &Workspace) -> Result<()> {
    root_cargo(
        workspace,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    for folder in EXAMPLES {
        program::run(cargo_in(workspace, folder).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))?;
    }
    Ok(())
}

fn documentation(workspace: &Workspace) -> Result<()> {
    let mut cargo = program::cargo();
    cargo
        .current_dir(workspace.root())
        .args(["doc", "--locked", "--workspace", "--no-deps", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings");
    program::run(&mut cargo)
}

fn examples_tests(workspace: &Workspace) -> Result<()> {
    for folder in EXAMPLES {
        program::run(cargo_in(workspace, folder).args(["test", "--workspace", "--quiet"]))?;
    }
    Ok(())
}
