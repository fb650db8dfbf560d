//! Assets: lists, updates and lineage.

use crate::world::{World, file, instance};
use serde_json::{Value, json};
use weft_core::asset::AssetUpdate;
use weft_server::ports::Wake;
use weft_store::{InstanceTag, Updated};

/// A world with a DAG that updates `s3://lake/orders`, one whose runs that creates, and a run of the first.
async fn world() -> (World, String) {
    let world = World::new().await;
    let dags = json!([
        { "id": "makes", "tasks": { "a": { "outlets": ["s3://lake/orders"] } } },
        { "id": "uses", "on_assets": ["s3://lake/orders", "rates"], "tasks": { "b": {} } },
    ]);
    world
        .post("/deployments")
        .body(file(dags))
        .send()
        .await
        .ok();
    let reply = world.post("/dags/makes/runs").json(&json!({})).send().await;
    let id = reply.ok()["id"].as_str().expect("it has an id").to_owned();
    world.scheduler.woken();
    (world, id)
}

async fn list(world: &World, path: &str) -> Vec<Value> {
    let page = world.get(path).send().await.ok();
    page["items"].as_array().expect("a page").clone()
}

#[tokio::test]
async fn assets_name_who_updates_them_and_whom_they_create_runs_of() {
    let (world, run) = world().await;
    let assets = list(&world, "/assets").await;
    assert_eq!(
        assets,
        [
            json!({ "asset": "rates", "producers": [], "consumers": ["uses"] }),
            json!({
                "asset": "s3://lake/orders",
                "producers": [{ "dag": "makes", "task": "a" }],
                "consumers": ["uses"],
            }),
        ]
    );
    let row = instance(&run, 0, 0, InstanceTag::Success);
    let updated = Updated {
        run: row.run,
        instance: row.instance,
        number: row.number,
        nonce: row.nonce,
        update: AssetUpdate::plain("s3://lake/orders".parse().expect("a name")),
        at: weft_core::time::Timestamp(1_000),
    };
    world.write_updates(vec![row], vec![updated]).await;
    let one = list(&world, "/assets?asset=s3%3A%2F%2Flake%2Forders").await;
    assert_eq!(one[0]["updated"], "1970-01-01T00:00:01Z");
    let updates = list(
        &world,
        "/api/v1/assets/updates?asset=s3%3A%2F%2Flake%2Forders",
    )
    .await;
    let maker = json!({ "run": run, "dag": "makes", "version": 1, "task": "a", "index": 0 });
    assert_eq!((updates.len(), &updates[0]["made_by"]), (1, &maker));
    let made = list(&world, &format!("/runs/{run}/assets?which=made")).await;
    assert_eq!(made, updates);
    assert_eq!(list(&world, &format!("/runs/{run}/assets")).await.len(), 0);
    assert_eq!(list(&world, "/assets?asset=nothing").await.len(), 0);
}

#[tokio::test]
async fn an_update_is_reported_with_what_consumers_should_know() {
    let (world, _run) = world().await;
    let body = json!({ "asset": "rates", "partition": "2026-11-26", "metadata": { "rows": 3 } });
    let send = |body: &Value| {
        let request = world
            .post("/api/v1/assets/updates")
            .header("idempotency-key", "k1");
        request.json(body).send()
    };
    let first = send(&body).await;
    assert_eq!(first.status.as_u16(), 201);
    assert!(matches!(world.scheduler.woken()[..], [Wake::Command]));
    let update = first.ok();
    assert_eq!(
        (&update["partition"], &update["metadata"]["rows"]),
        (&json!("2026-11-26"), &json!(3))
    );
    let by = update["reported_by"].as_str().expect("somebody");
    assert!(by.starts_with("first-start#"), "{by}");
    let again = send(&body).await;
    assert_eq!((again.status.as_u16(), again.ok()), (200, update));
    let other = json!({ "asset": "rates", "partition": "2026-11-27" });
    send(&other).await.problem(409, "idempotency_mismatch");
    assert_eq!(
        list(&world, "/api/v1/assets/updates?asset=rates")
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn an_update_that_is_none_is_refused() {
    let (world, _run) = world().await;
    for body in [
        json!({ "asset": "" }),
        json!({ "asset": "two words" }),
        json!({ "asset": "rates", "partition": "" }),
        json!({ "asset": "rates", "metadata": { "x": "y".repeat(5_000) } }),
    ] {
        let reply = world
            .post("/api/v1/assets/updates")
            .json(&body)
            .send()
            .await;
        reply.problem(422, "invalid_value");
    }
    let reply = world
        .get("/api/v1/assets/updates?asset=two%20words")
        .send()
        .await;
    assert_eq!(reply.status.as_u16(), 400);
    assert!(world.scheduler.woken().is_empty());
}
