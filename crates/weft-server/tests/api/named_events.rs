//! Events that are sent to runs.

use crate::world::{World, file, instance};
use serde_json::{Value, json};
use weft_core::{run::RunState, wait::Wait};
use weft_server::ports::Wake;
use weft_store::{InstanceRow, InstanceTag};

/// A world with a run.
async fn world() -> (World, String) {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "tasks": { "a": {} } }]);
    world.post("/deployments").body(file(dag)).send().await.ok();
    let run = world
        .post("/dags/d/runs")
        .json(&json!({}))
        .send()
        .await
        .ok();
    world.scheduler.woken();
    let id = run["id"].as_str().expect("it has an id").to_owned();
    (world, id)
}

/// Has the task wait for the event.
async fn wait_for(world: &World, run: &str, name: &str) {
    let row = InstanceRow {
        wait: Some(Wait::Event(name.parse().expect("a name"))),
        ..instance(run, 0, 0, InstanceTag::Deferred)
    };
    world.write_instances(vec![row]).await;
}

#[tokio::test]
async fn an_event_is_taken_by_the_task_that_waits_for_it() {
    let (world, run) = world().await;
    wait_for(&world, &run, "paid").await;
    let path = format!("/runs/{run}/tasks/a/0");
    assert_eq!(
        world.get(&path).send().await.ok()["waits_for"],
        "event/paid"
    );
    let path = format!("/runs/{run}/events/paid");
    let payload = json!({ "by": "ada" });
    let reply = world.post(&path).json(&payload).send().await;
    let event = reply.ok();
    assert_eq!(reply.status.as_u16(), 202);
    assert_eq!(
        (&event["run"], &event["name"], &event["payload"]),
        (&json!(run), &json!("paid"), &payload)
    );
    assert_eq!(event["taken_by"], json!({ "task": "a", "index": 0 }));
    let by = event["sent_by"].as_str().expect("somebody");
    assert!(by.starts_with("first-start#"), "{by}");
    assert!(matches!(world.scheduler.woken()[..], [Wake::Command]));
    // The task takes no second one: it is kept, and wakes nothing.
    let kept = world.post(&path).json(&Value::Null).send().await.ok();
    assert_eq!(
        (&kept["payload"], &kept["taken_by"]),
        (&Value::Null, &Value::Null)
    );
    assert!(world.scheduler.woken().is_empty());
    let page = world.get(&format!("{path}?limit=1")).send().await.ok();
    assert_eq!(page["items"], json!([event]));
    let next = page["next"].as_str().expect("there is another page");
    let page = world
        .get(&format!("{path}?cursor={next}"))
        .send()
        .await
        .ok();
    assert_eq!(page["items"], json!([kept]));
}

#[tokio::test]
async fn the_same_key_sends_no_second_event() {
    let (world, run) = world().await;
    let path = format!("/runs/{run}/events/paid");
    let send = |path: &str, payload: Value| {
        let request = world.post(path).header("idempotency-key", "k1");
        request.json(&payload).send()
    };
    let first = send(&path, json!(1)).await;
    let again = send(&path, json!(1)).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (202, 200));
    assert_eq!(first.ok(), again.ok());
    let other = send(&path, json!(2)).await;
    other.problem(409, "idempotency_mismatch");
    let other = send(&format!("/runs/{run}/events/sent"), json!(1)).await;
    other.problem(409, "idempotency_mismatch");
    let events = world.get(&path).send().await.ok();
    assert_eq!(events["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_event_that_can_not_be_taken_is_refused() {
    let (world, run) = world().await;
    let path = format!("/runs/{run}/events/paid");
    let large = json!("x".repeat(64 << 10));
    let refused = world.post(&path).json(&large).send().await;
    refused.problem(413, "too_large");
    let odd = world
        .post(&format!("/runs/{run}/events/a%2Fb"))
        .json(&json!(1));
    odd.send().await.problem(400, "invalid_id");
    let missing = world
        .post("/runs/0000000000000/events/paid")
        .json(&json!(1));
    missing.send().await.problem(404, "run_not_found");
    world.write_run(&run, RunState::Success).await;
    let late = world.post(&path).json(&json!(1)).send().await;
    late.problem(409, "run_ended");
}
