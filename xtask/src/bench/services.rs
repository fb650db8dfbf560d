//! Benchmarks of `wfctl up`, measured through its API: trigger to success, many tasks, many DAGs,
//! a long history, an idle process, a start after a crash, waits.

mod client;
mod fleet;
mod many;
mod waits;

use super::{
    harness::{HISTORY, MEASURED},
    measurement::{Better, Measurement},
    process::Process,
};
use crate::{
    installation::{Installation, Start},
    program,
    wfctl::Wfctl,
    workspace::Workspace,
};
use anyhow::{Context, Result, ensure};
use client::Client;
use jiff::Timestamp;
use many::{Many, Route};
use serde_json::Value;
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// What is measured with.
pub(crate) struct Bench<'b> {
    pub(crate) workspace: &'b Workspace,
    pub(crate) wfctl: &'b Wfctl,
}

/// Something that is measured, in an installation of its own.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// It takes minutes: one round is enough.
    pub(crate) once: bool,
    pub(crate) measure: fn(&Bench<'_>) -> Result<Vec<Measurement>>,
}

/// All of them.
pub(crate) fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().chain(&waits::SCENARIOS)
}

/// All but those of waits.
static SCENARIOS: [Scenario; 9] = [
    Scenario {
        name: "up: flows",
        once: false,
        measure: flows,
    },
    Scenario {
        name: "many: flows",
        once: false,
        measure: flows_of_many,
    },
    Scenario {
        name: "many: flows through the server",
        once: false,
        measure: flows_through_server,
    },
    Scenario {
        name: "many: workers",
        once: true,
        measure: fleet::workers,
    },
    Scenario {
        name: "many: takeover",
        once: true,
        measure: fleet::takeover,
    },
    Scenario {
        name: "up: idle",
        once: false,
        measure: idle,
    },
    Scenario {
        name: "up: recovery",
        once: true,
        measure: recovery,
    },
    Scenario {
        name: "up: history",
        once: true,
        measure: history,
    },
    Scenario {
        name: "up: 10,000 DAGs",
        once: true,
        measure: ten_thousand_dags,
    },
];

/// How a flow is triggered, again and again; the median counts.
struct Triggers {
    /// The first ones, which compile, and fill caches.
    warm_up: usize,
    times: usize,
    /// Between two of them, so that each meets an idle system.
    pause: Duration,
}

/// Of a flow of many tasks.
const OF_FLOW: Triggers = Triggers {
    warm_up: 1,
    times: 15,
    pause: Duration::from_millis(150),
};
/// Of a task alone: as queues are usually measured, of which one waits as long between its jobs.
const OF_TASK: Triggers = Triggers {
    warm_up: 20,
    times: 200,
    pause: Duration::from_millis(20),
};
/// How long nothing is done while the process is watched.
const IDLE: Duration = Duration::from_secs(10);
/// The tasks of W4.
const W4_TASKS: f64 = 20_000.0;
/// The finished runs of a long history.
const FINISHED_RUNS: &str = "1000000";
/// The DAGs of `bench_ten_thousand` with a schedule.
const SCHEDULED: usize = 1_000;
/// How many tasks of a hundred thousand have ended when the process is killed.
const ENDED_BEFORE_KILL: u64 = 500;

fn measurement(name: &str, unit: &str, median: f64, target: Option<f64>) -> Measurement {
    Measurement {
        name: format!("up: {name}"),
        unit: unit.to_owned(),
        median,
        p99: None,
        target,
        better: Better::Lower,
    }
}

impl Bench<'_> {
    /// An empty installation with one file deployed.
    fn start(&self, guest: &str) -> Result<(Installation<'_>, Client)> {
        let installation = self.resume(Start::Empty, &[])?;
        let file = self.workspace.guests().join(guest);
        let mut deploy = installation.client(["deploy".as_ref(), file.as_os_str()]);
        program::read(&mut deploy)?;
        let client = Client::of(&installation)?;
        Ok((installation, client))
    }

    fn resume(&self, start: Start, more: &[&str]) -> Result<Installation<'_>> {
        Installation::start(self.workspace, self.wfctl, "bench", start, more)
    }
}

/// What a client sees of a run that it triggers, in milliseconds since its call.
#[derive(Default)]
struct Seen {
    /// The answer.
    answered: Vec<f64>,
    /// The start of the first task, by the installation's clock, which is this machine's. It has
    /// whole milliseconds.
    started: Vec<f64>,
    /// The news that the run has succeeded.
    ended: Vec<f64>,
}

/// The median time from a trigger to the run's success, in milliseconds.
fn trigger_to_success(client: &Client, dag: &str, triggers: &Triggers) -> Result<f64> {
    Ok(median(trigger(client, dag, triggers)?.ended))
}

fn trigger(client: &Client, dag: &str, triggers: &Triggers) -> Result<Seen> {
    let changes = client.changes()?;
    let mut seen = Seen::default();
    for time in 0..triggers.warm_up + triggers.times {
        thread::sleep(triggers.pause);
        let (start, called) = (Instant::now(), Timestamp::now());
        let run = client.trigger(dag)?;
        let answered = start.elapsed();
        let (state, at) = changes.end_of(&run)?;
        ensure!(state == "success", "{dag} ended as {state}");
        if time >= triggers.warm_up {
            let started = client.first_start(&run)?.duration_since(called);
            seen.answered.push(answered.as_secs_f64() * 1e3);
            seen.started.push(started.as_secs_f64().max(0.0) * 1e3);
            seen.ended
                .push(at.duration_since(start).as_secs_f64() * 1e3);
        }
    }
    Ok(seen)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How many tasks the worker runs at once.
const WORKER_SLOTS: u32 = 32;
/// What a worker may keep in memory after the flows.
const WORKER_MB: f64 = 40.0;

/// What flows are to take.
struct Bars {
    w1_ms: f64,
    w3_ms: f64,
    w4_per_s: f64,
}

fn flows(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start("bench_flows.wasm")?;
    let bars = Bars {
        w1_ms: 25.0,
        w3_ms: 200.0,
        w4_per_s: 10_000.0,
    };
    let measurements = measure_flows("up", &client, Some(&bars))?;
    installation.end()?;
    Ok(measurements)
}

/// A server, a scheduler and a worker, each a process; Postgres syncs each commit. The worker
/// takes its tasks from Redis itself.
fn flows_of_many(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let bars = Bars {
        w1_ms: 80.0,
        w3_ms: 300.0,
        w4_per_s: 6_000.0,
    };
    many_flows(bench, "many", Route::Direct, Some(&bars))
}

/// The same with a worker that reaches nothing but the server: to be seen beside the other, which
/// is the one that has bars.
fn flows_through_server(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    many_flows(bench, "many, through the server", Route::Server, None)
}

fn many_flows(
    bench: &Bench<'_>,
    prefix: &str,
    route: Route,
    bars: Option<&Bars>,
) -> Result<Vec<Measurement>> {
    let many = Many::start(bench, route)?;
    let worker = many.worker("worker", WORKER_SLOTS)?;
    worker.ready()?;
    let file = bench.workspace.guests().join("bench_flows.wasm");
    let mut deploy = many.server.client(["deploy".as_ref(), file.as_os_str()]);
    program::read(&mut deploy)?;
    let client = Client::of(&many.server)?;
    let mut measurements = measure_flows(prefix, &client, bars)?;
    measurements.push(Measurement {
        name: format!("{prefix}: a worker's resident memory"),
        ..measurement(
            "",
            "MB",
            Process::numbered(worker.number()).resident_mb()?,
            Some(WORKER_MB),
        )
    });
    Ok(measurements)
}

fn measure_flows(prefix: &str, client: &Client, bars: Option<&Bars>) -> Result<Vec<Measurement>> {
    let single = trigger(client, "single", &OF_TASK)?;
    let w1 = trigger_to_success(client, "w1", &OF_FLOW)?;
    let w3 = trigger_to_success(client, "w3", &OF_FLOW)?;
    let w4 = trigger_to_success(
        client,
        "w4",
        &Triggers {
            times: 1,
            ..OF_FLOW
        },
    )?;
    let named = |name: &str, unit: &str, median: f64, target: Option<f64>| Measurement {
        name: format!("{prefix}: {name}"),
        ..measurement("", unit, median, target)
    };
    Ok(vec![
        named("call to answer", "ms", median(single.answered), None),
        named("call to start", "ms", median(single.started), None),
        named(
            "one task: trigger to success",
            "ms",
            median(single.ended),
            None,
        ),
        named(
            "W1: trigger to success",
            "ms",
            w1,
            bars.map(|bars| bars.w1_ms),
        ),
        named(
            "W3: trigger to success",
            "ms",
            w3,
            bars.map(|bars| bars.w3_ms),
        ),
        Measurement {
            better: Better::Higher,
            ..named(
                "W4: 20,000 tasks, trigger to success",
                "tasks/s",
                W4_TASKS / (w4 / 1e3),
                bars.map(|bars| bars.w4_per_s),
            )
        },
    ])
}

fn idle(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let installation = bench.resume(Start::Empty, &[])?;
    let process = Process::of(&installation);
    let busy = process.busy_while(|| thread::sleep(IDLE))?;
    let resident = process.resident_mb()?;
    installation.end()?;
    Ok(vec![
        measurement("idle: a core", "%", busy, Some(2.0)),
        measurement("idle: resident memory", "MB", resident, Some(60.0)),
    ])
}

fn recovery(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start("bench_hundred_thousand.wasm")?;
    let run = client.trigger("hundred_thousand")?;
    let ended = |client: &Client| -> Result<u64> {
        let run = client.get(&format!("/runs/{run}"))?;
        Ok(run["counts"]["success"].as_u64().unwrap_or(0))
    };
    while ended(&client)? < ENDED_BEFORE_KILL {
        thread::sleep(Duration::from_millis(5));
    }
    installation.kill()?;
    let start = Instant::now();
    let installation = bench.resume(Start::Kept, &[])?;
    let client = Client::of(&installation)?;
    let before = ended(&client)?;
    while ended(&client)? == before {
        thread::sleep(Duration::from_millis(5));
    }
    let took = start.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    let left = (100_000 - before) as f64;
    installation.kill()?;
    Ok(vec![
        measurement("recovery: active task instances", "", left, None),
        measurement(
            "recovery: process start to the first new outcome",
            "s",
            took,
            Some(5.0),
        ),
    ])
}

fn history(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start("bench_flows.wasm")?;
    let empty = trigger_to_success(&client, "single", &OF_TASK)?;
    let data = installation.data().to_owned();
    installation.end()?;
    fill(bench, &data)?;
    let installation = bench.resume(Start::Kept, &[])?;
    let client = Client::of(&installation)?;
    let full = trigger_to_success(&client, "single", &OF_TASK)?;
    let mut measurements = vec![measurement(
        "1,000,000 runs: a run's time over that of an empty database",
        "times",
        full / empty,
        Some(1.1),
    )];
    for (name, path) in [
        ("a page of runs", "/runs?limit=50"),
        ("a page of failed runs", "/runs?limit=50&state=failed"),
        ("a page of a DAG's runs", "/dags/single/runs?limit=50"),
        ("the list of DAGs", "/dags?limit=50"),
    ] {
        let mut took = Vec::new();
        for _time in 0..OF_FLOW.times {
            let start = Instant::now();
            client.get(path)?;
            took.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let name = format!("1,000,000 runs: {name}");
        measurements.push(measurement(&name, "ms", median(took), Some(20.0)));
    }
    installation.end()?;
    Ok(measurements)
}

/// Writes a long history into the database of an installation that has ended.
fn fill(bench: &Bench<'_>, data: &Path) -> Result<()> {
    let mut cargo = program::cargo();
    cargo
        .current_dir(bench.workspace.root())
        .args(["bench", "--locked", "--quiet"])
        .args(MEASURED)
        .args(["--bench", HISTORY, "--"])
        .arg(data)
        .arg(FINISHED_RUNS);
    program::run(&mut cargo)
}

fn ten_thousand_dags(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start("bench_ten_thousand.wasm")?;
    // Past the minute in which they were deployed.
    let minute = |at: Timestamp| at.as_second() / 60;
    let deployed = minute(Timestamp::now());
    let at_second = |second: i64| {
        let wait = (deployed + 1) * 60 + second - Timestamp::now().as_second();
        thread::sleep(Duration::from_secs(u64::try_from(wait).unwrap_or(0)));
    };
    let process = Process::of(&installation);
    at_second(20);
    let busy = process.busy_while(|| at_second(50))?;
    let mut late_ms: Vec<f64> = Vec::new();
    for run in client.all("/runs")? {
        let due = time(&run["logical_date"])?;
        if minute(due) == deployed + 1 {
            let started = time(&run["started"])?;
            late_ms.push(started.duration_since(due).as_secs_f64() * 1e3);
        }
    }
    ensure!(
        late_ms.len() == SCHEDULED,
        "{} of {SCHEDULED} scheduled runs were made",
        late_ms.len()
    );
    let latest = late_ms.iter().copied().fold(0.0, f64::max);
    let resident = process.resident_mb()?;
    installation.end()?;
    Ok(vec![
        measurement(
            "1,000 runs of one minute: the latest start",
            "ms",
            latest,
            Some(1_000.0),
        ),
        measurement("10,000 DAGs, idle: a core", "%", busy, Some(2.0)),
        measurement(
            "10,000 DAGs: resident memory after their runs",
            "MB",
            resident,
            None,
        ),
    ])
}

fn time(value: &Value) -> Result<Timestamp> {
    let text = value
        .as_str()
        .with_context(|| format!("{value} is no time"))?;
    Ok(text.parse()?)
}
