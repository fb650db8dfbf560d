//! Benchmarks of what waits in a `wfctl up`: events, deferred task instances, clears of them, assets, sensors; and
//! the deploy of a large DAG.

mod assets;
mod deferred;
mod deploy;
mod events;
mod sensors;

use super::{Bench, Better, Measurement, Scenario, client::Client, measurement, time};
use crate::bench::process::Process;
use anyhow::{Result, ensure};
use jiff::Timestamp;
use std::{
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// All of them. Each takes seconds to minutes: one round is enough.
pub(super) static SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "waits: events",
        once: true,
        measure: events::measure,
    },
    Scenario {
        name: "waits: 100,000 deferred instances",
        once: true,
        measure: deferred::waiting,
    },
    Scenario {
        name: "waits: clear of 100,000 deferred instances",
        once: true,
        measure: deferred::clear_of_deferred,
    },
    Scenario {
        name: "waits: clear of 100,000 ended instances",
        once: true,
        measure: deferred::clear_of_ended,
    },
    Scenario {
        name: "waits: asset with 1,000 DAGs",
        once: true,
        measure: assets::measure,
    },
    Scenario {
        name: "waits: 10,000 sensors",
        once: true,
        measure: sensors::measure,
    },
    Scenario {
        name: "waits: deploy of 10,000 tasks",
        once: true,
        measure: deploy::measure,
    },
];

/// The guest of most of them.
const GUEST: &str = "bench_waits.wasm";
/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_mins(15);
/// Between two reads of a run's state, which are to cost little of what is measured.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A row with one value.
fn row(name: &str, unit: &str, value: f64) -> Measurement {
    Measurement {
        name: format!("waits: {name}"),
        ..measurement("", unit, value, None)
    }
}

/// A row with the median and the 99th percentile of many values in milliseconds.
fn row_of_many(name: &str, mut values: Vec<f64>) -> Result<Measurement> {
    ensure!(!values.is_empty(), "there is no value of {name}");
    values.sort_by(f64::total_cmp);
    Ok(Measurement {
        p99: Some(values[values.len() * 99 / 100]),
        ..row(name, "ms", values[values.len() / 2])
    })
}

/// Milliseconds from a call to a time that the installation recorded. Its clock is this machine's, in whole milliseconds.
fn ms_between(called: Timestamp, recorded: Timestamp) -> f64 {
    recorded.duration_since(called).as_secs_f64().max(0.0) * 1e3
}

/// Waits until a condition holds.
fn await_condition(
    what: &str,
    interval: Duration,
    mut holds: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !holds()? {
        ensure!(Instant::now() < deadline, "within {PATIENCE:?}: {what}");
        thread::sleep(interval);
    }
    Ok(())
}

/// Waits until so many task instances of a run are in a state.
fn await_count(client: &Client, run: &str, state: &str, count: u64) -> Result<()> {
    let what = format!("the run {run} has not {count} instances that are {state}");
    await_condition(&what, POLL_INTERVAL, || {
        let found = client.get(&format!("/runs/{run}"))?;
        Ok(found["counts"][state].as_u64() == Some(count))
    })
}

/// An empty folder for manifests.
fn folder(bench: &Bench<'_>) -> Result<PathBuf> {
    let folder = bench.workspace.target().join("bench-waits");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}
