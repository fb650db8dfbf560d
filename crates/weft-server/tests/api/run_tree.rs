//! Runs that called each other.

use crate::world::{World, file};
use serde_json::json;
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId, time::Timestamp};
use weft_store::{Caller, CommandKind, NewRun, RunKind, RunStore as _, ShardId, Turn};

/// A world with a run whose task `a` called another one; both ids.
async fn world() -> (World, String, String) {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "tasks": { "a": {} } }]);
    world.post("/deployments").body(file(dag)).send().await.ok();
    let run = world
        .post("/dags/d/runs")
        .json(&json!({}))
        .send()
        .await
        .ok();
    let caller: RunId = run["id"].as_str().expect("it has an id").parse().unwrap();
    let tenant = TenantId::default();
    let row = world.database.show_run(&tenant, caller).await.unwrap();
    let row = row.expect("it was triggered");
    let id = RunId::from_i64(caller.as_i64() + 1).unwrap();
    let new = NewRun {
        id,
        tenant,
        dag: row.dag,
        version: row.version,
        kind: RunKind::Called,
        logical_date: Timestamp(0),
        interval: (Timestamp(0), Timestamp(0)),
        params: "{}".into(),
        concurrency_key: None,
        not_before: Timestamp(0),
        created: Timestamp(0),
        trace: None,
        taken: Vec::new(),
        caller: Some(Caller {
            run: caller,
            instance: Instance {
                task: TaskIndex(0),
                index: 3,
            },
            dags: vec![row.dag_id],
        }),
    };
    let turn = Turn {
        new_runs: vec![new],
        ..world.turn().await
    };
    world.commit(turn).await;
    (world, caller.to_string(), id.to_string())
}

#[tokio::test]
async fn a_tree_shows_who_called_whom() {
    let (world, caller, called) = world().await;
    let shown = world.get(&format!("/runs/{called}")).send().await.ok();
    assert_eq!(
        (&shown["kind"], &shown["called_by"]),
        (&json!("called"), &json!(caller))
    );
    for run in [&caller, &called] {
        let tree = world.get(&format!("/runs/{run}/tree")).send().await.ok();
        assert_eq!(tree["truncated"], false);
        let [first, second] = &tree["runs"].as_array().expect("a list")[..] else {
            panic!("two runs: {tree}");
        };
        assert_eq!(
            (&first["id"], &first["called_by"]),
            (&json!(caller), &json!(null))
        );
        assert_eq!(
            (&second["id"], &second["state"], &second["called_by"]),
            (
                &json!(called),
                &json!("queued"),
                &json!({ "run": caller, "task": "a", "index": 3 })
            )
        );
    }
    let unknown = world.get("/runs/0000000000007/tree").send().await;
    assert_eq!(unknown.status.as_u16(), 404);
}

#[tokio::test]
async fn a_cancel_reaches_called_runs_if_it_is_asked_to() {
    let (world, caller, _) = world().await;
    let path = format!("/runs/{caller}/cancel");
    for (query, kind) in [
        ("", CommandKind::Cancel),
        ("?called=false", CommandKind::Cancel),
        ("?called=true", CommandKind::CancelTree),
    ] {
        let reply = world.post(&format!("{path}{query}")).send().await;
        assert_eq!(reply.status.as_u16(), 202, "{query}");
        let commands = world.database.commands(ShardId(0), None, 10).await.unwrap();
        let last = commands.readable.last().expect("there is one");
        assert_eq!(last.kind, kind, "{query}");
    }
    let wrong = world.post(&format!("{path}?called=maybe")).send().await;
    assert_eq!(wrong.status.as_u16(), 400);
}
