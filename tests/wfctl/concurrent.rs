//! A component of WASI 0.3, by itself and as a part of a manifest.

use crate::home::Home;
use serde_json::Value;
use std::fs;
use weft_tests::guests;

/// What `wfctl inspect` says of a file in `work`.
fn inspected(home: &Home, file: &str) -> Value {
    let said = home.run(&["inspect", file, "--output", "json"]).exits(0);
    serde_json::from_str(&said.stdout).expect("inspect prints JSON")
}

fn succeeded(events: &[Value]) -> &Value {
    let last = events.last().expect("a run says how it ended");
    assert_eq!(last["event"], "run_ended", "{last}");
    assert_eq!(last["state"], "success", "{last}");
    last
}

#[test]
fn a_component_with_async_tasks_is_inspected_and_run() {
    let home = Home::new();
    let file = home.path("work").join("dag.wasm");
    fs::copy(guests::path("guest_concurrent"), file).expect("the guest can be copied");
    let found = inspected(&home, "dag.wasm");
    assert_eq!(found["kind"], "component with async tasks (WASI 0.3)");
    assert_eq!(found["dags"][0]["id"], "concurrent");
    let events = home
        .run(&["run", "dag.wasm", "--output", "json"])
        .exits(0)
        .events();
    let tasks = &succeeded(&events)["tasks"];
    assert_eq!(tasks["overlap"]["output"]["ended"][0], 1, "{tasks}");
    home.is_tidy();
}

#[test]
fn it_is_beside_other_components_in_a_manifest() {
    let home = Home::new();
    home.dag(
        "[dag]\nid = \"both\"\n\n[tasks.overlap]\ncomponent = \"guest_concurrent.wasm\"\n\n\
         [tasks.echo]\ncomponent = \"guest_plain.wasm\"\ninputs = { value = \"overlap\" }\n",
    );
    home.run(&["check"]).exits(0);
    home.run(&["build"]).exits(0);
    assert_eq!(inspected(&home, "dag.wasm")["kind"], "packed manifest");
    let events = home
        .run(&["run", "dag.wasm", "--output", "json"])
        .exits(0)
        .events();
    let tasks = &succeeded(&events)["tasks"];
    assert_eq!(tasks["echo"]["output"], tasks["overlap"]["output"]);
}

/// What can't be run is refused before anything runs.
#[test]
fn it_is_no_program() {
    let home = Home::new();
    home.dag("[dag]\nid = \"no\"\n\n[tasks.overlap]\nprogram = \"guest_concurrent.wasm\"\n");
    let said = home.run(&["check"]).exits(3);
    assert!(
        said.stderr.contains("component with tasks"),
        "{}",
        said.stderr
    );
}
