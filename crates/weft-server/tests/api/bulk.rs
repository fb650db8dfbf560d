//! Actions on all runs that a filter selects.

use crate::world::World;
use serde_json::{Value, json};
use weft_core::run::{Counts, RunState, Selection};
use weft_store::{CommandDone, CommandKind, InstanceTag, RunStore as _, RunUpdate, Turn};

async fn world() -> World {
    let world = World::new().await;
    world.deploy("d", json!({ "a": {} })).await;
    world.deploy("e", json!({ "b": {} })).await;
    world
}

async fn run_in(world: &World, dag: &str, state: RunState) -> String {
    let run = world.trigger(dag).await;
    world.write_run(&run, state).await;
    if state == RunState::Failed {
        let failed = crate::world::instance(&run, 0, 0, InstanceTag::Failed);
        world.write_instances(vec![failed]).await;
    }
    run
}

async fn act(world: &World, key: &str, body: &Value) -> Value {
    world
        .post("/runs/bulk")
        .header("idempotency-key", key)
        .json(body)
        .send()
        .await
        .ok()
}

async fn commands(world: &World) -> Vec<(String, CommandKind)> {
    let lease = world.turn().await.lease;
    let waiting = world.database.commands(lease.shard, None, 999).await;
    let waiting = waiting.unwrap().readable.into_iter();
    waiting
        .map(|command| (command.run.to_string(), command.kind))
        .collect()
}

#[tokio::test]
async fn a_retry_gives_what_failed_one_command_and_says_why_it_skips_the_others() {
    let world = world().await;
    let failed = run_in(&world, "d", RunState::Failed).await;
    let good = run_in(&world, "d", RunState::Success).await;
    let other = run_in(&world, "e", RunState::Failed).await;
    let queued = world.trigger("d").await;
    let body = json!({ "action": "retry", "filter": { "dag": "d" } });
    let mut dry = body.clone();
    dry["dry_run"] = json!(true);
    let would = world.post("/runs/bulk").json(&dry).send().await.ok();
    assert_eq!(would["acted"], 1);
    assert_eq!(would["previews"][0]["run"], json!(failed));
    assert_eq!(
        would["previews"][0]["instances"],
        json!([{ "task": "a", "index": 0, "state": "failed" }])
    );
    assert_eq!(commands(&world).await, []);
    for _again in 0..2 {
        let page = act(&world, "k", &body).await;
        assert_eq!(page["acted"], 1);
        let skipped: Vec<_> = page["skipped"]
            .as_array()
            .unwrap()
            .iter()
            .map(|skipped| (&skipped["run"], &skipped["code"]))
            .collect();
        assert_eq!(
            skipped,
            [
                (&json!(queued), &json!("not_started")),
                (&json!(good), &json!("nothing_failed"))
            ]
        );
        assert_eq!(
            commands(&world).await,
            [(failed.clone(), CommandKind::Clear(Selection::failed()))]
        );
    }
    let all = json!({ "action": "retry", "filter": { "state": "failed" } });
    assert_eq!(act(&world, "another", &all).await["acted"], 2);
    assert!(commands(&world).await.iter().any(|(run, _)| *run == other));
}

#[tokio::test]
async fn an_interrupted_action_goes_on_and_doubles_nothing() {
    let world = world().await;
    let mut runs = Vec::new();
    for _run in 0..120 {
        runs.push(run_in(&world, "d", RunState::Running).await);
    }
    let mut body = json!({ "action": "cancel", "filter": { "dag": "d", "state": "running" } });
    let first = act(&world, "k", &body).await;
    assert_eq!(first["acted"], 50);
    // The scheduler carries a part of it out before the action goes on.
    let done = first["commands"].as_array().unwrap().iter().take(20);
    let (mut carried, mut ended) = (Vec::new(), Vec::new());
    for command in done {
        let run = command["run"].as_str().unwrap().parse().unwrap();
        carried.push(CommandDone {
            id: weft_store::CommandId(command["id"].as_i64().unwrap()),
            run,
            refused: None,
        });
        ended.push(RunUpdate {
            id: run,
            state: RunState::Cancelled,
            started: None,
            ended: None,
            counts: Counts::default(),
        });
    }
    let turn = Turn {
        commands: carried,
        runs: ended,
        ..world.turn().await
    };
    world.commit(turn).await;
    // The answer was lost: the page is repeated, then the others follow.
    let mut acted = 20;
    loop {
        let page = act(&world, "k", &body).await;
        acted += page["acted"].as_u64().unwrap();
        assert_eq!(page.get("skipped"), None);
        match page.get("next") {
            None => break,
            Some(next) => body["cursor"] = next.clone(),
        }
    }
    assert_eq!(acted, 120);
    let mut waiting: Vec<String> = commands(&world)
        .await
        .into_iter()
        .map(|one| one.0)
        .collect();
    waiting.sort();
    assert_eq!(waiting.len(), 100);
    waiting.dedup();
    assert_eq!(waiting.len(), 100);
}

#[tokio::test]
async fn a_mark_of_many_runs_skips_those_without_the_task() {
    let world = world().await;
    run_in(&world, "d", RunState::Failed).await;
    run_in(&world, "e", RunState::Failed).await;
    let body = json!({ "action": "mark", "filter": { "state": "failed" }, "mark": { "task": "a", "state": "success" } });
    let page = act(&world, "k", &body).await;
    assert_eq!(
        (&page["acted"], page["skipped"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    assert_eq!(page["skipped"][0]["code"], "task_not_found");
}

#[tokio::test]
async fn an_action_that_does_not_say_what_and_which_is_refused() {
    let world = world().await;
    for (body, says) in [
        (
            json!({ "action": "cancel", "filter": {} }),
            "all runs is refused",
        ),
        (
            json!({ "action": "clear", "filter": { "dag": "d" } }),
            "clear: say what",
        ),
        (
            json!({ "action": "mark", "filter": { "dag": "d" } }),
            "mark: say what",
        ),
        (
            json!({ "action": "retry", "called": true, "filter": { "dag": "d" } }),
            "called: it belongs to another action",
        ),
        (
            json!({ "action": "retry", "filter": { "dag": "" } }),
            "filter.dag",
        ),
    ] {
        let call = world.post("/runs/bulk").header("idempotency-key", "k");
        let problem = call.json(&body).send().await.problem(422, "invalid_value");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
    let unknown = json!({ "action": "retry", "filter": { "dag": "nosuch" } });
    let call = world.post("/runs/bulk").header("idempotency-key", "k");
    call.json(&unknown)
        .send()
        .await
        .problem(404, "dag_not_found");
    let without_key = json!({ "action": "retry", "filter": { "dag": "d" } });
    let call = world.post("/runs/bulk").json(&without_key);
    call.send().await.problem(400, "invalid_request");
}
