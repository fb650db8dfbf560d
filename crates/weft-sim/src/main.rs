//! Runs simulations from the command line: one seed with its trace, or many.

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use weft_sim::{coverage::Coverage, installation, on_all_cores, simulate};

/// Simulates and audits, each seed a world of its own.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The state machine of one run, under random events.
    Run(Seeds),
    /// The real scheduler in a whole installation, under faults.
    Installation(Seeds),
}

#[derive(Debug, clap::Args)]
struct Seeds {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Print every step; of one seed.
    #[arg(long)]
    trace: bool,
    /// Plant a bug, by name.
    #[arg(long)]
    bug: Option<String>,
    /// Killed workers of an installation report which attempts were in guest code.
    #[arg(long)]
    crashes: bool,
}

fn main() -> ExitCode {
    match Arguments::parse().what {
        What::Run(seeds) => run(&seeds),
        What::Installation(seeds) => installation(&seeds),
    }
}

fn run(seeds: &Seeds) -> ExitCode {
    use weft_core::run::Planted;
    let Ok(bug) = named(seeds.bug.as_deref(), &Planted::ALL) else {
        return ExitCode::from(2);
    };
    let mut coverage = Coverage::default();
    for seed in seeds.seed..seeds.seed.saturating_add(seeds.count) {
        let mut trace = |line: String| println!("{line}");
        let options = weft_sim::Options {
            bug,
            trace: seeds.trace.then_some(&mut trace as &mut dyn FnMut(String)),
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

fn installation(seeds: &Seeds) -> ExitCode {
    use weft_scheduler::Planted;
    let Ok(bug) = named(seeds.bug.as_deref(), &Planted::ALL) else {
        return ExitCode::from(2);
    };
    let options = installation::Options {
        bug,
        trace: seeds.trace,
        history: 0,
        crashes: seeds.crashes,
    };
    let all = seeds.seed..seeds.seed.saturating_add(seeds.count);
    let outcomes = on_all_cores(all, |seed| installation::simulate(seed, options));
    let mut coverage = Coverage::default();
    let mut found = 0_u64;
    let (mut events, mut faults) = (0, 0);
    for outcome in outcomes {
        match outcome {
            Ok(outcome) => {
                for line in &outcome.trace {
                    println!("{line}");
                }
                coverage.absorb(&outcome.coverage);
                events += outcome.events;
                faults += outcome.faults;
            }
            Err(finding) => {
                for line in &finding.trace {
                    println!("{line}");
                }
                eprintln!("{finding}");
                found += 1;
            }
        }
    }
    print!("{coverage}");
    println!("{events:>10}  events in all\n{faults:>10}  faults in all\n{found:>10}  findings");
    if found > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The bug of this name, or an error that names it.
fn named<B: Copy + std::fmt::Debug>(name: Option<&str>, all: &[B]) -> Result<Option<B>, ()> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = all.iter().find(|bug| format!("{bug:?}") == name);
    if found.is_none() {
        eprintln!("no such bug; there are: {all:?}");
    }
    found.map(|bug| Some(*bug)).ok_or(())
}
