//! Tokens, the audit, and who the caller is.

use crate::world::World;
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_is_shown_once_and_kept_as_its_digest() {
    let world = World::new().await;
    let expires = "2999-01-01T00:00:00Z";
    let reply = world
        .post("/tokens")
        .json(&json!({ "name": "ci", "role": "deployer", "expires": expires }))
        .send()
        .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("cache-control")),
        (201, "no-store")
    );
    let created = reply.json();
    let secret = created["secret"].as_str().unwrap();
    assert!(
        secret.starts_with("weft_") && secret.len() == 69,
        "{secret}"
    );
    let listed = world.get("/tokens").send().await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(secret));
    let token = listed.ok()["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|token| token["name"] == "ci")
        .cloned()
        .unwrap();
    assert_eq!(
        (&token["role"], &token["expires"], &token["id"]),
        (&json!("deployer"), &json!(expires), &created["id"])
    );
    let me = world.get("/whoami").token(secret).send().await.ok();
    assert_eq!(
        (&me["name"], &me["role"], &me["tenant"]),
        (&json!("ci"), &json!("deployer"), &json!("default"))
    );
    assert_eq!(me["permissions"], json!(["read", "operate", "deploy"]));
}

#[tokio::test]
async fn odd_tokens_are_not_made() {
    let world = World::new().await;
    for (body, code) in [
        (json!({ "name": "", "role": "viewer" }), "invalid_value"),
        (
            json!({ "name": "a\u{0}b", "role": "viewer" }),
            "invalid_value",
        ),
        (
            json!({ "name": "x".repeat(251), "role": "viewer" }),
            "invalid_value",
        ),
        (
            json!({ "name": "x", "role": "viewer", "expires": "2001-01-01T00:00:00Z" }),
            "invalid_value",
        ),
        (
            json!({ "name": "x", "role": "viewer", "tenant": "unknown" }),
            "invalid_value",
        ),
    ] {
        world
            .post("/tokens")
            .json(&body)
            .send()
            .await
            .problem(422, code);
    }
    world
        .post("/tokens")
        .json(&json!({ "name": "x", "role": "root" }))
        .send()
        .await
        .problem(400, "invalid_request");
    world
        .post("/tokens")
        .json(&json!({ "name": "x", "role": "viewer", "secret": "weft_1" }))
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let world = World::new().await;
    let own = world.get("/whoami").send().await.ok()["token"].clone();
    world
        .delete(&format!("/tokens/{own}"))
        .send()
        .await
        .problem(409, "last_admin");
    let other = world.token("admin").await;
    assert_eq!(
        world
            .delete(&format!("/tokens/{own}"))
            .token(&other)
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    world
        .get("/dags")
        .send()
        .await
        .problem(401, "token_revoked");
    for odd in [
        "0",
        "-1",
        "999999",
        "9223372036854775807",
        "-9223372036854775808",
    ] {
        world
            .delete(&format!("/tokens/{odd}"))
            .token(&other)
            .send()
            .await
            .problem(404, "token_not_found");
    }
}

#[tokio::test]
async fn the_audit_has_every_change_with_its_actor_and_no_secret() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    world
        .patch("/dags/d")
        .json(&json!({ "paused": true }))
        .send()
        .await
        .ok();
    world.post(&format!("/runs/{run}/cancel")).send().await.ok();
    world
        .put("/variables/key")
        .json(&json!({ "value": "hunter2" }))
        .send()
        .await;
    world
        .put("/connections/api")
        .json(&json!({ "url": "https://api.example.org", "bearer": "hunter2" }))
        .send()
        .await;
    world
        .put("/pools/db")
        .json(&json!({ "slots": 3 }))
        .send()
        .await
        .ok();
    world
        .put("/policy")
        .json(&json!({ "policy": "[queues]\nallow = [\"gpu\"]\n" }))
        .send()
        .await
        .ok();
    let secret = world.token("viewer").await;
    let reply = world.get("/audit?limit=100").send().await;
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(
        !text.contains("hunter2") && !text.contains(&secret),
        "{text}"
    );
    let entries = reply.ok()["items"].as_array().unwrap().clone();
    let by_me = |entry: &&Value| entry["actor"].as_str().unwrap().starts_with("first-start");
    assert!(entries.iter().filter(by_me).count() >= 9, "{text}");
    let first = world.get("/audit?limit=2").send().await.ok();
    let next = first["next"].as_str().unwrap();
    let second = world
        .get(&format!("/audit?limit=2&cursor={next}"))
        .send()
        .await
        .ok();
    assert!(first["items"][1]["id"].as_i64() > second["items"][0]["id"].as_i64());
}
