//! The project's own chores: `cargo xtask <command>`.
//!
//! One file per command, with a folder of its parts beside it. Several commands share the
//! folders (`workspace`), running programs (`program`, `steps`), programs that are installed
//! on demand (`tools`), and `wfctl` itself (`wfctl`, `installation`, `example`). Nothing here
//! is part of the product.

mod bench;
mod demo;
mod dist;
mod docs;
mod example;
mod guests;
mod installation;
mod native;
mod program;
mod setup;
mod steps;
mod test;
mod tools;
mod vocabulary;
mod wfctl;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use workspace::Workspace;

/// Weft's chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what is missing, build everything, run an example and show its result
    Demo,
    /// Run every check and every test
    Test(test::TestArgs),
    /// Build the WebAssembly guests of tests, examples and benchmarks into target/guests
    Guests,
    /// Measure, and print one table of measurements beside their targets
    Bench(bench::BenchArgs),
    /// Make what people install: an archive, a wheel, an npm package, an image, into target/dist
    Dist(dist::DistArgs),
    /// Check the documentation and build its site into target/docs/site
    Docs(docs::DocsArgs),
    /// Build native Python packages from their recipes into sdk/python/native/wheels
    Native(native::NativeArgs),
    /// Install what the other commands need and this machine lacks
    Setup,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let workspace = Workspace::find();
    let done = match cli.command {
        Command::Demo => demo::run(&workspace),
        Command::Test(args) => test::run(&workspace, &args),
        Command::Guests => guests::run(&workspace),
        Command::Bench(args) => bench::run(&workspace, &args),
        Command::Dist(args) => dist::run(&workspace, &args),
        Command::Docs(args) => docs::run(&workspace, &args),
        Command::Native(args) => native::run(&workspace, &args),
        Command::Setup => setup::run(&workspace),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
