//! Runs with a key: how they get it, and what they wait for.

use crate::world::{World, file};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use weft_core::{
    run::{Counts, RunState},
    time::Timestamp,
};
use weft_store::{RunUpdate, Turn};

async fn world(settings: Value) -> World {
    let world = World::new().await;
    let mut dag = json!({ "id": "d", "params": { "customer": "a", "n": 1 }, "tasks": { "t": {} } });
    for (field, value) in settings.as_object().unwrap() {
        dag[field] = value.clone();
    }
    world
        .post("/deployments")
        .body(file(json!([dag])))
        .send()
        .await
        .ok();
    world
}

async fn trigger(world: &World, customer: &str) -> String {
    let body = json!({ "params": { "customer": customer } });
    let call = world.post("/dags/d/runs").json(&body);
    let run = call.send().await.ok();
    run["id"].as_str().unwrap().to_owned()
}

async fn show(world: &World, run: &str) -> Value {
    world.get(&format!("/runs/{run}")).send().await.ok()
}

/// Writes that a run starts now.
async fn start_now(world: &World, run: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let update = RunUpdate {
        id: run.parse().unwrap(),
        state: RunState::Running,
        started: Some(Timestamp(now.as_millis().try_into().unwrap())),
        ended: None,
        counts: Counts::default(),
    };
    let turn = Turn {
        runs: vec![update],
        ..world.turn().await
    };
    world.commit(turn).await;
}

#[tokio::test]
async fn a_run_waits_for_those_of_its_key() {
    let world = world(json!({ "concurrency_key": "{{ params.customer }}/{{params.n}}", "max_active_runs_per_key": 2 })).await;
    let dag = world.get("/dags/d").send().await.ok();
    assert_eq!(dag["concurrency_key"], "{{ params.customer }}/{{params.n}}");
    assert_eq!(dag["max_active_runs_per_key"], 2);
    let (first, second) = (trigger(&world, "a").await, trigger(&world, "a").await);
    let (held, other) = (trigger(&world, "a").await, trigger(&world, "b").await);
    assert_eq!(show(&world, &held).await["concurrency_key"], "a/1");
    assert!(show(&world, &held).await.get("waits_for").is_none());
    for run in [&first, &second] {
        world.write_run(run, RunState::Running).await;
    }
    assert_eq!(
        show(&world, &held).await["waits_for"],
        "active runs of the key a/1: 2 of 2"
    );
    assert!(show(&world, &other).await.get("waits_for").is_none());
    assert!(show(&world, &first).await.get("waits_for").is_none());
    let listed = world.get("/runs?dag=d").send().await.ok();
    assert!(
        listed["items"][0].get("waits_for").is_none(),
        "it is not asked for each"
    );
    let change = json!({ "paused": true });
    world.patch("/dags/d").json(&change).send().await.ok();
    assert_eq!(show(&world, &other).await["waits_for"], "its DAG is paused");
}

#[tokio::test]
async fn runs_of_a_backfill_and_of_a_dag_with_a_rate_have_keys() {
    let world =
        world(json!({ "schedule": "@daily", "concurrency_key": "{{ params.customer }}" })).await;
    let body = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z", "params": { "customer": "c" } });
    world
        .post("/dags/d/backfills")
        .json(&body)
        .send()
        .await
        .ok();
    let listed = world.get("/runs?dag=d").send().await.ok();
    let keys: Vec<&Value> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["concurrency_key"])
        .collect();
    assert!(
        !keys.is_empty() && keys.iter().all(|key| *key == "c"),
        "{keys:?}"
    );
}

#[tokio::test]
async fn a_run_waits_for_the_rate_of_its_dag() {
    let world = world(json!({ "rate_limit": { "runs": 1, "per": "1h" } })).await;
    let dag = world.get("/dags/d").send().await.ok();
    assert_eq!(dag["rate_limit"], json!({ "runs": 1, "per": "1h" }));
    let (first, held) = (trigger(&world, "a").await, trigger(&world, "b").await);
    start_now(&world, &first).await;
    let shown = show(&world, &held).await;
    assert!(
        shown.get("concurrency_key").is_none(),
        "the DAG counts as a whole"
    );
    let why = shown["waits_for"].as_str().unwrap_or_default();
    assert!(
        why.starts_with("starts in the last 1h: 1 of 1; the next one at 20"),
        "{why}"
    );
}
