//! Benchmarks of an installation of many processes: several workers, and a scheduler that takes
//! over.

use super::{
    Bench, Measurement,
    client::{Changes, Client},
    many::{Many, Route, Worker},
    measurement, median,
};
use crate::program;
use anyhow::{Result, ensure};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};
use ureq::Agent;

/// How often a worker is started.
const STARTS: usize = 7;
/// The tasks of `naps`, each a nap of 100 ms: so many that the last round, which no two workers share evenly, counts little.
const NAPS: f64 = 3_000.0;
/// Of `many_naps`.
const MANY_NAPS: f64 = 20_000.0;
/// How long a nap takes, in seconds.
const NAP: f64 = 0.1;
/// Between two looks at how many slots are in use.
const POLL_INTERVAL: Duration = Duration::from_millis(40);
/// The slots of each of two workers.
const FEW_SLOTS: u32 = 20;
/// Workers of the many naps, and the slots of each.
const TEN: usize = 10;
const MANY_SLOTS: u32 = 100;
/// How often they do them.
const TIMES_OF_TEN: usize = 5;
/// How many tasks of a hundred thousand have ended when the scheduler is killed.
const ENDED_BEFORE_KILL: u64 = 500;
/// How long a scheduler's lease holds, in seconds.
const LEASE: f64 = 10.0;

/// An installation with this guest deployed, and no worker.
fn start<'b>(bench: &Bench<'b>, guest: &str) -> Result<(Many<'b>, Client)> {
    let many = Many::start(bench, Route::Direct)?;
    let file = bench.workspace.guests().join(guest);
    let mut deploy = many.server.client(["deploy".as_ref(), file.as_os_str()]);
    program::read(&mut deploy)?;
    let client = Client::of(&many.server)?;
    Ok((many, client))
}

/// Seconds from a trigger to the run's success.
fn took(client: &Client, changes: &Changes, dag: &str) -> Result<f64> {
    let start = Instant::now();
    let run = client.trigger(dag)?;
    succeeded(changes, &run, start)
}

fn succeeded(changes: &Changes, run: &str, since: Instant) -> Result<f64> {
    let (state, at) = changes.end_of(run)?;
    ensure!(state == "success", "the run {run} ended as {state}");
    Ok(at.duration_since(since).as_secs_f64())
}

/// The number of busy slots of several workers while something runs, sampled in the middle half of
/// its time: neither its first tasks count nor its last ones.
fn slots_in_use<T>(
    crew: &[Worker],
    slots: u32,
    doing: impl FnOnce() -> Result<T>,
) -> Result<(T, Vec<f64>)> {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| -> Result<Vec<(Instant, f64)>> {
            let agent = Agent::new_with_defaults();
            let mut looks = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let at = Instant::now();
                let mut used = 0;
                for worker in crew {
                    used += slots - worker.slots_free(&agent)?;
                }
                looks.push((at, f64::from(used)));
                thread::sleep(POLL_INTERVAL);
            }
            Ok(looks)
        });
        let began = Instant::now();
        let done = doing();
        let quarter = began.elapsed() / 4;
        is_done.store(true, Ordering::Relaxed);
        let looks = looking.join().expect("it doesn't panic");
        let (done, looks) = (done?, looks?);
        let middle = began + quarter..began + quarter * 3;
        let used: Vec<f64> = looks
            .into_iter()
            .filter_map(|(at, used)| middle.contains(&at).then_some(used))
            .collect();
        ensure!(!used.is_empty(), "it was over before anybody looked");
        Ok((done, used))
    })
}

#[expect(clippy::cast_precision_loss, reason = "some looks")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub(super) fn workers(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (many, client) = start(bench, "bench_flows.wasm")?;
    let changes = client.changes()?;
    let mut starts = Vec::new();
    // The first one fetches the code.
    for _time in 0..=STARTS {
        let run = client.trigger("single")?;
        // It waits by now, as it would for a worker that is to come.
        thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        let _worker = many.worker("starts", FEW_SLOTS)?;
        starts.push(succeeded(&changes, &run, start)? * 1e3);
    }
    starts.remove(0);
    let crew = |count: usize, slots: u32| -> Result<Vec<Worker>> {
        let crew: Vec<Worker> = (0..count)
            .map(|number| many.worker(&format!("w{number}"), slots))
            .collect::<Result<_>>()?;
        crew.iter().try_for_each(Worker::ready)?;
        // Its component is loaded, and its code fetched.
        took(&client, &changes, "naps")?;
        Ok(crew)
    };
    let alone = {
        let _crew = crew(1, FEW_SLOTS)?;
        took(&client, &changes, "naps")?
    };
    let two = {
        let _crew = crew(2, FEW_SLOTS)?;
        took(&client, &changes, "naps")?
    };
    let (mut tens, mut in_use) = (Vec::new(), Vec::new());
    {
        let crew = crew(TEN, MANY_SLOTS)?;
        for _time in 0..TIMES_OF_TEN {
            let (ten, used) =
                slots_in_use(&crew, MANY_SLOTS, || took(&client, &changes, "many_naps"))?;
            tens.push(ten);
            in_use.extend(used);
        }
    }
    let named = |name: &str, unit: &str, value: f64, target: Option<f64>| Measurement {
        name: format!("many: {name}"),
        ..measurement("", unit, value, target)
    };
    let high = |measurement: Measurement| Measurement {
        better: super::Better::Higher,
        ..measurement
    };
    Ok(vec![
        named(
            "a worker's start to its first finished task",
            "ms",
            median(starts),
            Some(200.0),
        ),
        high(named(
            "3,000 naps of 100 ms: two workers over one",
            "times",
            alone / two,
            Some(1.95),
        )),
        named(
            "3,000 naps of 100 ms in 20 slots: over the naps alone",
            "times",
            alone / (NAPS * NAP / f64::from(FEW_SLOTS)),
            None,
        ),
        high(named(
            "20,000 naps of 100 ms, ten workers of 100 slots: in flight",
            "tasks",
            median(in_use.clone()),
            Some(1_000.0),
        )),
        high(named(
            "20,000 naps of 100 ms, ten workers of 100 slots: in flight on average",
            "tasks",
            mean(&in_use),
            None,
        )),
        high(named(
            "20,000 naps of 100 ms, ten workers of 100 slots: the naps alone over the run, its ends included",
            "tasks",
            MANY_NAPS * NAP / median(tens),
            None,
        )),
    ])
}

/// The scheduler that owns a hundred thousand task instances is killed; a standby takes over.
pub(super) fn takeover(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (mut many, client) = start(bench, "bench_hundred_thousand.wasm")?;
    let _standby = many.standby()?;
    let worker = many.worker("w", FEW_SLOTS)?;
    worker.ready()?;
    let run = client.trigger("hundred_thousand")?;
    let ended = || -> Result<u64> {
        let run = client.get(&format!("/runs/{run}"))?;
        Ok(run["counts"]["success"].as_u64().unwrap_or(0))
    };
    while ended()? < ENDED_BEFORE_KILL {
        thread::sleep(Duration::from_millis(5));
    }
    many.kill_scheduler();
    let killed = Instant::now();
    let before = ended()?;
    while ended()? == before {
        thread::sleep(Duration::from_millis(5));
    }
    let took = killed.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a hundred thousand")]
    let left = (100_000 - before) as f64;
    let named = |name: &str, unit: &str, value: f64, target: Option<f64>| Measurement {
        name: format!("many: {name}"),
        ..measurement("", unit, value, target)
    };
    Ok(vec![
        named("takeover: active task instances", "", left, None),
        named(
            "takeover: the owner's kill to the next outcome, with a lease of 10 s",
            "s",
            took,
            Some(LEASE + 5.0),
        ),
    ])
}
