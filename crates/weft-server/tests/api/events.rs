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

/// A stream as its client reads it.
struct Stream {
    body: Body,
    unread: String,
    /// The id of the last event.
    id: String,
}

impl Stream {
    async fn open(call: crate::world::Call<'_>) -> Self {
        Self {
            body: call.open().await.into_body(),
            unread: String::new(),
            id: String::new(),
        }
    }

    /// The next event with a name; none at the end.
    async fn next(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| {
                    let value = block.lines().find_map(|line| line.strip_prefix(name));
                    value.map(|value| value.trim().to_owned())
                };
                if let Some(id) = field("id:") {
                    self.id = id;
                }
                if let Some(retry) = field("retry:") {
                    let retry: u32 = retry.parse().unwrap();
                    assert!((1_000..=4_000).contains(&retry), "{retry}");
                }
                let Some(name) = field("event:") else {
                    continue;
                };
                let data = field("data:").unwrap_or_default();
                let data = match &*data {
                    "" => json!(null),
                    data => serde_json::from_str(data).unwrap(),
                };
                return Some((name, data));
            }
            let frame = self.body.frame().await?.unwrap();
            let text = String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap();
            self.unread.push_str(&text);
        }
    }
}

#[tokio::test]
async fn changes_of_the_run_and_the_tenant_are_delivered_and_no_others() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let (mine, other) = (world.trigger("d").await, world.trigger("d").await);
    let mut of_run = Stream::open(world.get(&format!("/runs/{mine}/events"))).await;
    let mut of_all = Stream::open(world.get("/events?runs_only=true")).await;
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
    let (name, data) = of_run.next().await.unwrap();
    assert_eq!(name, "instance");
    assert_eq!(
        data,
        json!({ "kind": "instance", "run": mine, "task": "a", "index": 4, "attempt": 2, "state": "running", "worker": "w1" })
    );
    let (name, data) = of_run.next().await.unwrap();
    assert_eq!(
        (name.as_str(), &data["state"], &data["counts"]["ready"]),
        ("run", &json!("running"), &json!(1))
    );
    let (_, data) = of_all.next().await.unwrap();
    assert_eq!(data["run"], other);
    let (_, data) = of_all.next().await.unwrap();
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
    let mut stream = Stream::open(world.get("/events")).await;
    for _ in 0..40 {
        world
            .scheduler
            .changes
            .send(run_change(&run, "default"))
            .unwrap();
    }
    assert_eq!(stream.next().await.unwrap().0, "resync");
    assert_eq!(stream.next().await.unwrap().0, "run");
}

#[tokio::test]
async fn streams_are_bounded_in_number_and_in_time() {
    let world = World::with(ServerOptions {
        max_streams: 1,
        max_stream: Duration::from_millis(300),
        ..ServerOptions::default()
    })
    .await;
    let mut stream = Stream::open(world.get("/events")).await;
    world
        .get("/events")
        .send()
        .await
        .problem(429, "too_many_streams");
    assert_eq!(stream.next().await, None);
    drop(stream);
    assert!(world.get("/events").open().await.status().is_success());
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_it_had() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let (mine, other) = (world.trigger("d").await, world.trigger("d").await);
    let changes = &world.scheduler.changes;
    let mut first = Stream::open(world.get("/events")).await;
    changes.send(run_change(&mine, "default")).unwrap();
    assert_eq!(first.next().await.unwrap().1["run"], mine);
    // What is in the same batch has the id of the batch, which comes after its events.
    changes.send(instance_change(&mine)).unwrap();
    changes.send(run_change(&other, "default")).unwrap();
    first.next().await.unwrap();
    let before = first.id.clone();
    first.next().await.unwrap();
    let call = world.get("/events").header("last-event-id", &*before);
    let mut again = Stream::open(call).await;
    assert_eq!(again.next().await.unwrap().0, "instance");
    assert_eq!(again.next().await.unwrap().1["run"], other);
    let path = format!("/runs/{other}/events");
    let call = world.get(&path).header("last-event-id", &*before);
    let mut of_other = Stream::open(call).await;
    assert_eq!(of_other.next().await.unwrap().1["run"], other);
    let mut late = Stream::open(world.get("/events?after=another-7")).await;
    assert_eq!(late.next().await.unwrap().0, "resync");
}

#[tokio::test]
async fn a_row_that_changes_often_is_sent_in_its_last_state() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    let mut stream = Stream::open(world.get("/events")).await;
    world.scheduler.changes.send(instance_change(&run)).unwrap();
    assert_eq!(stream.next().await.unwrap().0, "instance");
    for ready in 2..10 {
        let change = Change::Run {
            tenant: TenantId::default(),
            dag: "d".parse().unwrap(),
            run: run.parse().unwrap(),
            state: RunState::Running,
            counts: Counts {
                ready,
                ..Counts::default()
            },
        };
        world.scheduler.changes.send(Arc::new(change)).unwrap();
    }
    assert_eq!(stream.next().await.unwrap().1["counts"]["ready"], 9);
}
