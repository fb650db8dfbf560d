//! DAGs and versions: listing, showing, pausing, deleting.

use crate::world::{World, file};
use serde_json::json;
use weft_core::{digest::Digest, id::TenantId, run::RunState};
use weft_server::ports::Wake;
use weft_store::{CommandKind, RunStore as _, ShardId};
use weft_store_sql::{Deploy, DeployDag, Trigger};

#[tokio::test]
async fn lists_page_by_page_and_shows_what_the_document_says() {
    let world = World::new().await;
    let dags: Vec<_> = (0..7).map(|n| json!({ "id": format!("dag-{n}"), "description": format!("number {n}"), "tags": ["x"], "tasks": { "t": {} } })).collect();
    world.deploy_dags(json!(dags)).await;
    let mut ids = Vec::new();
    let mut path = "/dags?limit=3".to_owned();
    loop {
        let page = world.get(&path).send().await.ok();
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|dag| dag["id"].as_str().unwrap().to_owned()),
        );
        assert!(page["items"].as_array().unwrap().len() <= 3);
        match page["next"].as_str() {
            Some(next) => path = format!("/dags?limit=3&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(ids, (0..7).map(|n| format!("dag-{n}")).collect::<Vec<_>>());
    let one = world.get("/dags/dag-3").send().await.ok();
    assert_eq!(
        (&one["description"], &one["tags"], &one["tasks"][0]["id"]),
        (&json!("number 3"), &json!(["x"]), &json!("t"))
    );
}

#[tokio::test]
async fn a_task_shows_its_mapped_group_and_the_variables_that_it_reads() {
    let world = World::new().await;
    let policy = json!({ "policy": "[variables]\nallow = [\"key\", \"region\"]\n" });
    world.put("/policy").json(&policy).send().await.ok();
    let tasks = json!({
        "files": {},
        "load.fetch": { "inputs": { "path": { "element": "file" } }, "grants": { "variables": ["key", "region"] } },
    });
    let groups = json!({ "load": { "expand": { "file": "files" } } });
    world
        .deploy_dags(json!([{ "id": "d", "groups": groups, "tasks": tasks }]))
        .await;
    let dag = world.get("/dags/d").send().await.ok();
    let [files, fetch] = [&dag["tasks"][0], &dag["tasks"][1]];
    assert_eq!(
        (
            &fetch["mapped"],
            &fetch["mapped_group"],
            &fetch["variables"]
        ),
        (&json!(true), &json!("load"), &json!(["key", "region"]))
    );
    assert!(files.get("mapped_group").is_none() && files.get("variables").is_none());
}

#[tokio::test]
async fn a_cursor_of_another_list_or_other_filters_is_refused() {
    let world = World::new().await;
    world
        .deploy_dags(
            json!([{ "id": "a", "tasks": { "t": {} } }, { "id": "b", "tasks": { "t": {} } }]),
        )
        .await;
    let page = world.get("/dags?limit=1").send().await.ok();
    let cursor = page["next"].as_str().unwrap();
    world
        .get(&format!("/dags?limit=1&cursor={cursor}"))
        .send()
        .await
        .ok();
    world
        .get(&format!("/dags?limit=1&paused=true&cursor={cursor}"))
        .send()
        .await
        .problem(400, "invalid_cursor");
    world
        .get(&format!("/runs?cursor={cursor}"))
        .send()
        .await
        .problem(400, "invalid_cursor");
    world
        .get("/dags?cursor=zzz")
        .send()
        .await
        .problem(400, "invalid_cursor");
    for limit in ["0", "501", "-1", "x"] {
        let reply = world.get(&format!("/dags?limit={limit}")).send().await;
        assert!(reply.status.is_client_error(), "{limit}: {}", reply.status);
    }
    world
        .get("/dags?colour=red")
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn pausing_goes_by_the_state_that_was_seen() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    world.scheduler.woken();
    let seen = world.get("/dags/d").send().await.header("etag").to_owned();
    let paused = world
        .patch("/dags/d")
        .header("if-match", &seen)
        .json(&json!({ "paused": true }))
        .send()
        .await;
    assert_eq!(paused.ok()["paused"], true);
    assert_eq!(world.scheduler.woken(), [Wake::Settings]);
    world
        .patch("/dags/d")
        .header("if-match", &seen)
        .json(&json!({ "paused": false }))
        .send()
        .await
        .problem(412, "changed_meanwhile");
    world
        .delete("/dags/d")
        .header("if-match", &seen)
        .send()
        .await
        .problem(412, "changed_meanwhile");
    assert_eq!(
        world.get("/dags?paused=true").send().await.ok()["items"][0]["id"],
        "d"
    );
    assert_eq!(
        world.get("/dags?paused=false").send().await.ok()["items"],
        json!([])
    );
    let now = paused.header("etag").to_owned();
    assert_ne!(now, seen);
    let running = world
        .patch("/dags/d")
        .header("if-match", &now)
        .json(&json!({ "paused": false }))
        .send()
        .await
        .ok();
    assert_eq!(running["paused"], false);
    world
        .patch("/dags/d")
        .json(&json!({ "pause": true }))
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn a_dag_with_active_runs_is_not_deleted() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let run = world.trigger("d").await;
    world
        .delete("/dags/d")
        .send()
        .await
        .problem(409, "dag_has_active_runs");
    world.write_run(&run, RunState::Running).await;
    world
        .delete("/dags/d")
        .send()
        .await
        .problem(409, "dag_has_active_runs");
    world.write_run(&run, RunState::Success).await;
    let gone = world.delete("/dags/d").send().await;
    assert_eq!(gone.status.as_u16(), 204);
    world
        .get("/dags/d")
        .send()
        .await
        .problem(404, "dag_not_found");
    world
        .delete("/dags/d")
        .send()
        .await
        .problem(404, "dag_not_found");
    assert_eq!(
        world.get(&format!("/runs/{run}")).send().await.ok()["state"],
        "success"
    );
    // Its name is free.
    world.deploy("d", json!({ "a": {} })).await;
}

#[tokio::test]
async fn versions_keep_their_documents() {
    let world = World::new().await;
    world.deploy("d", json!({ "z": {}, "a": {} })).await;
    world.deploy("d", json!({ "b": {} })).await;
    let page = world.get("/dags/d/versions?limit=1").send().await.ok();
    assert_eq!(
        (&page["items"][0]["number"], &page["items"][0]["active"]),
        (&json!(2), &json!(true))
    );
    let next = page["next"].as_str().unwrap();
    let page = world
        .get(&format!("/dags/d/versions?cursor={next}"))
        .send()
        .await
        .ok();
    assert_eq!(page["items"][0]["number"], 1);
    let version = world.get("/dags/d/versions/1").send().await.ok();
    assert_eq!(
        version["document"]["dags"][0]["tasks"],
        json!({ "z": {}, "a": {} })
    );
    let whole = file(json!([{ "id": "d", "tasks": { "z": {}, "a": {} } }])).len();
    assert_eq!(
        (&version["files"][0]["name"], &version["files"][0]["bytes"]),
        (&json!(""), &json!(whole))
    );
    world
        .get("/dags/d/versions/3")
        .send()
        .await
        .problem(404, "version_not_found");
    world
        .get("/dags/d/versions/0")
        .send()
        .await
        .problem(404, "version_not_found");
}

#[tokio::test]
async fn ids_that_fight_paths_or_sql_are_only_names() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    for odd in [
        "..%2F..%2Fetc",
        "%2e%2e",
        "'%20OR%20'1'='1",
        "d';DROP%20TABLE%20dags;--",
        "%00",
        "d%00",
        "a%2Fb",
        "%F0%9F%92%A9",
        "-d",
        "%25s",
        "%ff",
        &"x".repeat(251),
        &"x".repeat(5_000),
    ] {
        for path in [
            format!("/dags/{odd}"),
            format!("/dags/{odd}/runs"),
            format!("/runs/{odd}"),
            format!("/dags/{odd}/versions/1"),
        ] {
            let reply = world.get(&path).send().await;
            assert!(reply.status.is_client_error(), "{path}: {}", reply.status);
            assert_eq!(
                reply.headers["content-type"], "application/problem+json",
                "{path}"
            );
        }
    }
    assert_eq!(
        world.get("/dags").send().await.ok()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_version_that_can_not_be_read_is_replaced_or_dropped() {
    let world = World::new().await;
    world.deploy("etl", json!({ "a": {} })).await;
    let readable = world.post("/dags/etl/versions/1/repair").json(&json!({}));
    readable.send().await.problem(409, "version_readable");
    let document = r#"{"contract":"weft.dag/9"}"#;
    let digest = Digest::of(document.as_bytes());
    let damaged = Deploy {
        tenant: TenantId::default(),
        digest,
        dags: vec![DeployDag {
            id: "etl".parse().unwrap(),
            document: document.into(),
            files: Vec::new(),
        }],
        activate: true,
        paused: false,
        by: "test".into(),
    };
    for version in [2, 3] {
        let damaged = Deploy {
            digest: Digest::of(&[version]),
            ..damaged.clone()
        };
        let deployed = world.database.deploy(&damaged).await.unwrap();
        assert_eq!(deployed[0].number, u32::from(version));
        let trigger = Trigger {
            tenant: TenantId::default(),
            dag: deployed[0].id.clone(),
            version: deployed[0].version,
            logical_date: None,
            interval: None,
            params: "{}".into(),
            concurrency_key: None,
            not_before: None,
            by: "test".into(),
            trace: None,
            idempotency_key: None,
        };
        world.database.trigger(&trigger).await.unwrap();
    }
    world.scheduler.woken();
    let unreadable_too = world
        .post("/dags/etl/versions/3/repair")
        .json(&json!({ "replacement": 2 }));
    unreadable_too.send().await.problem(422, "invalid_value");
    let unknown = world
        .post("/dags/etl/versions/9/repair")
        .json(&json!({ "replacement": 1 }));
    unknown.send().await.problem(404, "version_not_found");
    assert_eq!(world.scheduler.woken(), []);

    let replaced = world
        .post("/dags/etl/versions/3/repair")
        .json(&json!({ "replacement": 1 }))
        .send()
        .await
        .ok();
    assert_eq!(replaced["runs"].as_array().unwrap().len(), 1);
    assert_eq!(replaced["dag"]["version"], 1, "{replaced}");
    assert_eq!(world.scheduler.woken(), [Wake::Settings]);
    let dropped = world
        .post("/dags/etl/versions/2/repair")
        .json(&json!({}))
        .send()
        .await
        .ok();
    let run = dropped["runs"][0].as_str().unwrap();
    let commands = world.database.commands(ShardId(0), None, 9).await.unwrap();
    let failed: Vec<String> = commands
        .readable
        .iter()
        .map(|command| command.run.to_string())
        .collect();
    assert_eq!(failed, [run]);
    assert_eq!(commands.readable[0].kind, CommandKind::Fail);
}
