//! `cargo xtask test`: every check and every test there is.
//!
//! Steps that only read come first. Everything that is compiled for this
//! machine shares one target folder and the development profile, so that the
//! heavy dependencies are compiled once.

use crate::{
    api_fuzz, deployment, example, go, guests, js, newcomer, program, python, setup, steps::Steps,
    tools, workspace::Workspace,
};
use anyhow::Result;
use clap::Args;
use std::process::Command;

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct TestArgs {
    /// Only the steps whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

/// Cargo workspaces beside the root one, whose code can be checked on this machine too.
const EXAMPLES: [&str; 2] = ["examples/quakes", "examples/quakes-programs"];

/// Cargo workspaces whose code means nothing outside WebAssembly.
const GUESTS: [&str; 2] = ["tests/guests", "xtask/bench-guests"];

/// Runs them all, and sums up.
pub(crate) fn run(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let mut steps = Steps::new(args.only.clone());
    let tools = steps.run("tools", || setup::run(workspace));
    steps.run("format", || format(workspace));
    if tools {
        steps.run("licences and layers (cargo deny)", || deny(workspace));
    } else {
        steps.leave_out("licences and layers (cargo deny)");
    }
    steps.run("lints (clippy)", || lints(workspace));
    steps.run("documentation (rustdoc)", || documentation(workspace));
    steps.run("Python SDK (pytest)", || python::test(workspace));
    steps.run("JavaScript SDK (node --test)", || js::test(workspace));
    steps.run("Go SDK (go test)", || go::test(workspace));
    let guests = tools && steps.run("guests", || guests::run(workspace));
    let built = steps.run("build", || {
        // Not `test --no-run`: that builds `wfctl` as well, but without the list of its files by
        // which the tests know that it is up to date.
        root_cargo(workspace, &["build", "--workspace", "--bins", "--tests"])
    });
    if guests && built {
        // All tests are run even where some fail: one list of failures is worth more than its
        // first line. Without a choice of targets cargo runs the documentation's examples too,
        // and leaves out benches, which mean nothing in this profile.
        steps.run("tests", || {
            root_cargo(workspace, &["test", "--workspace", "--no-fail-fast"])
        });
        steps.run("the API, fuzzed (schemathesis)", || {
            api_fuzz::run(workspace)
        });
        steps.run("deployment files", || deployment::check(workspace));
        steps.run("examples' own tests", || examples_tests(workspace));
        steps.run("examples' results", || example::check(workspace));
        steps.run("a new DAG", || newcomer::check(workspace));
    } else {
        for name in [
            "tests",
            "the API, fuzzed (schemathesis)",
            "deployment files",
            "examples' own tests",
            "examples' results",
            "a new DAG",
        ] {
            steps.leave_out(name);
        }
    }
    steps.finish()
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
