//! Live updates.

use crate::world::World;
use axum::body::Body;
use http_body_util::BodyExt;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_core::{
    id::TenantId,
    run::{Counts, RunState},
};
use weft_server::{ServerOptions, ports::Change};
use weft_store::InstanceTag;

fn run_change(run: &str, tenant: &str) -> Arc<Change> {
    Arc::new(Change::Run {
        tenant: tenant.parse().unwrap(),
        dag: "d".parse().unwrap(),
        run: run.parse().unwrap(),
        state: RunState::Running,
        counts: Counts {
            ready: 1,
            ..Counts::default()
        },
    })
}

fn instance_change(run: &str) -> Arc<Change> {
    Arc::new(Change::Instance {
        tenant: TenantId::default(),
        run: run.parse().unwrap(),
        task: "a".parse().unwrap(),
        map_index: Some(4),
        state: InstanceTag::Running,
        number: 2,
        worker: Some("w1".into()),
    })
}

async fn next(body: &mut Body) -> Option<(String, serde_json::Value)> {
    let frame = body.frame().await?.unwrap();
    let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let data = field("data:");
    Some((
        field("event:"),
        if data.is_empty() {
            json!(null)
        } else {
            serde_json::from_str(&data).unwrap()
        },
    ))
}

#[tokio::test]
async fn changes_of_the_run_and_the_tenant_are_delivered_and_no_others() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let (mine, other) = (world.trigger("d").await, world.trigger("d").await);
    let mut of_run = world
        .get(&format!("/runs/{mine}/events"))
        .open()
        .await
        .into_body();
    let mut of_all = world.get("/events?runs_only=true").open().await.into_body();
    for change in [
        run_change(&other, "other"),
        run_change(&other, "default"),
        instance_change(&mine),
        run_change(&mine, "default"),
    ] {
        if matches!(*change, Change::Run { .. }) {
            let to_followers_of_runs = Arc::clone(&change);
            world
                .scheduler
                .changes_of_runs
                .send(to_followers_of_runs)
                .unwrap();
        }
        world.scheduler.changes.send(change).unwrap();
    }
    let (name, data) = next(&mut of_run).await.unwrap();
    assert_eq!(name, "instance");
    assert_eq!(
        data,
        json!({ "kind": "instance", "run": mine, "task": "a", "index": 4, "attempt": 2, "state": "running", "worker": "w1" })
    );
    let (name, data) = next(&mut of_run).await.unwrap();
    assert_eq!(
        (name.as_str(), &data["state"], &data["counts"]["ready"]),
        ("run", &json!("running"), &json!(1))
    );
    let (_, data) = next(&mut of_all).await.unwrap();
    assert_eq!(data["run"], other);
    let (_, data) = next(&mut of_all).await.unwrap();
    assert_eq!(data["run"], mine);
    world
        .get("/runs/0000000000000/events")
        .send()
        .await
        .problem(404, "run_not_found");
}

#[tokio::test]
async fn a_listener_that_lags_receives_a_resync() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    let mut body = world.get("/events").open().await.into_body();
    for _ in 0..40 {
        world
            .scheduler
            .changes
            .send(run_change(&run, "default"))
            .unwrap();
    }
    assert_eq!(next(&mut body).await.unwrap().0, "resync");
    assert_eq!(next(&mut body).await.unwrap().0, "run");
}

#[tokio::test]
async fn streams_are_bounded_in_number_and_in_time() {
    let world = World::with(ServerOptions {
        max_streams: 1,
        max_stream: Duration::from_millis(300),
        ..ServerOptions::default()
    })
    .await;
    let mut body = world.get("/events").open().await.into_body();
    world
        .get("/events")
        .send()
        .await
        .problem(429, "too_many_streams");
    assert_eq!(next(&mut body).await, None);
    drop(body);
    assert!(world.get("/events").open().await.status().is_success());
}
