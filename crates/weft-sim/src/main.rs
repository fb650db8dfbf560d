//! Runs simulations from the command line: one seed with its trace, or many.

use clap::Parser;
use std::process::ExitCode;
use weft_core::run::Planted;
use weft_sim::{Options, coverage::Coverage, simulate};

/// Simulates random runs of random DAGs and audits them.
#[derive(Debug, Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Print every step.
    #[arg(long)]
    trace: bool,
    /// Plant a bug, by name.
    #[arg(long)]
    bug: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let bug = match arguments.bug.as_deref().map(named) {
        None => None,
        Some(Some(bug)) => Some(bug),
        Some(None) => {
            eprintln!("no such bug; there are: {:?}", Planted::ALL);
            return ExitCode::from(2);
        }
    };
    let mut coverage = Coverage::default();
    for seed in arguments.seed..arguments.seed.saturating_add(arguments.count) {
        let mut trace = |line: String| println!("{line}");
        let options = Options {
            bug,
            trace: arguments
                .trace
                .then_some(&mut trace as &mut dyn FnMut(String)),
        };
        match simulate(seed, options) {
            Ok(seen) => coverage.absorb(&seen),
            Err(finding) => {
                eprintln!("{finding}");
                return ExitCode::FAILURE;
            }
        }
    }
    print!("{coverage}");
    ExitCode::SUCCESS
}

fn named(name: &str) -> Option<Planted> {
    Planted::ALL
        .into_iter()
        .find(|bug| format!("{bug:?}") == name)
}
