//! What tasks ask people, and the answers.

use crate::world::{World, file, instance};
use serde_json::{Value, json};
use weft_core::wait::Wait;
use weft_server::ports::Wake;
use weft_store::{InstanceRow, InstanceTag};

/// A world with a run whose task asks.
async fn asking(request: Value) -> (World, String, String) {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "tasks": { "a": {} } }]);
    world.post("/deployments").body(file(dag)).send().await.ok();
    let run = world.post("/dags/d/runs").json(&json!({}));
    let run = run.send().await.ok();
    world.scheduler.woken();
    let id = run["id"].as_str().expect("it has an id").to_owned();
    let row = InstanceRow {
        wait: Some(Wait::Approval { default: None }),
        ..instance(&id, 0, 0, InstanceTag::Deferred)
    };
    world.write_question(row, &request.to_string()).await;
    let path = format!("/runs/{id}/tasks/a/0/approval");
    (world, id, path)
}

#[tokio::test]
async fn an_answer_is_durable_and_wakes_the_scheduler() {
    let form = json!({ "type": "object", "properties": { "rows": { "type": "integer" } } });
    let request = json!({
        "subject": "Ship it?", "body": "**now**", "options": ["ship", "wait"], "form": form,
    });
    let (world, run, path) = asking(request).await;
    let shown = world.get(&path).send().await.ok();
    assert_eq!(
        (
            &shown["run"],
            &shown["dag"],
            &shown["task"],
            &shown["state"]
        ),
        (&json!(run), &json!("d"), &json!("a"), &json!("waiting"))
    );
    assert_eq!(
        (
            &shown["subject"],
            &shown["body"],
            &shown["options"],
            &shown["form"]
        ),
        (
            &json!("Ship it?"),
            &json!("**now**"),
            &json!(["ship", "wait"]),
            &form
        )
    );
    assert_eq!(shown["may_answer"], json!(true));
    let list = world.get("/approvals").send().await.ok();
    assert_eq!(list["items"], json!([shown]));
    for (body, said) in [
        (json!({ "option": "approve" }), "the options are ship, wait"),
        (
            json!({ "option": "ship", "fields": { "rows": "many" } }),
            "fit the form",
        ),
        (
            json!({ "option": "ship", "comment": "x".repeat(5_000) }),
            "4096 bytes",
        ),
    ] {
        let refused = world.post(&path).json(&body).send().await;
        let problem = refused.problem(422, "invalid_value");
        assert!(
            problem["detail"]
                .as_str()
                .is_some_and(|text| text.contains(said)),
            "{problem}"
        );
    }
    assert!(world.scheduler.woken().is_empty());
    let body = json!({ "option": "ship", "comment": "go", "fields": { "rows": 3 } });
    let reply = world.post(&path).json(&body).send().await;
    let decided = reply.ok();
    assert_eq!(reply.status.as_u16(), 202);
    let decision = &decided["decision"];
    assert_eq!(
        (
            &decided["state"],
            &decision["option"],
            &decision["comment"],
            &decision["fields"]
        ),
        (
            &json!("decided"),
            &json!("ship"),
            &json!("go"),
            &json!({ "rows": 3 })
        )
    );
    let by = decision["by"].as_str().expect("somebody");
    assert!(by.starts_with("first-start#"), "{by}");
    assert!(matches!(world.scheduler.woken()[..], [Wake::Command]));
    let again = world.post(&path).json(&body).send().await;
    again.problem(409, "approval_decided");
    let list = world.get("/approvals").send().await.ok();
    assert_eq!(list["items"], json!([]));
    let of_run = world
        .get(&format!("/approvals?run={run}"))
        .send()
        .await
        .ok();
    assert_eq!(of_run["items"], json!([decided]));
}

#[tokio::test]
async fn only_approvers_may_answer() {
    let request = json!({ "subject": "Ship it?", "approvers": ["ada"] });
    let (world, _run, path) = asking(request).await;
    let shown = world.get(&path).send().await.ok();
    assert_eq!(
        (&shown["may_answer"], &shown["approvers"]),
        (&json!(false), &json!(["ada"]))
    );
    let body = json!({ "option": "approve" });
    let refused = world.post(&path).json(&body).send().await;
    let problem = refused.problem(403, "approval_forbidden");
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|text| text.contains("ada")),
        "{problem}"
    );
    let viewer = world.token("viewer").await;
    let refused = world.post(&path).token(viewer).json(&body).send().await;
    refused.problem(403, "forbidden");
}

#[tokio::test]
async fn a_task_that_asks_nothing_takes_no_answer() {
    let (world, run, path) = asking(json!({ "subject": "Ship it?" })).await;
    let body = json!({ "option": "approve" });
    let other = format!("/runs/{run}/tasks/b/0/approval");
    let missing = world.post(&other).json(&body).send().await;
    missing.problem(404, "task_not_found");
    let gone_on = instance(&run, 0, 0, InstanceTag::Running);
    world.write_instances(vec![gone_on]).await;
    let late = world.post(&path).json(&body).send().await;
    late.problem(409, "approval_over");
    let shown = world.get(&path).send().await.ok();
    assert_eq!(shown["state"], json!("over"));
    let of_run = format!("/approvals?run={run}&limit=1");
    let page = world.get(&of_run).send().await.ok();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
}
