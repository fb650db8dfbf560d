//! The auditor finds each bug that can be planted in the machine, so that its
//! silence about the machine without one means something.

use weft_core::run::Planted;
use weft_sim::{Options, simulate};

/// Within so many seeds a planted bug has to be found.
const SEEDS: u64 = 10_000;

#[test]
fn every_planted_bug_is_found() {
    let mut escaped = Vec::new();
    for bug in Planted::ALL {
        let found = (0..SEEDS).find_map(|seed| {
            simulate(
                seed,
                Options {
                    bug: Some(bug),
                    trace: None,
                },
            )
            .err()
            // Any check would find a crash.
            .filter(|finding| !finding.what.contains("panicked"))
        });
        match found {
            Some(finding) => println!("{bug:?}: {finding}\n"),
            None => escaped.push(format!("{bug:?}")),
        }
    }
    assert!(
        escaped.is_empty(),
        "not found within {SEEDS} seeds: {escaped:#?}"
    );
}
