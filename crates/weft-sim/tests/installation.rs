//! Hundreds of installations under faults without a finding; full sweeps
//! exercise every kind of fault, and a crash at every await.

use weft_sim::{
    coverage::Coverage,
    installation::{self, EVENTS, FAULTS, Options, call::CRASHES, random::FIRST_WITH_CONDITIONS},
    on_all_cores,
};
use weft_sweeps::{SIMULATED_CRASHES, SIMULATED_INSTALLATIONS};

/// Runs that ended before, to see that they cost nothing.
const HISTORY: u64 = 3_000;

#[test]
fn simulated_installations_pass_the_audit() {
    let seeds = SIMULATED_INSTALLATIONS.size();
    let outcomes = on_all_cores(0..seeds, |seed| {
        installation::simulate(seed, Options::default())
    });
    let mut coverage = Coverage::default();
    let (mut events, mut faults) = (0, 0);
    for outcome in outcomes {
        let outcome = outcome.unwrap_or_else(|finding| panic!("{finding}"));
        assert!(outcome.events >= EVENTS && outcome.faults >= FAULTS);
        coverage.absorb(&outcome.coverage);
        events += outcome.events;
        faults += outcome.faults;
    }
    println!("{seeds} seeds, {events} events, {faults} faults:\n{coverage}");
    let kinds = installation::KINDS.iter().chain(CRASHES);
    let missing: Vec<_> = kinds.filter(|kind| coverage.count(kind) == 0).collect();
    if weft_sweeps::is_deep() {
        assert!(missing.is_empty(), "never exercised: {missing:?}");
    }
}

#[test]
fn installations_with_conditions_on_other_runs_pass_the_audit() {
    let seeds = FIRST_WITH_CONDITIONS..FIRST_WITH_CONDITIONS + SIMULATED_CRASHES.size();
    let outcomes = on_all_cores(seeds, |seed| {
        installation::simulate(seed, Options::default())
    });
    let mut coverage = Coverage::default();
    for outcome in outcomes {
        let outcome = outcome.unwrap_or_else(|finding| panic!("{finding}"));
        coverage.absorb(&outcome.coverage);
    }
    for kind in ["audited: run before", "committed: condition checked"] {
        assert!(coverage.count(kind) > 0, "{kind} was never exercised");
    }
}

#[test]
fn workers_that_tell_of_crashes_pass_the_audit() {
    let options = Options {
        crashes: true,
        ..Options::default()
    };
    let seeds = SIMULATED_CRASHES.size();
    let outcomes = on_all_cores(0..seeds, |seed| installation::simulate(seed, options));
    let mut coverage = Coverage::default();
    for outcome in outcomes {
        let outcome = outcome.unwrap_or_else(|finding| panic!("{finding}"));
        coverage.absorb(&outcome.coverage);
    }
    for kind in installation::CRASH_KINDS {
        assert!(
            coverage.count(kind) > 0 || !weft_sweeps::is_deep(),
            "{kind} was never exercised"
        );
    }
}

#[test]
fn a_seed_makes_the_same_installation_again() {
    let options = Options {
        trace: true,
        ..Options::default()
    };
    for seed in [1, 2, 3, 4] {
        let first = installation::simulate(seed, options).unwrap_or_else(|found| panic!("{found}"));
        let again = installation::simulate(seed, options).unwrap_or_else(|found| panic!("{found}"));
        assert!(first.trace.len() > 1_000, "seed {seed} does something");
        let differs = first.trace.iter().zip(&again.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.work, again.work, "seed {seed}");
    }
}

#[test]
fn history_costs_nothing() {
    for seed in [5, 6, 7, 8] {
        let young = installation::simulate(seed, Options::default());
        let options = Options {
            history: HISTORY,
            ..Options::default()
        };
        let old = installation::simulate(seed, options);
        let young = young.unwrap_or_else(|finding| panic!("{finding}"));
        let old = old.unwrap_or_else(|finding| panic!("{finding}"));
        assert_eq!(young.events, old.events, "seed {seed}");
        assert_eq!(young.work, old.work, "seed {seed}");
    }
}
