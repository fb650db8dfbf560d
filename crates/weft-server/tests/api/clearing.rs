//! Clears: what a dry run lists, and the same in the DAG's runs of other dates.

use crate::world::{World, instance};
use serde_json::{Value, json};
use weft_core::{
    document::TaskIndex,
    run::{Counts, RunState},
};
use weft_store::{CommandKind, InstanceTag, RunStore as _, TaskSummary, Turn};

/// Tasks by position: a 0, b 1 (mapped, of 4 instances), c 2.
async fn world() -> World {
    let world = World::new().await;
    let tasks = json!({ "a": {}, "b": { "expand": { "x": "a" } }, "c": { "after": ["b"] } });
    world.deploy("d", tasks).await;
    world
}

/// A run of a date, of which two instances of b failed.
async fn failed_run(world: &World, date: &str) -> String {
    let run = world
        .post("/dags/d/runs")
        .json(&json!({ "logical_date": date }))
        .send()
        .await
        .ok();
    let run = run["id"].as_str().unwrap().to_owned();
    world.write_run(&run, RunState::Failed).await;
    let turn = Turn {
        instances: vec![
            instance(&run, 0, 0, InstanceTag::Success),
            instance(&run, 1, 0, InstanceTag::Success),
            instance(&run, 1, 1, InstanceTag::Failed),
            instance(&run, 1, 2, InstanceTag::Success),
            instance(&run, 1, 3, InstanceTag::Failed),
            instance(&run, 2, 0, InstanceTag::UpstreamFailed),
        ],
        tasks: vec![TaskSummary {
            run: run.parse().unwrap(),
            task: TaskIndex(1),
            instances: 4,
            counts: Counts {
                success: 2,
                failed: 2,
                ..Counts::default()
            },
        }],
        ..world.turn().await
    };
    world.commit(turn).await;
    run
}

async fn clear(world: &World, run: &str, key: &str, body: Value) -> Value {
    world
        .post(&format!("/runs/{run}/clear"))
        .header("idempotency-key", key)
        .json(&body)
        .send()
        .await
        .ok()
}

/// Task, map index, state.
fn listed(preview: &Value) -> Vec<String> {
    let instances = preview["instances"].as_array().unwrap().iter();
    instances
        .map(|one| {
            format!(
                "{}[{}] {}",
                one["task"].as_str().unwrap(),
                one["index"],
                one["state"].as_str().unwrap()
            )
        })
        .collect()
}

/// The commands that wait, with their runs.
async fn commands(world: &World) -> Vec<(String, CommandKind)> {
    let lease = world.turn().await.lease;
    let waiting = world.database.commands(lease.shard, None, 99).await;
    let waiting = waiting.unwrap().readable.into_iter();
    waiting
        .map(|command| (command.run.to_string(), command.kind))
        .collect()
}

#[tokio::test]
async fn a_dry_run_lists_the_selected_instances_and_no_others() {
    let world = world().await;
    let run = failed_run(&world, "2026-11-01T00:00:00Z").await;
    let dry = async |body: Value| {
        let mut body = body;
        body["dry_run"] = json!(true);
        clear(&world, &run, "k", body).await
    };
    let failed = dry(json!({ "only_failed": true })).await;
    assert_eq!(
        listed(&failed),
        ["b[1] failed", "b[3] failed", "c[0] upstream_failed"]
    );
    assert_eq!(failed["total"], 3);
    assert_eq!(failed["tasks"][0]["instances"], 2);
    assert_eq!(failed.get("others"), None);
    let named = dry(json!({ "tasks": ["b"], "indexes": "2-3", "downstream": true })).await;
    assert_eq!(
        listed(&named),
        ["b[2] success", "b[3] failed", "c[0] upstream_failed"]
    );
    let upstream = dry(json!({ "tasks": ["b"], "upstream": true })).await;
    assert_eq!(upstream["total"], 5, "the mapped task starts over");
    let nothing = dry(json!({ "tasks": ["a"], "only_failed": true })).await;
    assert_eq!(nothing["total"], 0);
    assert_eq!(commands(&world).await, []);
}

#[tokio::test]
async fn a_clear_that_names_nothing_that_can_be_cleared_is_refused() {
    let world = world().await;
    let run = failed_run(&world, "2026-11-01T00:00:00Z").await;
    for (body, says) in [
        (json!({ "tasks": [] }), "at least one task"),
        (
            json!({ "tasks": ["b"], "indexes": "x" }),
            "\"x\" is no map index",
        ),
        (
            json!({ "tasks": ["a", "b"], "indexes": "1" }),
            "the one mapped task",
        ),
        (
            json!({ "tasks": ["b"], "indexes": "1", "upstream": true }),
            "leave out one of the two",
        ),
        (
            json!({ "tasks": ["b"], "indexes": "4", "dry_run": true }),
            "the task b has no instance 4",
        ),
        (json!({ "tasks": ["b"], "cursor": "x" }), "has no pages"),
    ] {
        let reply = world
            .post(&format!("/runs/{run}/clear"))
            .json(&body)
            .send()
            .await;
        let problem = reply.problem(422, "invalid_value");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
    let past = json!({ "tasks": ["b"], "past": true });
    world
        .post(&format!("/runs/{run}/clear"))
        .json(&past)
        .send()
        .await
        .problem(400, "invalid_request");
}

#[tokio::test]
async fn a_clear_of_other_dates_gives_each_run_one_command_however_often_it_is_repeated() {
    let world = world().await;
    let mut runs = Vec::new();
    for day in 1..=4 {
        runs.push(failed_run(&world, &format!("2026-11-0{day}T00:00:00Z")).await);
    }
    // One of an earlier date that has not started.
    world
        .post("/dags/d/runs")
        .json(&json!({ "logical_date": "2026-10-31T00:00:00Z" }))
        .send()
        .await
        .ok();
    let body = json!({ "tasks": ["b"], "only_failed": true, "past": true });
    let dry = json!({ "tasks": ["b"], "only_failed": true, "past": true, "dry_run": true });
    let preview = clear(&world, &runs[2], "k", dry).await;
    let others = preview["others"]["previews"].as_array().unwrap();
    let of: Vec<&Value> = others.iter().map(|other| &other["run"]).collect();
    assert_eq!(of, [&runs[0], &runs[1]]);
    assert_eq!(listed(&others[0]), ["b[1] failed", "b[3] failed"]);
    for _again in 0..2 {
        let cleared = clear(&world, &runs[2], "k", body.clone()).await;
        assert_eq!(cleared["state"], "accepted");
        assert_eq!(cleared["others"]["acted"], 2);
        assert_eq!(cleared["others"].get("skipped"), None);
        assert_eq!(cleared["others"].get("next"), None);
        let of: Vec<String> = commands(&world)
            .await
            .into_iter()
            .map(|(run, _)| run)
            .collect();
        assert_eq!(of, [&*runs[2], &*runs[0], &*runs[1]]);
    }
    let both = json!({ "only_failed": true, "past": true, "future": true });
    let cleared = clear(&world, &runs[1], "another", both).await;
    assert_eq!(cleared["others"]["acted"], 3);
    assert_eq!(commands(&world).await.len(), 3 + 4);
}

#[tokio::test]
async fn the_pages_of_other_dates_cover_each_run_once() {
    let world = world().await;
    let newest = failed_run(&world, "2026-12-31T00:00:00Z").await;
    let mut runs = Vec::new();
    for hour in 0..60 {
        let date = format!("2026-11-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24);
        runs.push(failed_run(&world, &date).await);
    }
    let mut body = json!({ "only_failed": true, "past": true });
    let mut acted = Vec::new();
    loop {
        let page = clear(&world, &newest, "k", body.clone()).await;
        let commands = page["others"]["commands"].as_array().unwrap().iter();
        acted.extend(commands.map(|command| command["run"].as_str().unwrap().to_owned()));
        match page["others"].get("next") {
            None => break,
            Some(next) => body["cursor"] = next.clone(),
        }
    }
    assert_eq!(acted, runs);
}
