//! Runs: triggering, idempotency, listing, commands, backfills.

use crate::world::{World, file};
use serde_json::{Value, json};
use weft_core::{id::TenantId, run::RunState};
use weft_server::ports::Wake;
use weft_store::{CommandDone, CommandId, HeldRun, RunStore as _, Turn};

async fn world() -> World {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "schedule": "@daily", "params": { "n": 1, "who": { "schema": { "type": "string" } } }, "tasks": { "a": {}, "b": { "after": ["a"] } } }]);
    world.post("/deployments").body(file(dag)).send().await.ok();
    world.scheduler.woken();
    world
}

fn body() -> Value {
    json!({ "params": { "who": "me" } })
}

#[tokio::test]
async fn a_trigger_makes_a_run_that_waits_and_wakes_the_scheduler() {
    let world = world().await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let reply = world
        .post("/dags/d/runs")
        .header("traceparent", trace)
        .json(&body())
        .send()
        .await;
    let run = reply.ok();
    assert_eq!(reply.status.as_u16(), 201);
    assert_eq!(
        reply.header("location"),
        format!("/api/v1/runs/{}", run["id"].as_str().unwrap())
    );
    assert_eq!(
        (&run["dag"], &run["state"], &run["kind"], &run["version"]),
        (&json!("d"), &json!("queued"), &json!("manual"), &json!(1))
    );
    assert_eq!(run["params"], json!({ "n": 1, "who": "me" }));
    assert_eq!(run["trace"], trace);
    assert!(
        run["created_by"]
            .as_str()
            .unwrap()
            .starts_with("first-start#")
    );
    assert!(matches!(world.scheduler.woken()[..], [Wake::Queued(_)]));
    assert_eq!(
        world
            .get(&format!("/runs/{}", run["id"].as_str().unwrap()))
            .send()
            .await
            .ok(),
        run
    );
}

#[tokio::test]
async fn the_same_key_makes_no_second_run() {
    let world = world().await;
    let first = world
        .post("/dags/d/runs")
        .header("idempotency-key", "k1")
        .json(&body())
        .send()
        .await;
    let again = world
        .post("/dags/d/runs")
        .header("idempotency-key", "k1")
        .json(&body())
        .send()
        .await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200));
    assert_eq!(first.json()["id"], again.json()["id"]);
    let other = json!({ "params": { "who": "you" } });
    world
        .post("/dags/d/runs")
        .header("idempotency-key", "k1")
        .json(&other)
        .send()
        .await
        .problem(409, "idempotency_mismatch");
    let second = world
        .post("/dags/d/runs")
        .header("idempotency-key", "k2")
        .json(&body())
        .send()
        .await
        .ok();
    assert_ne!(first.json()["id"], second["id"]);
    for odd in ["", "with blank", &"k".repeat(201)] {
        world
            .post("/dags/d/runs")
            .header("idempotency-key", odd)
            .json(&body())
            .send()
            .await
            .problem(400, "invalid_request");
    }
    let at_once = futures_util::future::join_all((0..8).map(|_| {
        world
            .post("/dags/d/runs")
            .header("idempotency-key", "k3")
            .json(&body())
            .send()
    }))
    .await;
    let ids: std::collections::HashSet<String> = at_once
        .iter()
        .map(|reply| reply.ok()["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[tokio::test]
async fn parameters_are_held_against_the_dag() {
    let world = world().await;
    let missing = world
        .post("/dags/d/runs")
        .json(&json!({}))
        .send()
        .await
        .problem(422, "invalid_params");
    assert_eq!(missing["problems"][0]["code"], "missing_param");
    let wrong = world
        .post("/dags/d/runs")
        .json(&json!({ "params": { "who": 7, "n": "x", "nn": 1 } }))
        .send()
        .await
        .problem(422, "invalid_params");
    assert_eq!(wrong["problems"].as_array().unwrap().len(), 3, "{wrong}");
    world
        .post("/dags/d/runs")
        .json(&json!({ "parameters": {} }))
        .send()
        .await
        .problem(400, "invalid_request");
    world
        .post("/dags/d/runs")
        .body("{}")
        .send()
        .await
        .problem(415, "unsupported_media_type");
    world
        .post("/dags/d/runs")
        .header("content-type", "application/json")
        .body("{")
        .send()
        .await
        .problem(400, "invalid_request");
    world
        .post("/dags/nope/runs")
        .json(&json!({}))
        .send()
        .await
        .problem(404, "dag_not_found");
}

#[tokio::test]
async fn a_date_to_come_is_waited_for() {
    let world = world().await;
    let with = |fields: Value| {
        let mut body = body();
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        body
    };
    let run = world
        .post("/dags/d/runs")
        .json(&with(json!({ "logical_date": "2999-01-01T00:00:00Z" })))
        .send()
        .await
        .ok();
    assert_eq!(
        (&run["logical_date"], &run["not_before"]),
        (
            &json!("2999-01-01T00:00:00Z"),
            &json!("2999-01-01T00:00:00Z")
        )
    );
    let past = world
        .post("/dags/d/runs")
        .json(&with(
            json!({ "logical_date": "1999-01-01T00:00:00+02:00" }),
        ))
        .send()
        .await
        .ok();
    assert_eq!(past["logical_date"], "1998-12-31T22:00:00Z");
    assert_eq!(past["data_interval"]["start"], past["data_interval"]["end"]);
    for date in [
        "yesterday",
        "2026-13-01T00:00:00Z",
        "-000001-01-01T00:00:00Z",
        "",
    ] {
        world
            .post("/dags/d/runs")
            .json(&with(json!({ "logical_date": date })))
            .send()
            .await
            .problem(400, "invalid_request");
    }
    let backwards = json!({ "data_interval": { "start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z" } });
    world
        .post("/dags/d/runs")
        .json(&with(backwards))
        .send()
        .await
        .problem(422, "invalid_value");
    let other = world
        .post("/dags/d/runs")
        .json(&with(json!({ "version": 4 })))
        .send()
        .await;
    other.problem(404, "version_not_found");
}

#[tokio::test]
async fn a_thousand_runs_are_paged_by_key_while_more_come() {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    let row = world
        .database
        .show_dag(&TenantId::default(), &"d".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    let trigger = |_n| weft_store_sql::Trigger {
        tenant: TenantId::default(),
        dag: "d".parse().unwrap(),
        version: row.active.as_ref().unwrap().id,
        logical_date: None,
        interval: None,
        params: "{}".into(),
        concurrency_key: None,
        not_before: None,
        by: "test".into(),
        trace: None,
        idempotency_key: None,
    };
    let mut made = std::collections::BTreeSet::new();
    for n in 0..1_000 {
        made.insert(
            world
                .database
                .trigger(&trigger(n))
                .await
                .unwrap()
                .run()
                .to_string(),
        );
    }
    let mut seen = Vec::new();
    let mut path = "/dags/d/runs?limit=90".to_owned();
    loop {
        let page = world.get(&path).send().await.ok();
        seen.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/dags/d/runs?limit=90&cursor={next}");
        // One that comes meanwhile is newer than the page and never seen on a later one.
        world.trigger("d").await;
    }
    let newest_first: Vec<String> = made.into_iter().rev().collect();
    assert_eq!(seen, newest_first);
    assert_eq!(
        world.get("/runs?state=success").send().await.ok()["items"],
        json!([])
    );
    world
        .get("/runs?state=done")
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn runs_are_filtered_by_dag_state_kind_and_time() {
    let world = World::new().await;
    for dag in ["d", "e"] {
        let tasks = json!({ "a": {} });
        let scheduled = json!([{ "id": dag, "tasks": tasks, "schedule": "@daily" }]);
        world.deploy_dags(scheduled).await;
    }
    let range = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-04T00:00:00Z" });
    let filled = world
        .post("/dags/e/backfills")
        .json(&range)
        .send()
        .await
        .ok();
    let filled = filled["runs"].as_array().unwrap().len();
    assert_eq!(filled, 3);
    let (first, second) = (world.trigger("d").await, world.trigger("d").await);
    world.write_run(&first, RunState::Success).await;
    let count = async |query: &str| {
        let page = world.get(&format!("/runs?{query}")).send().await.ok();
        page["items"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("", filled + 2),
        ("kind=backfill", filled),
        ("kind=manual", 2),
        ("kind=scheduled", 0),
        ("kind=manual&state=success", 1),
        ("dag=d", 2),
        ("dag=e&kind=backfill&state=queued", filled),
        ("dag=e&kind=manual", 0),
        ("created_from=2020-01-01T00:00:00Z", filled + 2),
        ("created_before=2020-01-01T00:00:00Z", 0),
        ("dag=d&created_from=9000-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    let page = world.get("/runs?kind=manual&limit=1").send().await.ok();
    assert_eq!(page["items"][0]["id"], second.as_str());
    let cursor = page["next"].as_str().unwrap();
    let page = world
        .get(&format!("/runs?kind=manual&limit=1&cursor={cursor}"))
        .send()
        .await
        .ok();
    assert_eq!(page["items"][0]["id"], first.as_str());
    // A cursor belongs to its filters.
    world
        .get(&format!("/runs?kind=backfill&limit=1&cursor={cursor}"))
        .send()
        .await
        .problem(400, "invalid_cursor");
    world
        .get("/runs?dag=none")
        .send()
        .await
        .problem(404, "dag_not_found");
    for odd in ["kind=odd", "created_from=today", "dag=%2F", "dags=d"] {
        let reply = world.get(&format!("/runs?{odd}")).send().await;
        assert_eq!(reply.status.as_u16(), 400, "{odd}");
    }
    let entries = world.get("/audit?limit=9").send().await.ok();
    let entry = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "dag.backfill")
        .unwrap();
    assert_eq!(
        entry["details"],
        json!({ "from": range["from"], "to": range["to"], "runs": 3 })
    );
}

#[tokio::test]
async fn commands_are_durable_and_tell_what_became_of_them() {
    let world = world().await;
    let run = world.post("/dags/d/runs").json(&body()).send().await.ok();
    let id = run["id"].as_str().unwrap();
    world.write_run(id, RunState::Running).await;
    world.scheduler.woken();
    let cancel = world.post(&format!("/runs/{id}/cancel")).send().await;
    assert_eq!(
        (cancel.status.as_u16(), &cancel.ok()["state"]),
        (202, &json!("accepted"))
    );
    assert_eq!(world.scheduler.woken(), [Wake::Command]);
    let clear = world
        .post(&format!("/runs/{id}/clear"))
        .json(&json!({ "tasks": ["a", "a"], "downstream": true }))
        .send()
        .await
        .ok();
    world
        .post(&format!("/runs/{id}/mark"))
        .json(&json!({ "task": "b", "state": "success" }))
        .send()
        .await
        .ok();
    world
        .post(&format!("/runs/{id}/wake"))
        .json(&json!({ "task": "a" }))
        .send()
        .await
        .ok();
    let number = |command: &Value| command["id"].as_i64().unwrap();
    let of = id.parse().unwrap();
    let done = |id, refused: Option<&str>| CommandDone {
        id: CommandId(id),
        run: of,
        refused: refused.map(str::to_owned),
    };
    let turn = Turn {
        commands: vec![
            done(number(&cancel.json()), None),
            done(number(&clear), Some("it has ended")),
        ],
        ..world.turn().await
    };
    world.commit(turn).await;
    let shown = world
        .get(&format!("/runs/{id}/commands/{}", number(&cancel.json())))
        .send()
        .await
        .ok();
    assert_eq!(shown["state"], "done");
    let shown = world
        .get(&format!("/runs/{id}/commands/{}", number(&clear)))
        .send()
        .await
        .ok();
    assert_eq!(
        (&shown["state"], &shown["refused"]),
        (&json!("refused"), &json!("it has ended"))
    );
    world
        .get(&format!("/runs/{id}/commands/999999"))
        .send()
        .await
        .problem(404, "command_not_found");

    world
        .post(&format!("/runs/{id}/clear"))
        .json(&json!({ "tasks": ["zz"] }))
        .send()
        .await
        .problem(404, "task_not_found");
    world
        .post(&format!("/runs/{id}/clear"))
        .json(&json!({ "tasks": [] }))
        .send()
        .await
        .problem(422, "invalid_value");
    world
        .post(&format!("/runs/{id}/mark"))
        .json(&json!({ "task": "a", "state": "lost" }))
        .send()
        .await
        .problem(400, "invalid_request");
    world
        .post("/runs/0000000000000/cancel")
        .send()
        .await
        .problem(404, "run_not_found");
    world.write_run(id, RunState::Success).await;
    world
        .post(&format!("/runs/{id}/cancel"))
        .send()
        .await
        .problem(409, "run_ended");
}

#[tokio::test]
async fn a_backfill_makes_the_dates_that_are_missing() {
    let world = world().await;
    let range = |dry_run: bool, to: &str| json!({ "from": "2026-01-01T00:00:00Z", "to": to, "params": { "who": "me" }, "dry_run": dry_run });
    let planned = world
        .post("/dags/d/backfills")
        .json(&range(true, "2026-01-04T00:00:00Z"))
        .send()
        .await
        .ok();
    assert_eq!(
        planned["dates"],
        json!([
            "2026-01-01T00:00:00Z",
            "2026-01-02T00:00:00Z",
            "2026-01-03T00:00:00Z"
        ])
    );
    assert_eq!(planned["runs"], json!([]));
    let made = world
        .post("/dags/d/backfills")
        .json(&range(false, "2026-01-04T00:00:00Z"))
        .send()
        .await
        .ok();
    assert_eq!(made["runs"].as_array().unwrap().len(), 3);
    let more = world
        .post("/dags/d/backfills")
        .json(&range(false, "2026-01-05T00:00:00Z"))
        .send()
        .await
        .ok();
    assert_eq!(
        (
            more["runs"].as_array().unwrap().len(),
            more["existing"].as_array().unwrap().len()
        ),
        (1, 3)
    );
    let run = world
        .get(&format!("/runs/{}", made["runs"][0].as_str().unwrap()))
        .send()
        .await
        .ok();
    assert_eq!(
        (&run["kind"], &run["logical_date"]),
        (&json!("backfill"), &json!("2026-01-01T00:00:00Z"))
    );
    world
        .post("/dags/d/backfills")
        .json(&range(false, "2199-01-01T00:00:00Z"))
        .send()
        .await
        .problem(422, "invalid_value");
    world
        .post("/dags/d/backfills")
        .json(&range(false, "2025-01-01T00:00:00Z"))
        .send()
        .await
        .problem(422, "invalid_value");
    world.deploy("plain", json!({ "a": {} })).await;
    let body = json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z" });
    world
        .post("/dags/plain/backfills")
        .json(&body)
        .send()
        .await
        .problem(409, "no_schedule");
}

#[tokio::test]
async fn a_held_run_says_why_and_can_be_failed() {
    let world = world().await;
    let run = world.post("/dags/d/runs").json(&body()).send().await.ok();
    let id = run["id"].as_str().unwrap();
    world.write_run(id, RunState::Running).await;
    let lease = world.turn().await.lease;
    let held = HeldRun {
        run: id.parse().unwrap(),
        why: "its version is damaged".into(),
    };
    let written = world.database.replace_held_runs(lease, &[held]).await;
    written.unwrap();
    let shown = world.get(&format!("/runs/{id}")).send().await.ok();
    assert_eq!(shown["held"], "its version is damaged");
    let why = world.get(&format!("/runs/{id}/tasks/a/0/why"));
    let why = why.send().await.ok();
    assert_eq!(why["reasons"][0]["code"], "run_held");
    let failed = world.post(&format!("/runs/{id}/fail")).send().await;
    assert_eq!(failed.status.as_u16(), 202);
    let entries = world.get("/audit?limit=1").send().await.ok();
    assert_eq!(entries["items"][0]["action"], "run.fail");
    assert_eq!(entries["items"][0]["subject"], id);
    world.write_run(id, RunState::Failed).await;
    let shown = world.get(&format!("/runs/{id}")).send().await.ok();
    assert_eq!(shown["held"], Value::Null);
    let again = world.post(&format!("/runs/{id}/fail")).send().await;
    again.problem(409, "run_ended");
}
