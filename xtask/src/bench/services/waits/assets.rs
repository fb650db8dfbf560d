//! An update of an asset that creates a run of each of 1,000 DAGs.

use super::{Bench, GUEST, Measurement, await_condition, ms_between, row, time};
use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The guest's DAGs whose runs the asset creates.
const DAGS: usize = 1_000;
/// Between two lists of all runs, which take milliseconds of the server.
const LIST_INTERVAL: Duration = Duration::from_millis(500);

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start(GUEST)?;
    let (start, called) = (Instant::now(), Timestamp::now());
    client.post("/assets/updates", &json!({ "asset": "bench" }))?;
    let answered = start.elapsed().as_secs_f64() * 1e3;
    let mut runs = Vec::new();
    await_condition("not all runs of the asset ended", LIST_INTERVAL, || {
        runs = client.all("/runs")?;
        let ended = runs.iter().filter(|run| run["state"] == "success");
        Ok(ended.count() == DAGS)
    })?;
    installation.end()?;
    let last = |field: &str| -> Result<f64> {
        let times = runs.iter().map(|run: &Value| time(&run[field]));
        let times: Vec<Timestamp> = times.collect::<Result<_>>()?;
        let last = times.into_iter().max().context("there is no run")?;
        Ok(ms_between(called, last))
    };
    Ok(vec![
        row("asset with 1,000 DAGs: update to answer", "ms", answered),
        row(
            "asset with 1,000 DAGs: update until all runs are created",
            "ms",
            last("created")?,
        ),
        row(
            "asset with 1,000 DAGs: update until all runs have started",
            "ms",
            last("started")?,
        ),
        row(
            "asset with 1,000 DAGs: update until all runs have ended",
            "ms",
            last("ended")?,
        ),
    ])
}
