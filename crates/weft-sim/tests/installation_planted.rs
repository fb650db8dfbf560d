//! The auditor of installations finds each bug that can be planted in the
//! scheduler, so that its silence about the scheduler without one means something.

use weft_scheduler::Planted;
use weft_sim::{
    installation::{self, Options},
    on_all_cores,
};

/// Within so many seeds a planted bug has to be found.
const SEEDS: u64 = 300;
/// Seeds that are tried at once.
const BATCH: u64 = 10;

#[test]
fn every_planted_bug_is_found() {
    let mut escaped = Vec::new();
    for bug in Planted::ALL {
        let options = Options {
            bug: Some(bug),
            ..Options::default()
        };
        let mut batches = (0..SEEDS / BATCH).map(|batch| batch * BATCH..(batch + 1) * BATCH);
        let found = batches.find_map(|batch| {
            let outcomes = on_all_cores(batch, |seed| installation::simulate(seed, options));
            outcomes.into_iter().find_map(Result::err)
        });
        match found {
            // Any check would find a crash.
            Some(finding) if finding.what.contains("panicked") => {
                escaped.push(format!("{bug:?} only crashes: {finding}"));
            }
            Some(finding) => println!("{bug:?}: {finding}\n"),
            None => escaped.push(format!("{bug:?}")),
        }
    }
    assert!(
        escaped.is_empty(),
        "not found within {SEEDS} seeds: {escaped:#?}"
    );
}
