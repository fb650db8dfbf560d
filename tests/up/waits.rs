//! Tasks that wait for events, for updates of assets and for each other, from the SDK to the command line.

use crate::{
    api::Api,
    installation::{Installation, Up},
    patience::pass,
};
use serde_json::{Value, json};
use std::time::Duration;

const SHOP: &str = r#"
[dag]
id = "shop"

[dag.params.timeout_ms]
default = 0

[tasks.payment]
component = "guest_sdk.wasm"
task = "payment"
inputs = { timeout_ms = { param = "timeout_ms" } }
"#;

const ORDERS: &str = r#"
[dag]
id = "orders"

[dag.params.partition]
default = "north"

[tasks.after_orders]
component = "guest_sdk.wasm"
task = "after_orders"
inputs = { partition = { param = "partition" } }
"#;

const FOLLOWS: &str = r#"
[dag]
id = "follows"

[dag.params.run]
[dag.params.task]
default = ""

[tasks.follow]
component = "guest_sdk.wasm"
task = "follow"
inputs = { run = { param = "run" }, task = { param = "task" } }
"#;

fn shop(installation: &Installation, up: &Up) {
    let said = installation.deploy_with(up, "guest_sdk", SHOP);
    assert_eq!(said.code, Some(0), "{said:?}");
}

fn ends(installation: &Installation, up: &Up, run: &str) {
    let said = installation.client(up, &["runs", "watch", run]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

fn output(installation: &Installation, up: &Up, run: &str) -> Value {
    let said = installation.client(up, &["outputs", "get", run, "payment"]);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"))
}

/// Waits until the task of a run waits for its event.
fn is_waiting(installation: &Installation, up: &Up, run: &str) {
    loop {
        let said = installation.client(up, &["tasks", "why", run, "payment"]);
        if said.stdout.contains("it waits for the event paid") {
            return;
        }
        assert!(!said.stdout.contains("the run ended"), "{said:?}");
    }
}

#[test]
fn an_event_wakes_the_task_that_waits_for_it() {
    let installation = Installation::new();
    let up = installation.up();
    shop(&installation, &up);
    let run = installation.trigger(&up, "shop");
    is_waiting(&installation, &up, &run);
    let said = installation.client(&up, &["runs", "send", &run, "paid", r#"{"by":"ada"}"#]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("paid wakes payment"), "{said:?}");
    ends(&installation, &up, &run);
    assert_eq!(
        output(&installation, &up, &run),
        json!({ "event": "paid", "payload": { "by": "ada" }, "asked": 1 })
    );
    let said = installation.client(&up, &["runs", "send", &run, "paid"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("run_ended"), "{said:?}");
}

#[test]
fn a_timeout_ends_the_wait_for_an_event() {
    let installation = Installation::new();
    let up = installation.up();
    shop(&installation, &up);
    let trigger = [
        "runs",
        "trigger",
        "shop",
        "--param",
        "timeout_ms=50",
        "--watch",
    ];
    let said = installation.client(&up, &trigger);
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = installation.list(&up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    assert_eq!(output(&installation, &up, run), json!("late"));
}

/// Events that were acknowledged wake their tasks once, whenever the process is killed.
#[test]
fn no_kill_loses_an_event_or_lets_it_wake_twice() {
    let installation = Installation::new();
    let mut up = installation.up();
    shop(&installation, &up);
    let runs: Vec<String> = (0..8).map(|_| installation.trigger(&up, "shop")).collect();
    for (number, run) in runs.iter().enumerate() {
        // Some were not even started, some wait: an event is kept or taken.
        let payload = number.to_string();
        let said = installation.client(&up, &["runs", "send", run, "paid", &payload]);
        assert_eq!(said.code, Some(0), "{said:?}");
        if number % 3 == 1 {
            up.kill();
            up = installation.up();
        }
    }
    for (number, run) in runs.iter().enumerate() {
        ends(&installation, &up, run);
        let output = output(&installation, &up, run);
        assert_eq!(output["payload"], json!(number), "{run}");
    }
}

#[test]
fn an_update_of_an_asset_wakes_the_task_that_waits_for_it() {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy_with(&up, "guest_sdk", ORDERS);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = installation.trigger(&up, "orders");
    loop {
        let said = installation.client(&up, &["tasks", "why", &run, "after_orders"]);
        if said
            .stdout
            .contains("it waits for an update of north of the asset orders since")
        {
            break;
        }
        assert!(!said.stdout.contains("the run ended"), "{said:?}");
    }
    for partition in ["south", "north"] {
        let metadata = format!(r#"{{"of":"{partition}"}}"#);
        let update = [
            "assets",
            "update",
            "orders",
            "--partition",
            partition,
            "--metadata",
            &metadata,
        ];
        let said = installation.client(&up, &update);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    ends(&installation, &up, &run);
    let said = installation.client(&up, &["outputs", "get", &run, "after_orders"]);
    let output: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
    let expected = json!({ "partition": "north", "metadata": { "of": "north" }, "run": null });
    assert_eq!(output, expected, "{said:?}");
}

/// How many chains of runs wait at once, and how many runs are in each: 1,000 in all.
const CHAINS: usize = 20;
const RUNS_IN_CHAIN: usize = 50;

fn create(api: &Api, dag: &str, params: &Value) -> String {
    let body = json!({ "params": params });
    let answer = api.send("POST", &format!("/dags/{dag}/runs"), &body);
    let answer = answer.expect("it answers");
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"]
        .as_str()
        .expect("it has a name")
        .to_owned()
}

/// A run that waits for an event, and after it runs of which each waits for the one before it, or for its task.
fn chain(api: &Api) -> Vec<String> {
    let mut runs = vec![create(api, "shop", &json!({}))];
    while runs.len() < RUNS_IN_CHAIN {
        let task = match runs.len() % 2 {
            1 => "",
            _ => "follow",
        };
        let params = json!({ "run": runs.last(), "task": task });
        runs.push(create(api, "follows", &params));
    }
    runs
}

fn is_over(api: &Api, run: &str) -> bool {
    api.get(&format!("/runs/{run}"))["ended"].is_string()
}

/// A thousand runs wait for each other and for events, and the process is killed while they wait, after the events
/// are acknowledged, and while one run wakes the next.
#[test]
fn no_kill_loses_a_wake_up_of_a_thousand_runs_or_wakes_one_twice() {
    let installation = Installation::new();
    let mut up = installation.up();
    shop(&installation, &up);
    let said = installation.deploy_with(&up, "guest_sdk", FOLLOWS);
    assert_eq!(said.code, Some(0), "{said:?}");
    let chains: Vec<Vec<String>> = (0..CHAINS).map(|_| chain(&up.api())).collect();
    up.kill();
    up = installation.up();
    for (number, runs) in chains.iter().enumerate() {
        let path = format!("/runs/{}/events/paid", runs[0]);
        let answer = up.api().send("POST", &path, &json!(number));
        assert_eq!(answer.expect("it answers").status, 202);
        if number % 7 == 6 {
            up.kill();
            up = installation.up();
        }
    }
    let middle = &chains[CHAINS - 1][RUNS_IN_CHAIN / 2];
    while !is_over(&up.api(), middle) {
        pass(Duration::from_millis(20));
    }
    up.kill();
    up = installation.up();
    let api = up.api();
    for (number, runs) in chains.iter().enumerate() {
        for (place, run) in runs.iter().enumerate().rev() {
            while !is_over(&api, run) {
                pass(Duration::from_millis(50));
            }
            let task = if place == 0 { "payment" } else { "follow" };
            let output = api.get(&format!("/runs/{run}/tasks/{task}/0/output"));
            let expected = match place {
                0 => json!({ "event": "paid", "payload": number, "asked": 1 }),
                _ => json!("success"),
            };
            assert_eq!(output, expected, "run {place} of chain {number}");
            let attempts = api.get(&format!("/runs/{run}/tasks/{task}/0/attempts"));
            let attempts = attempts.as_array().expect("a list").iter();
            let deferrals = attempts.filter(|attempt| attempt["end"] == "deferred");
            assert_eq!(deferrals.count(), 1, "run {place} of chain {number}");
        }
    }
}
