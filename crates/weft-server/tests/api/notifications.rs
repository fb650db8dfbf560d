//! Destinations of notifications and deliveries, over the API.

use crate::world::World;
use serde_json::{Value, json};
use weft_core::run::RunState;
use weft_core::{id::TenantId, time::DurationMs};
use weft_store_sql::{
    DeliveryResult,
    secret::{SecretAddress, SecretKind},
};

const PATH: &str = "/notifications/destinations/ops";

fn slack() -> Value {
    json!({ "kind": "slack", "url": "https://hooks.slack.com/services/hush", "on": ["failure"], "tags": ["nightly"] })
}

#[tokio::test]
async fn a_destination_is_set_listed_without_its_secret_and_removed() {
    let world = World::new().await;
    let set = world.put(PATH).json(&slack()).send().await;
    assert_eq!(set.status.as_u16(), 204, "{set:?}");
    let page = world.get("/notifications/destinations").send().await;
    let shown = String::from_utf8(page.body.clone()).unwrap();
    assert!(!shown.contains("hush"), "{shown}");
    let item = &page.ok()["items"][0];
    assert_eq!(
        (
            &item["name"],
            &item["kind"],
            &item["address"],
            &item["fold_wait_ms"]
        ),
        (
            &json!("ops"),
            &json!("slack"),
            &json!("https://hooks.slack.com"),
            &json!(10_000)
        )
    );
    let viewer = world.token("viewer").await;
    let refused = world.put(PATH).token(&viewer).json(&slack()).send().await;
    refused.problem(403, "forbidden");
    // What is sealed can be opened, as the service that sends does.
    let address = SecretAddress {
        tenant: TenantId::default(),
        kind: SecretKind::Destination,
        name: "ops".into(),
    };
    let found = world
        .database
        .show_secret(&address.tenant, address.kind, "ops")
        .await;
    let (_row, sealed) = found.unwrap().expect("it was set");
    let opened = world.deps.keyring.open(&address, &sealed).unwrap();
    assert!(String::from_utf8(opened).unwrap().contains("hush"));
    world.delete(PATH).send().await.ok();
    world
        .delete(PATH)
        .send()
        .await
        .problem(404, "destination_not_found");
    let test = world.post(&format!("{PATH}/test")).send().await;
    test.problem(404, "destination_not_found");
}

#[tokio::test]
async fn a_destination_that_can_not_be_used_is_refused() {
    let world = World::new().await;
    for (body, status, code) in [
        (
            json!({ "kind": "slack", "on": ["failure"] }),
            422,
            "invalid_value",
        ),
        (
            json!({ "kind": "fax", "on": ["failure"] }),
            400,
            "invalid_request",
        ),
        (
            json!({ "kind": "slack", "on": ["midnight"], "url": "https://a.example.org/" }),
            400,
            "invalid_request",
        ),
        (
            json!({ "kind": "webhook", "on": ["failure"], "url": "http://127.0.0.1/hush" }),
            422,
            "refused_by_policy",
        ),
    ] {
        let reply = world.put(PATH).json(&body).send().await;
        let problem = reply.problem(status, code).to_string();
        assert!(!problem.contains("hush"), "{problem}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_and_shown() {
    let world = World::new().await;
    world.put(PATH).json(&slack()).send().await.ok();
    let tested = world.post(&format!("{PATH}/test")).send().await;
    assert_eq!(tested.status.as_u16(), 202);
    let tested = tested.ok();
    assert_eq!(
        (&tested["state"], &tested["on"]),
        (&json!("waiting"), &json!("test"))
    );
    let claimed = world
        .database
        .claim_deliveries(DurationMs(60_000), 10)
        .await
        .unwrap();
    let result = DeliveryResult::Retry(DurationMs(5_000), "no connection".into());
    world
        .database
        .finish_delivery(&claimed[0], &result)
        .await
        .unwrap();
    let path = format!("/notifications/deliveries/{}", tested["id"]);
    let shown = world.get(&path).send().await.ok();
    assert_eq!(
        (&shown["attempts"], &shown["error"], &shown["key"]),
        (&json!(1), &json!("no connection"), &tested["key"])
    );
    let list = world
        .get("/notifications/deliveries?destination=ops")
        .send()
        .await
        .ok();
    assert_eq!(list["items"], json!([shown]));
    let none = world
        .get("/notifications/deliveries?destination=x")
        .send()
        .await
        .ok();
    assert_eq!(none["items"], json!([]));
    let missing = world.get("/notifications/deliveries/99").send().await;
    missing.problem(404, "delivery_not_found");
}

#[tokio::test]
async fn a_run_that_ended_is_noticed_for_its_tenants_destinations_alone() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let before = world.trigger("d").await;
    world.write_run(&before, RunState::Failed).await;
    world.put(PATH).json(&slack()).send().await.ok();
    let after = world.trigger("d").await;
    world.write_run(&after, RunState::Failed).await;
    let batch = world.database.noticed(10).await.unwrap();
    let runs: Vec<String> = batch.rows.iter().map(|row| row.run.to_string()).collect();
    assert_eq!(runs, [after]);
}
