//! Tasks that wait for events, from the SDK to the command line.

use crate::installation::{Installation, Up};
use serde_json::{Value, json};

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
