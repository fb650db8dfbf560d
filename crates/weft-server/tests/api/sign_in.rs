//! Who gets in, and what each role may do.

use crate::world::World;
use serde_json::{Value, json};
use weft_core::time::Timestamp;
use weft_server::{Secret, ServerOptions};
use weft_store_sql::{NewToken, Role, TokenId};

pub(crate) async fn stored(
    world: &World,
    role: Role,
    tenant: Option<&str>,
    expires: Option<i64>,
) -> String {
    let secret = Secret::draw();
    let token = NewToken {
        name: "made".into(),
        tenant: tenant.map(|tenant| tenant.parse().unwrap()),
        role,
        hash: secret.digest(),
        expires: expires.map(Timestamp),
    };
    world.database.create_token(&token, "test").await.unwrap();
    secret.reveal().to_owned()
}

#[tokio::test]
async fn wrong_expired_and_revoked_tokens_are_distinguished() {
    let world = World::new().await;
    let reply = world.get("/dags").anonymous().send().await;
    reply.problem(401, "unauthenticated");
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"weft\"");
    for odd in ["Basic dXNlcjpwYXNz", "Bearer", "weft_"] {
        world
            .get("/dags")
            .anonymous()
            .header("authorization", odd)
            .send()
            .await
            .problem(401, "unauthenticated");
    }
    for odd in [
        "x",
        "weft_",
        &Secret::draw().reveal().to_uppercase(),
        Secret::draw().reveal(),
        "' OR 1=1 --",
    ] {
        world
            .get("/dags")
            .token(odd)
            .send()
            .await
            .problem(401, "token_unknown");
    }
    let expired = stored(&world, Role::Admin, None, Some(1_000)).await;
    world
        .get("/dags")
        .token(expired)
        .send()
        .await
        .problem(401, "token_expired");
    let fine = stored(&world, Role::Admin, None, Some(4_000_000_000_000)).await;
    world.get("/dags").token(fine).send().await.ok();
    let created = world
        .post("/tokens")
        .json(&json!({ "name": "x", "role": "viewer" }))
        .send()
        .await
        .ok();
    let secret = created["secret"].as_str().unwrap().to_owned();
    world.get("/dags").token(&secret).send().await.ok();
    assert_eq!(
        world
            .delete(&format!("/tokens/{}", created["id"]))
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    world
        .get("/dags")
        .token(&secret)
        .send()
        .await
        .problem(401, "token_revoked");
    let worker = stored(&world, Role::Worker, None, None).await;
    world
        .get("/dags")
        .token(worker)
        .send()
        .await
        .problem(403, "forbidden");
}

/// A trigger acts on a token that was read before.
#[tokio::test]
async fn a_remembered_token_triggers_nothing_once_it_is_revoked() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let created = world
        .post("/tokens")
        .json(&json!({ "name": "x", "role": "operator" }))
        .send()
        .await
        .ok();
    let secret = created["secret"].as_str().unwrap();
    let trigger = || world.post("/dags/d/runs").token(secret).json(&json!({}));
    for _time in 0..3 {
        assert_eq!(trigger().send().await.status.as_u16(), 201);
    }
    // Another server deletes the token: this one hears nothing of it.
    let id = TokenId(created["id"].as_i64().unwrap());
    world.database.revoke_token(id, "test").await.unwrap();
    trigger().send().await.problem(401, "token_revoked");
    trigger()
        .json(&json!({ "params": { "unknown": 1 } }))
        .send()
        .await
        .problem(401, "token_revoked");
    let runs = world.get("/dags/d/runs").send().await.ok();
    assert_eq!(runs["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_remembered_dag_is_triggered_as_it_is_now() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let trigger = || world.post("/dags/d/runs").json(&json!({}));
    for _time in 0..2 {
        assert_eq!(trigger().send().await.ok()["version"], 1);
    }
    world.deploy("d", json!({ "a": {}, "b": {} })).await;
    for _time in 0..2 {
        assert_eq!(trigger().send().await.ok()["version"], 2);
    }
    let key = || trigger().header("idempotency-key", "k");
    let first = key().send().await;
    let again = key().send().await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.ok()["id"], again.ok()["id"]);
}

#[tokio::test]
async fn every_operation_wants_a_token_before_anything_else() {
    let world = World::new().await;
    for (method, path) in operations() {
        let reply = world
            .any(&method, &path)
            .anonymous()
            .header("content-type", "application/json")
            .body("{")
            .send()
            .await;
        reply.problem(401, "unauthenticated");
    }
    world
        .get("/metrics")
        .anonymous()
        .send()
        .await
        .problem(401, "unauthenticated");
}

/// Every operation of the document that takes a token, with something in the place of each parameter of its path.
fn operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&weft_server::openapi::document_text()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{run}", "0000000000000")
            .replace("{version}", "1")
            .replace("{index}", "0")
            .replace("{token}", "1")
            .replace("{command}", "1");
        let path = path.replace(['{', '}'], "");
        all.extend(
            item.as_object()
                .unwrap()
                .iter()
                .filter(|(_method, operation)| operation["security"] != json!([]))
                .map(|(method, _operation)| (method.to_uppercase(), path.clone())),
        );
    }
    all
}

/// The least role of each operation that changes something; all others take a viewer's.
fn least_role(method: &str, path: &str) -> &'static str {
    let path = path.trim_start_matches("/api/v1");
    match (method, path.split('/').nth(1).unwrap()) {
        (_, "tokens" | "audit" | "tenants") => "admin",
        ("GET", _) => "viewer",
        (_, "policy") if path.ends_with("/check") => "viewer",
        (_, "policy" | "workers" | "shards") => "admin",
        (_, "variables" | "connections" | "pools" | "notifications") => "operator",
        (_, "dags") if path.contains("/webhooks") => "operator",
        (_, "deployments") | ("DELETE", "dags") => "deployer",
        (_, "dags")
            if ["/activate", "/rollback", "/repair"]
                .iter()
                .any(|end| path.ends_with(end)) =>
        {
            "deployer"
        }
        (_, "dags" | "runs" | "assets") => "runner",
        other => panic!("{other:?} has no place in the table"),
    }
}

#[tokio::test]
async fn each_role_may_do_what_the_table_says_and_no_more() {
    let world = World::new().await;
    for role in ["viewer", "operator", "deployer", "admin"] {
        let token = world.token(role).await;
        for (method, path) in operations() {
            let may = match least_role(&method, &path) {
                "viewer" => true,
                "runner" => role != "viewer",
                "operator" => matches!(role, "operator" | "admin"),
                "deployer" => matches!(role, "deployer" | "admin"),
                "admin" => role == "admin",
                other => panic!("{other}"),
            };
            // A stream of events would never end: its head says enough.
            let response = world.any(&method, &path).token(&token).open().await;
            assert_eq!(
                response.status().as_u16() != 403,
                may,
                "{role} {method} {path}: {}",
                response.status()
            );
        }
    }
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let world = World::new().await;
    world.deploy("secret-dag", json!({ "a": {} })).await;
    let run = world.trigger("secret-dag").await;
    world
        .put("/variables/key")
        .json(&json!({ "value": "v" }))
        .send()
        .await;
    world
        .put("/tenants/acme")
        .json(&json!({ "weight": 200 }))
        .send()
        .await
        .ok();
    let acme = stored(&world, Role::Admin, Some("acme"), None).await;
    assert_eq!(
        world.get("/dags").token(&acme).send().await.ok()["items"],
        json!([])
    );
    assert_eq!(
        world.get("/runs").token(&acme).send().await.ok()["items"],
        json!([])
    );
    assert_eq!(
        world.get("/variables").token(&acme).send().await.ok()["items"],
        json!([])
    );
    world
        .get("/dags/secret-dag")
        .token(&acme)
        .send()
        .await
        .problem(404, "dag_not_found");
    for path in [
        format!("/runs/{run}"),
        format!("/runs/{run}/tasks"),
        format!("/runs/{run}/events"),
        format!("/runs/{run}/tasks/a/0/output"),
    ] {
        world
            .get(&path)
            .token(&acme)
            .send()
            .await
            .problem(404, "run_not_found");
    }
    world
        .post(&format!("/runs/{run}/cancel"))
        .token(&acme)
        .send()
        .await
        .problem(404, "run_not_found");
}

#[tokio::test]
async fn a_tenants_administrator_stays_within_it() {
    let world = World::new().await;
    world
        .put("/tenants/acme")
        .json(&json!({}))
        .send()
        .await
        .ok();
    let acme = stored(&world, Role::Admin, Some("acme"), None).await;
    // Its administrator can't widen what it was granted, look at others' tokens, or step out.
    world
        .put("/policy")
        .token(&acme)
        .json(&json!({ "policy": "" }))
        .send()
        .await
        .problem(403, "forbidden");
    world
        .put("/tenants/acme")
        .token(&acme)
        .json(&json!({}))
        .send()
        .await
        .problem(403, "forbidden");
    world
        .get("/dags")
        .token(&acme)
        .header("weft-tenant", "default")
        .send()
        .await
        .problem(403, "forbidden");
    world
        .delete("/tokens/1")
        .token(&acme)
        .send()
        .await
        .problem(404, "token_not_found");
    let body = json!({ "name": "x", "role": "admin", "tenant": "default" });
    world
        .post("/tokens")
        .token(&acme)
        .json(&body)
        .send()
        .await
        .problem(403, "forbidden");
    let own = world
        .post("/tokens")
        .token(&acme)
        .json(&json!({ "name": "x", "role": "viewer" }))
        .send()
        .await
        .ok();
    assert_eq!(own["tenant"], "acme");
    // A token of the installation names the tenant that it means.
    assert_eq!(
        world
            .get("/dags")
            .header("weft-tenant", "acme")
            .send()
            .await
            .ok()["items"],
        json!([])
    );
    world
        .get("/dags")
        .header("weft-tenant", "unknown")
        .send()
        .await
        .problem(400, "invalid_id");
    world
        .get("/dags")
        .header("weft-tenant", "../x")
        .send()
        .await
        .problem(400, "invalid_id");
}

#[tokio::test]
async fn only_hosts_that_the_server_is_are_answered() {
    let world = World::new().await;
    world
        .get("/dags")
        .header("host", "127.0.0.1:8080")
        .send()
        .await
        .ok();
    world
        .get("/dags")
        .header("host", "[::1]:8080")
        .send()
        .await
        .ok();
    world
        .get("/dags")
        .header("host", "rebound.example")
        .send()
        .await
        .problem(403, "host_refused");
    world
        .get("/health/live")
        .header("host", "rebound.example")
        .send()
        .await
        .problem(403, "host_refused");
    let named = World::with(ServerOptions {
        hosts: vec!["weft.example.org".into()],
        ..ServerOptions::default()
    })
    .await;
    named
        .get("/dags")
        .header("host", "weft.example.org")
        .send()
        .await
        .ok();
}
