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

/// A world with a DAG that fills partitions of `orders`.
async fn filling() -> World {
    let world = World::new().await;
    let schema = json!({ "type": "string", "pattern": "^[a-z]+$" });
    let dags = json!([{
        "id": "fills",
        "params": { "partition": { "schema": schema }, "rows": { "default": 1 } },
        "tasks": { "a": { "outlets": ["orders"] } },
    }]);
    world
        .post("/deployments")
        .body(file(dags))
        .send()
        .await
        .ok();
    world.scheduler.woken();
    world
}

#[tokio::test]
async fn a_backfill_creates_a_run_for_each_partition_once() {
    let world = filling().await;
    let update = json!({ "asset": "orders", "partition": "south" });
    let reply = world
        .post("/api/v1/assets/updates")
        .json(&update)
        .send()
        .await;
    assert_eq!(reply.status, 201);
    world.scheduler.woken();
    let body = json!({
        "asset": "orders", "partitions": ["north", "south"], "params": { "rows": 7 }, "only_missing": true, "dry_run": true,
    });
    let preview = world
        .post("/api/v1/assets/backfills")
        .json(&body)
        .send()
        .await;
    assert_eq!(preview.status, 200);
    let expected = json!({
        "asset": "orders", "dag": "fills", "version": 1, "dry_run": true,
        "runs": [{ "partition": "north" }], "updated": ["south"],
    });
    assert_eq!(preview.ok(), expected);
    assert_eq!(list(&world, "/dags/fills/runs").await.len(), 0);
    let body =
        json!({ "asset": "orders", "partitions": ["north", "south"], "params": { "rows": 7 } });
    let fill = async || {
        let post = world.post("/api/v1/assets/backfills").json(&body);
        let reply = post.header("idempotency-key", "again").send().await;
        assert_eq!(reply.status, 201);
        reply.ok()
    };
    let made = fill().await;
    let partitions: Vec<_> = made["runs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| &run["partition"])
        .collect();
    assert_eq!(partitions, ["north", "south"]);
    assert_eq!(fill().await, made, "the same key creates none again");
    let runs = list(&world, "/dags/fills/runs").await;
    assert_eq!(runs.len(), 2);
    let north = made["runs"][0]["run"].as_str().expect("an id");
    let run = world.get(&format!("/runs/{north}")).send().await.ok();
    assert_eq!(run["params"], json!({ "partition": "north", "rows": 7 }));
}

#[tokio::test]
async fn a_backfill_of_partitions_that_cannot_be_is_refused_whole() {
    let world = filling().await;
    let cases = [
        (
            json!({ "asset": "rates", "partitions": ["a"] }),
            "no task of an active version updates rates",
        ),
        (
            json!({ "asset": "orders", "partitions": [] }),
            "1 to 1000 are filled by one request",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a", "a"] }),
            "a is given twice",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a\nb"] }),
            "in one line",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a", "7"] }),
            "the parameters don't fit the DAG fills",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a"], "param": "region" }),
            "has no parameter \"region\"",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a"], "params": { "partition": "b" } }),
            "receives the partition, and is not given",
        ),
        (
            json!({ "asset": "orders", "partitions": ["a"], "dag": "uses" }),
            "updates the asset orders",
        ),
    ];
    for (body, words) in cases {
        let post = world.post("/api/v1/assets/backfills").json(&body);
        let code = if words.starts_with("the parameters") {
            "invalid_params"
        } else {
            "invalid_value"
        };
        let reply = post.header("idempotency-key", "k").send().await;
        let problem = reply.problem(422, code);
        let detail = problem["detail"].as_str().expect("it says what");
        assert!(detail.contains(words), "{body}: {detail}");
    }
    let body = json!({ "asset": "orders", "partitions": ["a"] });
    let reply = world
        .post("/api/v1/assets/backfills")
        .json(&body)
        .send()
        .await;
    reply.problem(400, "invalid_request");
    assert_eq!(list(&world, "/dags/fills/runs").await.len(), 0);
}
