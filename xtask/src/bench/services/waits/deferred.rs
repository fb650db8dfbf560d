//! 100,000 instances of a mapped task that are deferred for an hour: how long that takes and what it costs; and a clear of as
//! many instances, deferred or ended, while other runs go on.

use super::{
    Bench, Client, GUEST, Measurement, POLL_INTERVAL, Process, await_condition, await_count,
    ms_between, row, row_of_many,
};
use crate::installation::Start;
use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use serde_json::json;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The instances of the guest's DAGs `deferred` and `ended`.
const INSTANCES: u64 = 100_000;
/// How long nothing is done while the process is watched.
const IDLE: Duration = Duration::from_secs(10);
/// Between two of the other runs.
const BETWEEN_RUNS: Duration = Duration::from_millis(100);
/// How long the other runs go on before the clear.
const BEFORE_CLEAR: Duration = Duration::from_secs(2);

/// What is cleared.
struct Cleared {
    dag: &'static str,
    task: &'static str,
    /// The state of the instances before the clear, and after they have run again.
    state: &'static str,
    /// How many instances of the run are in it then.
    count: u64,
}

/// One of the runs that go on beside a clear.
struct OtherRun {
    id: String,
    triggered: Timestamp,
}

pub(super) fn waiting(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start(GUEST)?;
    // What a first run loads is not memory of the deferred instances.
    let first = client.trigger("single")?;
    await_count(&client, &first, "success", 1)?;
    let process = Process::of(&installation);
    thread::sleep(IDLE);
    let before = process.proportional_mb()?;
    let start = Instant::now();
    let run = client.trigger("deferred")?;
    await_count(&client, &run, "deferred", INSTANCES)?;
    let took = start.elapsed().as_secs_f64();
    // The last turn's records are still being written.
    thread::sleep(IDLE);
    let busy = process.busy_while(|| thread::sleep(IDLE))?;
    let added = process.proportional_mb()? - before;
    installation.kill()?;
    let start = Instant::now();
    let installation = bench.resume(Start::Kept, &[])?;
    let served = start.elapsed().as_secs_f64();
    let client = Client::of(&installation)?;
    // The shard takes part again once it has read the run that waits.
    let first = client.trigger("single")?;
    await_count(&client, &first, "success", 1)?;
    let scheduled = start.elapsed().as_secs_f64();
    await_count(&client, &run, "deferred", INSTANCES)?;
    installation.end()?;
    Ok(vec![
        row(
            "100,000 instances: trigger until all are deferred",
            "s",
            took,
        ),
        row("100,000 deferred instances: memory added", "MB", added),
        row("100,000 deferred instances: a core", "%", busy),
        row(
            "100,000 deferred instances: start until it serves",
            "s",
            served,
        ),
        row(
            "100,000 deferred instances: start until another run has ended",
            "s",
            scheduled,
        ),
    ])
}

pub(super) fn clear_of_deferred(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let cleared = Cleared {
        dag: "deferred",
        task: "hold",
        state: "deferred",
        count: INSTANCES,
    };
    clear(bench, &cleared)
}

pub(super) fn clear_of_ended(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let cleared = Cleared {
        dag: "ended",
        task: "noop",
        state: "success",
        // With the task that lists the numbers.
        count: INSTANCES + 1,
    };
    clear(bench, &cleared)
}

/// What a clear took, in seconds since its call.
struct Took {
    called: Timestamp,
    answered: f64,
    committed: f64,
    again: f64,
}

fn clear(bench: &Bench<'_>, cleared: &Cleared) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start(GUEST)?;
    let run = client.trigger(cleared.dag)?;
    await_count(&client, &run, cleared.state, cleared.count)?;
    let is_over = AtomicBool::new(false);
    let (took, others) = thread::scope(|scope| {
        let triggering = scope.spawn(|| trigger_others(&client, &is_over));
        thread::sleep(BEFORE_CLEAR);
        let took = clear_run(&client, &run, cleared);
        is_over.store(true, Ordering::Relaxed);
        let others = triggering.join().expect("it doesn't panic");
        anyhow::Ok((took?, others?))
    })?;
    let mut starts = Vec::new();
    let during = |other: &&OtherRun| other.triggered >= took.called;
    for other in others.iter().filter(during) {
        starts.push((other.triggered, first_start(&client, &other.id)?));
    }
    installation.end()?;
    let &(_, first) = starts
        .first()
        .context("no other run was triggered during the clear")?;
    let others_took = starts
        .iter()
        .map(|(triggered, started)| ms_between(*triggered, *started));
    let name = |name: &str| format!("clear of 100,000 {} instances: {name}", cleared.dag);
    Ok(vec![
        row(&name("call to answer"), "ms", took.answered * 1e3),
        row(
            &name("call to the start of the first other run"),
            "ms",
            ms_between(took.called, first),
        ),
        row_of_many(
            &name("another run meanwhile, trigger to start"),
            others_took.collect(),
        )?,
        row(&name("call until it is committed"), "s", took.committed),
        row(&name("call until all are done again"), "s", took.again),
    ])
}

fn clear_run(client: &Client, run: &str, cleared: &Cleared) -> Result<Took> {
    let (start, called) = (Instant::now(), Timestamp::now());
    let path = format!("/runs/{run}/clear");
    let command = client.post(&path, &json!({ "tasks": [cleared.task] }))?;
    let answered = start.elapsed().as_secs_f64();
    let path = format!("/runs/{run}/commands/{}", command["id"]);
    // The run's counts are those from before the clear until it is committed.
    await_condition("the clear is not committed", POLL_INTERVAL, || {
        let command = client.get(&path)?;
        ensure!(command["state"] != "refused", "the clear: {command}");
        Ok(command["state"] == "done")
    })?;
    let committed = start.elapsed().as_secs_f64();
    await_count(client, run, cleared.state, cleared.count)?;
    Ok(Took {
        called,
        answered,
        committed,
        again: start.elapsed().as_secs_f64(),
    })
}

/// Triggers runs of one task until the clear is over.
fn trigger_others(client: &Client, is_over: &AtomicBool) -> Result<Vec<OtherRun>> {
    let mut others = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let triggered = Timestamp::now();
        let id = client.trigger("single")?;
        others.push(OtherRun { id, triggered });
        thread::sleep(BETWEEN_RUNS);
    }
    Ok(others)
}

/// When the task of a run started; waits until it has ended.
fn first_start(client: &Client, run: &str) -> Result<Timestamp> {
    await_count(client, run, "success", 1)?;
    client.first_start(run)
}
