//! `wfctl`: the one binary of Weft.
//!
//! This file parses the command line, runs the command and turns its result
//! into an exit code. Nothing is created that the command does not need:
//! `wfctl run` has to start its first task within milliseconds.

mod cli;
mod client;
mod command;
mod diagnostic;
mod dispatch;
mod graph;
mod local_time;
mod table;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    cli.color.apply();
    if let cli::Command::CompileComponent(args) = cli.command {
        // The exit code belongs to the protocol between the sandbox and this process.
        return weft_sandbox::compiler::main(args.args);
    }
    if let cli::Command::InspectDeployment(args) = &cli.command {
        return weft_node::inspect_deployment(&args.file);
    }
    match dispatch::run(cli.command) {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(problems) => {
            diagnostic::report(&problems);
            ExitCode::from(problems.exit().code())
        }
    }
}
