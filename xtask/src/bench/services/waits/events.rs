//! An event wakes a deferred task instance: 200 events one after another, on one connection.

use super::{
    Bench, Client, GUEST, Measurement, await_condition, await_count, ms_between, row_of_many, time,
};
use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};

/// The instances of the guest's DAG `events`, each of which waits for an event of its own.
const EVENTS: u64 = 200;
/// Between two events, so that each meets an idle installation.
const PAUSE: Duration = Duration::from_millis(50);
/// Until the first read of the woken instance, so that the read does not compete with its attempt.
const SETTLED: Duration = Duration::from_millis(30);

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let (installation, client) = bench.start(GUEST)?;
    let run = client.trigger("events")?;
    await_count(&client, &run, "deferred", EVENTS)?;
    let (mut answered, mut queued, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    for index in 0..EVENTS {
        thread::sleep(PAUSE);
        let (start, called) = (Instant::now(), Timestamp::now());
        let path = format!("/runs/{run}/events/go-{index}");
        let event = client.post(&path, &json!({ "index": index }))?;
        answered.push(start.elapsed().as_secs_f64() * 1e3);
        ensure!(
            event["taken_by"]["index"].as_u64() == Some(index),
            "the event {index} woke another instance than its own: {event}"
        );
        thread::sleep(SETTLED);
        let instance = ended_instance(&client, &run, index)?;
        queued.push(ms_between(called, time(&instance["queued"])?));
        ended.push(ms_between(called, time(&instance["ended"])?));
    }
    installation.end()?;
    Ok(vec![
        row_of_many("event: call to answer", answered)?,
        row_of_many("event: call until the woken attempt is queued", queued)?,
        row_of_many("event: call until the task has ended", ended)?,
    ])
}

/// The instance, once it has succeeded.
fn ended_instance(client: &Client, run: &str, index: u64) -> Result<Value> {
    let mut instance = Value::Null;
    let what = format!("the instance {index} has not ended");
    await_condition(&what, SETTLED, || {
        instance = client.get(&format!("/runs/{run}/tasks/wait/{index}"))?;
        Ok(instance["state"] == "success")
    })?;
    Ok(instance)
}
