//! The commands: one file each, and the one place that tells them apart.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod graph;
pub(crate) mod inspect;
pub(crate) mod run;

use crate::{
    cli::Command,
    error::{Exit, Problems},
};

/// Runs one command to its end.
pub(crate) fn run(command: Command) -> Result<Exit, Problems> {
    match command {
        Command::New(args) => crate::new::run(&args),
        Command::Build(args) => crate::build::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Completions(args) => Ok(completions::run(&args)),
        Command::CompileComponent(_) => unreachable!("main answers it before anything else"),
    }
}
