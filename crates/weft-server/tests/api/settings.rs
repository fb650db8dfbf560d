//! Variables, connections, pools, the policy, tenants, workers.

use crate::world::World;
use serde_json::json;
use weft_core::id::TenantId;
use weft_server::ports::Wake;
use weft_store_sql::secret::{Keyring, SecretAddress, SecretKind};

#[tokio::test]
async fn a_variable_may_refer_to_where_its_value_is_kept() {
    let world = World::new().await;
    let set = async |body: serde_json::Value| {
        let call = world.put("/variables/region").json(&body);
        call.send().await
    };
    let from = json!({ "from": "env:REGION" });
    assert_eq!(set(from).await.status.as_u16(), 204);
    let listed = world.get("/variables").send().await.ok();
    assert_eq!(listed["items"][0]["from"], "env:REGION");
    for (body, why) in [
        (json!({}), "either"),
        (json!({ "value": "a", "from": "env:REGION" }), "either"),
        (json!({ "from": "https://example.org" }), "no reference"),
        (json!({ "from": "file:key" }), "--variables-folder"),
        (json!({ "from": "vault:key#value" }), "--vault"),
    ] {
        let reply = set(body).await;
        let problem = reply.problem(422, "invalid_value");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(why), "{problem}");
    }
    let value = json!({ "value": "north" });
    assert_eq!(set(value).await.status.as_u16(), 204);
    let listed = world.get("/variables").send().await.ok();
    assert!(listed["items"][0].get("from").is_none());
}

#[tokio::test]
async fn a_variable_is_set_listed_and_never_shown() {
    let world = World::new().await;
    let name = "a%2Fb%20c";
    assert_eq!(
        world
            .put(&format!("/variables/{name}"))
            .json(&json!({ "value": "hunter2" }))
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    let listed = world.get("/variables").send().await;
    assert_eq!(listed.ok()["items"][0]["name"], "a/b c");
    assert!(!String::from_utf8_lossy(&listed.body).contains("hunter2"));
    let place = SecretAddress {
        tenant: TenantId::default(),
        kind: SecretKind::Variable,
        name: "a/b c".into(),
    };
    let (_, sealed) = world
        .database
        .show_secret(&place.tenant, place.kind, &place.name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        world.deps.keyring.open(&place, &sealed).unwrap(),
        b"hunter2"
    );
    assert!(
        Keyring::parse(&"8".repeat(64))
            .unwrap()
            .open(&place, &sealed)
            .is_err()
    );
    assert_eq!(
        world
            .delete(&format!("/variables/{name}"))
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    world
        .delete(&format!("/variables/{name}"))
        .send()
        .await
        .problem(404, "variable_not_found");
    world
        .get(&format!("/variables/{name}"))
        .send()
        .await
        .problem(405, "method_not_allowed");
    let long = "v".repeat(64 * 1024 + 1);
    world
        .put("/variables/x")
        .json(&json!({ "value": long }))
        .send()
        .await
        .problem(422, "invalid_value");
    for odd in ["%00", "%20x", "a%0Ab", &"x".repeat(251)] {
        world
            .put(&format!("/variables/{odd}"))
            .json(&json!({ "value": "v" }))
            .send()
            .await
            .problem(400, "invalid_id");
    }
    world
        .put("/variables/x")
        .json(&json!({ "value": 7 }))
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn a_connection_shows_where_it_leads_and_no_credential() {
    let world = World::new().await;
    let body = json!({ "url": "https://api.example.org", "username": "me", "password": "hunter2", "headers": { "x-key": "hunter3" } });
    assert_eq!(
        world
            .put("/connections/api")
            .json(&body)
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    let listed = world.get("/connections").send().await;
    let text = String::from_utf8_lossy(&listed.body).into_owned();
    assert!(!text.contains("hunter"), "{text}");
    let item = &listed.ok()["items"][0];
    assert_eq!(
        (&item["url"], &item["auth"], &item["headers"]),
        (
            &json!("https://api.example.org"),
            &json!("basic"),
            &json!(["x-key"])
        )
    );
    let both = json!({ "url": "https://api.example.org", "bearer": "hunter2", "username": "me" });
    let problem = world
        .put("/connections/api")
        .json(&both)
        .send()
        .await
        .problem(422, "invalid_value");
    assert!(!problem.to_string().contains("hunter"));
    let misspelled = json!({ "url": "https://api.example.org", "beaerr": "hunter2" });
    let problem = world
        .put("/connections/api")
        .json(&misspelled)
        .send()
        .await
        .problem(400, "invalid_request");
    assert!(!problem.to_string().contains("hunter"));
    assert_eq!(
        world
            .delete("/connections/api")
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    world
        .delete("/connections/api")
        .send()
        .await
        .problem(404, "connection_not_found");
}

#[tokio::test]
async fn pools_are_made_changed_and_removed() {
    let world = World::new().await;
    assert_eq!(
        world
            .put("/pools/db")
            .json(&json!({ "slots": 3 }))
            .send()
            .await
            .ok(),
        json!({ "name": "db", "slots": 3 })
    );
    assert_eq!(world.scheduler.woken(), [Wake::Settings]);
    world
        .put("/pools/db")
        .json(&json!({ "slots": 5 }))
        .send()
        .await
        .ok();
    assert_eq!(
        world.get("/pools").send().await.ok()["items"],
        json!([{ "name": "db", "slots": 5 }])
    );
    for slots in [0, 1_000_001] {
        world
            .put("/pools/db")
            .json(&json!({ "slots": slots }))
            .send()
            .await
            .problem(422, "invalid_value");
    }
    for odd in [
        json!(-1),
        json!(1.5),
        json!("3"),
        json!(null),
        json!(99_999_999_999_u64),
    ] {
        world
            .put("/pools/db")
            .json(&json!({ "slots": odd }))
            .send()
            .await
            .problem(400, "invalid_request");
    }
    assert_eq!(world.delete("/pools/db").send().await.status.as_u16(), 204);
    world
        .delete("/pools/db")
        .send()
        .await
        .problem(404, "pool_not_found");
}

#[tokio::test]
async fn a_policy_is_checked_before_it_holds() {
    let world = World::new().await;
    let seen = world.get("/policy").send().await;
    assert_eq!(seen.ok(), json!({ "policy": "", "is_default": true }));
    let wrong = world
        .put("/policy")
        .json(&json!({ "policy": "[http]\nalow = []\n[limits]\nmemory = \"lots\"\n" }))
        .send()
        .await;
    let problem = wrong.problem(422, "invalid_policy");
    assert_eq!(
        (
            problem["problems"].as_array().unwrap().len(),
            &problem["problems"][0]["line"]
        ),
        (2, &json!(2))
    );
    let text = "[queues]\nallow = [\"gpu\"]\n";
    let set = world
        .put("/policy")
        .header("if-match", seen.header("etag"))
        .json(&json!({ "policy": text }))
        .send()
        .await;
    assert_eq!(set.ok(), json!({ "policy": text, "is_default": false }));
    world
        .put("/policy")
        .header("if-match", seen.header("etag"))
        .json(&json!({ "policy": "" }))
        .send()
        .await
        .problem(412, "changed_meanwhile");
    assert_eq!(
        world
            .delete("/policy")
            .header("if-match", set.header("etag"))
            .send()
            .await
            .status
            .as_u16(),
        204
    );
    assert_eq!(world.get("/policy").send().await.ok()["is_default"], true);
}

#[tokio::test]
async fn tenants_are_bounded() {
    let world = World::new().await;
    let made = world
        .put("/tenants/acme")
        .json(&json!({ "max_active_tasks": 10 }))
        .send()
        .await
        .ok();
    assert_eq!(
        made,
        json!({ "id": "acme", "max_active_tasks": 10, "weight": 100 })
    );
    let changed = world
        .put("/tenants/acme")
        .json(&json!({ "weight": 300, "max_active_tasks": 0 }))
        .send()
        .await
        .ok();
    assert_eq!(changed, json!({ "id": "acme", "weight": 300 }));
    for odd in [
        json!({ "weight": 0 }),
        json!({ "weight": 1001 }),
        json!({ "max_active_tasks": 4_294_967_295_u32 }),
    ] {
        world
            .put("/tenants/acme")
            .json(&odd)
            .send()
            .await
            .problem(422, "invalid_value");
    }
    let ids: Vec<String> = world.get("/tenants").send().await.ok()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tenant| tenant["id"].to_string())
        .collect();
    assert_eq!(ids, ["\"acme\"", "\"default\""]);
}

#[tokio::test]
async fn workers_and_queues_are_listed() {
    let world = World::new().await;
    let workers = world.get("/workers").send().await.ok();
    assert_eq!(
        (
            &workers[0]["id"],
            &workers[0]["running"],
            &workers[0]["labels"]["arch"]
        ),
        (&json!("w1"), &json!(2), &json!("x86_64"))
    );
    let queues = world.get("/queues").send().await.ok();
    let row = |at: usize| {
        let queue = &queues[at];
        ["name", "workers", "places", "ready", "wanted"].map(|field| queue[field].clone())
    };
    assert_eq!(
        row(0),
        [json!("default"), 1.into(), 6.into(), 3.into(), 5.into()]
    );
    // One that no worker serves and something waits for.
    assert_eq!(
        row(1),
        [json!("unknown"), 0.into(), 0.into(), 5.into(), 5.into()]
    );
}

#[tokio::test]
async fn a_worker_is_drained_by_who_runs_the_installation() {
    let world = World::new().await;
    let operator = world.token("operator").await;
    let drain = |worker: &str| world.post(&format!("/workers/{worker}/drain"));
    drain("w1")
        .token(operator)
        .send()
        .await
        .problem(403, "forbidden");
    drain("w2").send().await.problem(404, "worker_not_found");
    drain("local").send().await.problem(409, "part_of_server");
    assert_eq!(drain("w1").send().await.status.as_u16(), 202);
    let audit = world.get("/audit").send().await.ok();
    let newest = &audit["items"][0];
    assert_eq!(
        (&newest["action"], &newest["subject"]),
        (&json!("worker.drain"), &json!("w1"))
    );
}
