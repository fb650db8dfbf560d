//! Lists of DAGs and runs by tag and by owner.

use crate::world::{World, file};
use serde_json::{Value, json};
use weft_core::run::RunState;

async fn world() -> World {
    let world = World::new().await;
    let dags = json!([
        { "id": "a", "tags": ["eu", "sales"], "owners": ["Ann", "data"], "tasks": { "t": {} } },
        { "id": "b", "owners": ["data"], "tasks": { "t": {} } },
        { "id": "c", "tags": ["eu"], "tasks": { "t": {} } },
    ]);
    world
        .post("/deployments")
        .body(file(dags))
        .send()
        .await
        .ok();
    world
}

async fn all(world: &World, path: &str, field: &str) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("{path}{cursor}")).send().await.ok();
        let items = page["items"].as_array().unwrap().iter();
        found.extend(items.map(|item| item[field].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            None => return found,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
}

#[tokio::test]
async fn dags_and_runs_are_listed_by_tag() {
    let world = world().await;
    for dag in ["a", "b", "c", "a", "b"] {
        world.trigger(dag).await;
    }
    assert_eq!(all(&world, "/dags?tag=eu", "id").await, ["a", "c"]);
    assert_eq!(all(&world, "/dags?tag=eu&limit=1", "id").await, ["a", "c"]);
    assert_eq!(all(&world, "/dags?tag=sales", "id").await, ["a"]);
    assert_eq!(all(&world, "/dags?tag=none", "id").await, [""; 0]);
    assert_eq!(all(&world, "/runs?tag=eu", "dag").await, ["a", "c", "a"]);
    assert_eq!(
        all(&world, "/runs?tag=eu&limit=2", "dag").await,
        ["a", "c", "a"]
    );
    assert_eq!(all(&world, "/runs?tag=eu&dag=c", "dag").await, ["c"]);
}

#[tokio::test]
async fn dags_and_runs_are_listed_by_owner() {
    let world = world().await;
    for dag in ["a", "b", "c"] {
        world.trigger(dag).await;
    }
    assert_eq!(all(&world, "/dags?owner=data", "id").await, ["a", "b"]);
    assert_eq!(all(&world, "/dags?owner=data&tag=eu", "id").await, ["a"]);
    assert_eq!(all(&world, "/dags?owner=Bob", "id").await, [""; 0]);
    assert_eq!(all(&world, "/runs?owner=data", "dag").await, ["b", "a"]);
    assert_eq!(all(&world, "/runs?owner=Ann&limit=1", "dag").await, ["a"]);
    let dag = world.get("/dags/a").send().await.ok();
    assert_eq!(dag["owners"], json!(["Ann", "data"]));
    assert!(
        world
            .get("/dags/c")
            .send()
            .await
            .ok()
            .get("owners")
            .is_none()
    );
}

#[tokio::test]
async fn a_bulk_action_selects_by_owner_and_tag() {
    let world = world().await;
    for dag in ["a", "b", "c"] {
        let run = world.trigger(dag).await;
        world.write_run(&run, RunState::Running).await;
    }
    let body = json!({ "action": "cancel", "filter": { "owner": "data", "tag": "eu" } });
    let call = world.post("/runs/bulk").header("idempotency-key", "k");
    let page = call.json(&body).send().await.ok();
    assert_eq!(page["acted"], 1);
}

#[tokio::test]
async fn a_bulk_action_selects_by_tag() {
    let world = world().await;
    for dag in ["a", "b", "c"] {
        let run = world.trigger(dag).await;
        world.write_run(&run, RunState::Running).await;
    }
    let body = json!({ "action": "cancel", "filter": { "tag": "eu" } });
    let call = world.post("/runs/bulk").header("idempotency-key", "k");
    let page = call.json(&body).send().await.ok();
    assert_eq!(
        (&page["acted"], page.get("next")),
        (&json!(2), None::<&Value>)
    );
}
