//! Thousands of simulated runs without a bug have no finding, and together they
//! exercise every kind of event, fault and answer.

use std::thread;
use weft_sim::{Options, coverage::Coverage, simulate};
use weft_sweeps::SIMULATED_RUNS;

#[test]
fn simulated_runs_pass_the_audit() {
    let seeds = SIMULATED_RUNS.size();
    let workers = thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
    let coverage = thread::scope(|scope| {
        let handles: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut coverage = Coverage::default();
                    for seed in (0..seeds).filter(|seed| seed % workers == worker) {
                        match simulate(seed, Options::default()) {
                            Ok(seen) => coverage.absorb(&seen),
                            Err(finding) => panic!("{finding}"),
                        }
                    }
                    coverage
                })
            })
            .collect();
        let mut coverage = Coverage::default();
        for handle in handles {
            match handle.join() {
                Ok(seen) => coverage.absorb(&seen),
                Err(finding) => std::panic::resume_unwind(finding),
            }
        }
        coverage
    });
    println!("{seeds} seeds:\n{coverage}");
    let missing: Vec<_> = Coverage::KINDS
        .into_iter()
        .filter(|kind| coverage.count(kind) == 0)
        .collect();
    if weft_sweeps::is_deep() {
        assert!(missing.is_empty(), "never exercised: {missing:?}");
    }
}

#[test]
fn a_seed_makes_the_same_world_again() {
    for seed in [3, 77, 4242] {
        let traced = || {
            let mut lines = Vec::new();
            let mut trace = |line: String| lines.push(line);
            let ended = simulate(
                seed,
                Options {
                    bug: None,
                    trace: Some(&mut trace),
                },
            );
            assert!(ended.is_ok(), "{ended:?}");
            lines
        };
        let first = traced();
        assert!(first.len() > 3, "seed {seed} does something");
        assert_eq!(first, traced());
    }
}
