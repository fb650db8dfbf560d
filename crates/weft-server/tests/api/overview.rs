//! The overview and the list of failures: counts, health, causes.

use crate::world::{World, instance, text};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use weft_core::{run::RunState, time::Timestamp};
use weft_store::{InstanceRow, InstanceTag, RunUpdate, Turn};

fn ago(millis: i64) -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(now.as_millis()).unwrap() - millis)
}

fn failed(run: &str, task: u32, at: Timestamp, message: &str) -> InstanceRow {
    InstanceRow {
        ended: Some(at),
        error: Some(text(&json!({ "code": "author", "message": message }))),
        ..instance(run, task, 0, InstanceTag::Failed)
    }
}

#[tokio::test]
async fn failures_are_grouped_by_cause_with_the_newest_attempt() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {}, "b": {} })).await;
    let first = world.trigger("d").await;
    world
        .deploy("d", json!({ "a": {}, "b": {}, "c": {} }))
        .await;
    let second = world.trigger("d").await;
    let turn = Turn {
        instances: vec![
            failed(&first, 0, ago(3_000), "<b>row 17</b> is missing"),
            failed(&first, 1, ago(2_000), "no such host"),
            failed(&second, 2, ago(1_000), "<b>row 18</b> is missing"),
        ],
        ..world.turn().await
    };
    world.commit(turn).await;
    let failures = world.get("/failures").send().await.ok();
    let groups = failures["groups"].as_array().unwrap();
    assert_eq!((groups.len(), &failures["truncated"]), (2, &json!(false)));
    let rows = &groups[0];
    assert_eq!(rows["attempts"], 2);
    assert_eq!(
        (&rows["code"], &rows["message"]),
        (&json!("author"), &json!("<b>row 18</b> is missing"))
    );
    assert_eq!(
        rows["tasks"],
        json!([{ "dag": "d", "task": "a" }, { "dag": "d", "task": "c" }])
    );
    assert_eq!(
        rows["newest"],
        json!({ "dag": "d", "run": second, "task": "c", "index": 0, "attempt": 1 })
    );
    assert_eq!(
        (&rows["first_seen"]["dag"], &rows["first_seen"]["version"]),
        (&json!("d"), &json!(1))
    );
    let hours: Vec<u64> = rows["hours"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!((hours.len(), hours.iter().sum::<u64>()), (25, 2));

    let one = world.get("/failures?limit=1&since=2h").send().await.ok();
    assert_eq!(
        (one["groups"].as_array().unwrap().len(), &one["truncated"]),
        (1, &json!(true))
    );
    let none = world.get("/failures?dag=other").send().await.ok();
    assert_eq!(none["groups"], json!([]));
    for odd in [
        "since=yesterday",
        "since=2100-01-01T00:00:00Z",
        "since=60d",
        "limit=0",
    ] {
        let reply = world.get(&format!("/failures?{odd}")).send().await;
        assert!(reply.status.is_client_error(), "{odd}");
    }
}

#[tokio::test]
async fn an_overview_has_counts_and_the_health_of_services() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    world.deploy("p", json!({ "a": {} })).await;
    world
        .patch("/dags/p")
        .json(&json!({ "paused": true }))
        .send()
        .await
        .ok();
    let failed = world.trigger("d").await;
    world.trigger("d").await;
    let update = RunUpdate {
        id: failed.parse().unwrap(),
        state: RunState::Failed,
        started: Some(ago(2_000)),
        ended: Some(ago(1_000)),
        counts: weft_core::run::Counts::default(),
    };
    let turn = Turn {
        runs: vec![update],
        ..world.turn().await
    };
    world.commit(turn).await;
    let overview = world.get("/overview").send().await.ok();
    for (field, wanted) in [
        ("queued", 1),
        ("running", 0),
        ("late", 0),
        ("failed", 1),
        ("dags", 2),
        ("dags_paused", 1),
        ("dags_failing", 1),
    ] {
        assert_eq!(overview[field], wanted, "{field}");
    }
    assert_eq!(overview["capped"], false);
    let hours = overview["hours"].as_array().unwrap();
    let counted: u64 = hours
        .iter()
        .filter_map(|hour| hour["failed"].as_u64())
        .sum();
    assert_eq!((hours.len(), counted), (25, 1));
    let health = &overview["health"];
    assert_eq!(
        (&health["scheduler_ok"], &health["broker_ok"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&health["shards"], &health["shards_unowned"]),
        (&json!(1), &json!(0))
    );
    assert!(
        health["queues"]
            .as_array()
            .is_some_and(|queues| !queues.is_empty())
    );
}
