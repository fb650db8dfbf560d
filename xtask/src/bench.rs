//! `cargo xtask bench`: measures, and prints one table.
//!
//! Everything is built in release first. Then come rounds: each measures every
//! subject once, so that whatever else the machine does falls on all of them
//! alike. A measurement's median is the median over rounds; of 99th percentiles the
//! worst is shown. Every limit and the capture of logs are on, because the
//! measurements are of the product as it is used.

mod against;
mod harness;
mod languages;
mod measurement;
mod packages;
mod process;
mod run;
mod services;
mod web_ui;

use crate::{
    example, guests,
    wfctl::{Profile, Wfctl},
    workspace::Workspace,
};
use anyhow::Result;
use clap::Args;
use measurement::Table;

/// Options of `cargo xtask bench`.
#[derive(Args)]
pub(crate) struct BenchArgs {
    /// How often everything is measured
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: u32,
    /// Only subjects whose names contain this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Don't build anything: what is there is measured
    #[arg(long)]
    no_build: bool,
    /// Measure beside `wfctl` of another commit, and print ratios
    #[arg(long, value_name = "COMMIT")]
    against: Option<String>,
    /// Keep what is measured of native Python packages in sdk/python/native/measurements.json
    #[arg(long)]
    record: bool,
}

/// Measures everything, and prints the table.
pub(crate) fn run(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    let wanted = |name: &str| {
        args.only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
    };
    if let Some(commit) = &args.against {
        let comparison = against::Comparison {
            commit,
            rounds: args.rounds,
            wanted: &wanted,
            no_build: args.no_build,
        };
        return comparison.run(workspace);
    }
    if !args.no_build {
        guests::run(workspace)?;
        harness::build(workspace)?;
    }
    let wfctl = Wfctl::built(workspace, Profile::Release);
    let quakes = example::file(workspace);
    if wanted(run::EXAMPLE) {
        example::build(workspace, &wfctl)?;
    }
    let flows = run::subjects(workspace, &quakes);
    let mut table = Table::default();
    for flow in flows.iter().filter(|flow| wanted(flow.name)) {
        // Not counted: the code is compiled into the cache, and the disk is warm.
        eprintln!("warming up: {}", flow.name);
        flow.measure(&wfctl)?;
    }
    for round in 1..=args.rounds {
        for bench in harness::BENCHES
            .iter()
            .filter(|bench| wanted(bench.name) && (round == 1 || !bench.once))
        {
            eprintln!("round {round} of {}: {}", args.rounds, bench.name);
            bench
                .measure(workspace)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
        // An interpreter takes seconds to compile, and is built anew: one round is enough.
        if round == 1 && wanted(languages::NAME) {
            eprintln!("round {round} of {}: {}", args.rounds, languages::NAME);
            languages::measure(workspace, &wfctl)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
        // It repeats by itself what varies.
        if round == 1 {
            let bench = packages::Bench {
                workspace,
                wfctl: &wfctl,
                no_build: args.no_build,
                record: args.record,
            };
            bench
                .measure(wanted)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
        // It measures everything five times by itself.
        if round == 1 && wanted(web_ui::NAME) {
            eprintln!("round {round} of {}: {}", args.rounds, web_ui::NAME);
            web_ui::measure(workspace, &wfctl)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
        for flow in flows.iter().filter(|flow| wanted(flow.name)) {
            eprintln!("round {round} of {}: {}", args.rounds, flow.name);
            flow.measure(&wfctl)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
        for scenario in services::scenarios()
            .filter(|scenario| wanted(scenario.name) && (round == 1 || !scenario.once))
        {
            eprintln!("round {round} of {}: {}", args.rounds, scenario.name);
            let bench = services::Bench {
                workspace,
                wfctl: &wfctl,
            };
            (scenario.measure)(&bench)?
                .into_iter()
                .for_each(|measurement| table.add(measurement));
        }
    }
    print!("{table}");
    Ok(())
}
