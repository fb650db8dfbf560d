//! The crates' own benches: each prints its measurements as JSON lines.

use super::measurement::Measurement;
use crate::{program, workspace::Workspace};
use anyhow::{Context, Result, ensure};
use std::{ffi::OsStr, process::Command};

/// What is measured, as arguments for cargo. One selection for the product and
/// for the crates' own benches: cargo unites the features of what it is asked
/// to build, so that another selection would compile the engine once more.
pub(crate) const MEASURED: [&str; 10] = [
    "--package",
    "wfctl",
    "--package",
    "weft-core",
    "--package",
    "weft-sandbox",
    "--package",
    "weft-store-sql",
    "--package",
    "weft-broker-redis",
];

/// The bench that fills a database with a long history, and measures it.
pub(crate) const HISTORY: &str = "history";

/// One `[[bench]]` of a crate.
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    target: &'static str,
    /// Guests by file name, for benches that measure some.
    guests: &'static [&'static str],
    /// It takes minutes: one round is enough.
    pub(crate) once: bool,
}

/// All of them.
pub(crate) const BENCHES: [Bench; 5] = [
    Bench {
        name: "core: documents",
        target: "document",
        guests: &[],
        once: false,
    },
    Bench {
        name: "core: runs",
        target: "run",
        guests: &[],
        once: false,
    },
    Bench {
        name: "sandbox: instances",
        target: "instantiate",
        guests: &["guest_bare.wasm", "bench_sdk.wasm"],
        once: false,
    },
    Bench {
        name: "broker: 1,000 workers",
        target: "fleet",
        guests: &[],
        once: true,
    },
    Bench {
        name: "store: history",
        target: HISTORY,
        guests: &[],
        once: true,
    },
];

/// Builds everything that is measured. Not by `--benches`: that links each
/// crate's unit tests too, which takes minutes for each.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    let mut build = program::cargo();
    build
        .current_dir(workspace.root())
        .args(["build", "--locked", "--release", "--bin", "wfctl"])
        .args(BENCHES.iter().flat_map(|bench| ["--bench", bench.target]))
        .args(MEASURED);
    program::run(&mut build)
}

impl Bench {
    /// Runs it once. Lines that begin with `{` are measurements, all else is for people.
    pub(crate) fn measure(&self, workspace: &Workspace) -> Result<Vec<Measurement>> {
        let guests = self.guests.iter();
        measurements(
            workspace,
            self.target,
            guests.map(|guest| workspace.guests().join(guest)),
        )
    }
}

/// Runs a crate's bench with these arguments, and reads its measurements.
pub(crate) fn measurements<A: AsRef<OsStr>>(
    workspace: &Workspace,
    target: &str,
    args: impl IntoIterator<Item = A>,
) -> Result<Vec<Measurement>> {
    let mut cargo = program::cargo();
    cargo
        .current_dir(workspace.root())
        .args(["bench", "--locked", "--quiet"])
        .args(MEASURED)
        .args(["--bench", target, "--"])
        .args(args);
    read(&mut cargo, target)
}

/// Runs a bench, and reads its measurements.
pub(crate) fn read(bench: &mut Command, name: &str) -> Result<Vec<Measurement>> {
    let printed = program::read(bench)?;
    let measurements = printed
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(serde_json::from_str);
    let measurements: Vec<Measurement> = measurements
        .collect::<Result<_, _>>()
        .with_context(|| format!("a measurement of the bench {name}"))?;
    ensure!(
        !measurements.is_empty(),
        "the bench {name} printed no measurement"
    );
    Ok(measurements)
}
