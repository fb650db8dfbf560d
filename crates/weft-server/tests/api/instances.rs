//! Task instances: summaries, lists, attempts, outputs, reasons.

use crate::world::{World, instance, text};
use serde_json::json;
use weft_blob::Kind;
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    time::Timestamp,
};
use weft_store::{AttemptRecord, InstanceRow, InstanceTag, Output, TaskSummary, Turn};

async fn world() -> (World, String) {
    let world = World::new().await;
    let tasks = json!({ "a-list": {}, "b-each": { "expand": { "x": "a-list" } }, "c-sum": { "inputs": { "x": "b-each" } }, "d-last": { "after": ["c-sum"] } });
    world.deploy("d", tasks).await;
    let run = world.trigger("d").await;
    (world, run)
}

#[tokio::test]
async fn what_waits_is_summed_up_and_not_listed() {
    let (world, run) = world().await;
    let tasks = world.get(&format!("/runs/{run}/tasks")).send().await.ok();
    let names: Vec<&str> = tasks
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["task"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a-list", "b-each", "c-sum", "d-last"]);
    assert!(
        tasks
            .as_array()
            .unwrap()
            .iter()
            .all(|task| task["counts"]["waiting"] == 1)
    );
    assert_eq!(
        world
            .get(&format!("/runs/{run}/instances"))
            .send()
            .await
            .ok()["items"],
        json!([])
    );
    let waiting = world
        .get(&format!("/runs/{run}/tasks/a-list/0"))
        .send()
        .await
        .ok();
    assert_eq!(
        (&waiting["state"], &waiting["attempt"]),
        (&json!("waiting"), &json!(0))
    );
    world
        .get(&format!("/runs/{run}/tasks/a-list/1"))
        .send()
        .await
        .problem(404, "instance_not_found");
    world
        .get(&format!("/runs/{run}/tasks/nope/0"))
        .send()
        .await
        .problem(404, "task_not_found");
    world
        .get(&format!("/runs/{run}/tasks/a-list/x"))
        .send()
        .await
        .problem(400, "invalid_id");
    world
        .get(&format!("/runs/{run}/tasks/a-list/0/output"))
        .send()
        .await
        .problem(404, "output_not_found");
}

#[tokio::test]
async fn a_mapped_task_is_one_line_in_the_summary_and_pages_in_the_list() {
    let (world, run) = world().await;
    let id = run.parse().unwrap();
    let counts = Counts {
        success: 120,
        ready: 30,
        ..Counts::default()
    };
    let mut instances = vec![instance(&run, 0, 0, InstanceTag::Success)];
    instances.extend((0..120).map(|index| instance(&run, 1, index, InstanceTag::Success)));
    instances.push(instance(&run, 2, 0, InstanceTag::UpForRetry));
    let turn = Turn {
        instances,
        tasks: vec![TaskSummary {
            run: id,
            task: TaskIndex(1),
            instances: 150,
            counts,
        }],
        ..world.turn().await
    };
    world.commit(turn).await;
    let tasks = world.get(&format!("/runs/{run}/tasks")).send().await.ok();
    assert_eq!(tasks[0]["counts"]["success"], 1);
    assert_eq!(
        (
            &tasks[1]["mapped"],
            &tasks[1]["instances"],
            &tasks[1]["counts"]["success"]
        ),
        (&json!(true), &json!(150), &json!(120))
    );
    assert_eq!(
        (
            &tasks[2]["counts"]["up_for_retry"],
            &tasks[3]["counts"]["waiting"]
        ),
        (&json!(1), &json!(1))
    );

    let mut seen = Vec::new();
    let mut path = format!("/runs/{run}/instances?limit=50");
    loop {
        let page = world.get(&path).send().await.ok();
        seen.extend(page["items"].as_array().unwrap().iter().map(|row| {
            (
                row["task"].as_str().unwrap().to_owned(),
                row["index"].as_u64().unwrap(),
            )
        }));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/runs/{run}/instances?limit=50&cursor={next}");
    }
    assert_eq!(seen.len(), 122);
    assert_eq!(
        (&*seen[0].0, &*seen[1].0, seen[120].1, &*seen[121].0),
        ("a-list", "b-each", 119, "c-sum")
    );
    let some = world
        .get(&format!(
            "/runs/{run}/instances?task=c-sum&state=up_for_retry"
        ))
        .send()
        .await
        .ok();
    assert_eq!(some["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        world
            .get(&format!("/runs/{run}/instances?state=waiting"))
            .send()
            .await
            .ok()["items"],
        json!([])
    );
    // One that was not dispatched has no row, and one beyond the list does not exist.
    assert_eq!(
        world
            .get(&format!("/runs/{run}/tasks/b-each/149"))
            .send()
            .await
            .ok()["state"],
        "waiting"
    );
    world
        .get(&format!("/runs/{run}/tasks/b-each/150"))
        .send()
        .await
        .problem(404, "instance_not_found");
}

#[tokio::test]
async fn attempts_stand_in_order_with_why_they_failed() {
    let (world, run) = world().await;
    let error = json!({ "code": "author", "message": "no rows", "details": { "table": "t" } });
    let attempt = |number| AttemptRecord {
        run: run.parse().unwrap(),
        instance: Instance {
            task: TaskIndex(0),
            index: 0,
        },
        number,
        end: "failed",
        queued: Some(Timestamp(1_000)),
        started: Some(Timestamp(2_000)),
        ended: Timestamp(3_000),
        worker: Some("w1".into()),
        error: Some(text(&error)),
        usage: Some(text(
            &json!({ "wall_us": 5, "cpu_us": 3, "memory_peak_bytes": 65_536 }),
        )),
        log: None,
    };
    let current = InstanceRow {
        number: 3,
        ..instance(&run, 0, 0, InstanceTag::Running)
    };
    let turn = Turn {
        attempts: vec![attempt(1), attempt(2)],
        instances: vec![current],
        ..world.turn().await
    };
    world.commit(turn).await;
    let attempts = world
        .get(&format!("/runs/{run}/tasks/a-list/0/attempts"))
        .send()
        .await
        .ok();
    let numbers: Vec<u64> = attempts
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(
        (
            &attempts[0]["end"],
            &attempts[0]["error"],
            &attempts[0]["usage"]["wall_us"]
        ),
        (&json!("failed"), &error, &json!(5))
    );
    assert_eq!(
        (&attempts[2]["end"], &attempts[2]["ended"]),
        (&json!(null), &json!(null))
    );
}

#[tokio::test]
async fn outputs_come_as_they_were_returned_wherever_they_stand() {
    let (world, run) = world().await;
    let large = format!("[{}]", vec!["\"ä\""; 10_000].join(","));
    let digest = world
        .blobs
        .put(
            Kind::Output,
            &TenantId::default(),
            large.clone().into_bytes(),
        )
        .await
        .unwrap();
    let with = |task, output| InstanceRow {
        output: Some(output),
        ..instance(&run, task, 0, InstanceTag::Success)
    };
    world
        .write_instances(vec![
            with(0, Output::Inline("{\"b\": 1, \"a\": 1.50}".into())),
            with(
                2,
                Output::Blob {
                    digest,
                    bytes: large.len() as u64,
                },
            ),
        ])
        .await;
    let reply = world
        .get(&format!("/runs/{run}/tasks/a-list/0/output"))
        .send()
        .await;
    assert_eq!(
        (
            String::from_utf8_lossy(&reply.body).as_ref(),
            reply.header("content-type")
        ),
        ("{\"b\": 1, \"a\": 1.50}", "application/json")
    );
    let reply = world
        .get(&format!("/runs/{run}/tasks/c-sum/0/output"))
        .send()
        .await;
    assert!(
        reply.body == large.as_bytes(),
        "{} bytes instead of {}",
        reply.body.len(),
        large.len()
    );
    let shown = world
        .get(&format!("/runs/{run}/tasks/c-sum/0"))
        .send()
        .await
        .ok();
    assert_eq!(
        shown["output"],
        json!({ "bytes": large.len(), "digest": digest.to_string() })
    );
    world
        .blobs
        .delete(Kind::Output, &TenantId::default(), &digest)
        .await
        .unwrap();
    world
        .get(&format!("/runs/{run}/tasks/c-sum/0/output"))
        .send()
        .await
        .problem(500, "damaged");
}

#[tokio::test]
async fn why_is_asked_of_the_scheduler() {
    let (world, run) = world().await;
    let why = world
        .get(&format!("/runs/{run}/tasks/c-sum/0/why"))
        .send()
        .await
        .ok();
    assert_eq!(
        why,
        json!({ "task": "c-sum", "index": 0, "reasons": [{ "code": "pool_full", "message": "task 2 instance 0" }] })
    );
    *world.scheduler.health.lock().unwrap() = None;
    let problem = world
        .get(&format!("/runs/{run}/tasks/c-sum/0/why"))
        .send()
        .await;
    problem.problem(503, "unavailable");
    assert_eq!(problem.header("retry-after"), "1");
}

#[tokio::test]
async fn why_says_how_a_run_ended() {
    let (world, run) = world().await;
    world
        .write_instances(vec![instance(&run, 0, 0, InstanceTag::Cancelled)])
        .await;
    world.write_run(&run, RunState::Cancelled).await;
    // The scheduler has forgotten it, and is not asked.
    *world.scheduler.health.lock().unwrap() = None;
    let tasks = world.get(&format!("/runs/{run}/tasks")).send().await.ok();
    let first = tasks[0]["task"].as_str().unwrap();
    for (task, state) in [
        (first, "stands as cancelled"),
        ("c-sum", "was never started"),
    ] {
        let why = world
            .get(&format!("/runs/{run}/tasks/{task}/0/why"))
            .send()
            .await
            .ok();
        let reason = &why["reasons"][0];
        assert_eq!(reason["code"], "run_ended", "{why}");
        let message = reason["message"].as_str().unwrap();
        assert!(
            message.contains("ended as cancelled at 1970-") && message.contains(state),
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_artifact_is_read_through_the_output_that_names_it() {
    let (world, run) = world().await;
    let tenant = TenantId::default();
    let put = async |text: &'static str| {
        let bytes = text.as_bytes().to_vec();
        world.blobs.put(Kind::Artifact, &tenant, bytes).await
    };
    let chart = put("<svg/>").await.unwrap();
    let unnamed = put("somebody else's").await.unwrap();
    let output = json!({ "chart": { "$artifact": chart.to_string() } }).to_string();
    world
        .write_instances(vec![InstanceRow {
            output: Some(Output::Inline(output.into())),
            ..instance(&run, 0, 0, InstanceTag::Success)
        }])
        .await;
    let artifact = async |digest: &str| {
        let path = format!("/runs/{run}/tasks/a-list/0/artifacts/{digest}");
        world.get(&path).send().await
    };

    let reply = artifact(&chart.to_string()).await;
    assert_eq!(reply.body, b"<svg/>");
    assert_eq!(
        (
            reply.header("content-type"),
            reply.header("content-disposition"),
            reply.header("content-length")
        ),
        ("application/octet-stream", "attachment", "6")
    );
    // In a frame it is a page that can do nothing.
    let page = artifact(&format!("{chart}?as=html")).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("sandbox; default-src 'none';"),
        "{policy}"
    );
    assert!(
        !policy.contains("allow-") && !policy.contains("script"),
        "{policy}"
    );
    assert!(!page.headers.contains_key("content-disposition"));
    artifact(&unnamed.to_string())
        .await
        .problem(404, "artifact_not_found");
    artifact("sha256:../../admin.token")
        .await
        .problem(404, "not_found");
    artifact("sha256:12").await.problem(400, "invalid_id");

    world
        .blobs
        .delete(Kind::Artifact, &tenant, &chart)
        .await
        .unwrap();
    artifact(&chart.to_string()).await.problem(500, "damaged");
}
