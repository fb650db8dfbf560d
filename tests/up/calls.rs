//! DAGs that call DAGs, and tasks that wait for another DAG's run, from the SDK to the command line.

use crate::installation::{Installation, Up};
use serde_json::{Value, json};

const BOOKS: &str = r#"
[dag]
id = "books"
schedule = "0 0 1 3 *"

[dag.params.region]
default = "all"

[tasks.closing]
component = "guest_sdk.wasm"
task = "closing"
inputs = { region = { param = "region" } }
"#;

const MONTH_END: &str = r#"
[dag]
id = "month_end"

[dag.params.regions]
default = ["north", "south", "west"]

[tasks.close]
component = "guest_sdk.wasm"
task = "close"
expand = { region = { param = "regions" } }
grants = { dags = ["books"] }
"#;

const FOLLOWS: &str = r#"
[dag]
id = "follows"

[tasks.after_books]
component = "guest_sdk.wasm"
task = "after_books"
"#;

const AFTER_CLOSING: &str = r#"
[dag]
id = "after_closing"

[tasks.after_closing]
component = "guest_sdk.wasm"
task = "after_closing"
"#;

fn deploy(installation: &Installation, up: &Up, manifests: &[&str]) {
    for manifest in manifests {
        let said = installation.deploy_with(up, "guest_sdk", manifest);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
}

fn tree(installation: &Installation, up: &Up, run: &str) -> Vec<Value> {
    let said = installation.client(up, &["runs", "tree", run, "-o", "json"]);
    let tree: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    tree["runs"].as_array().expect("a list").clone()
}

#[test]
fn a_mapped_task_calls_a_run_for_each_element_and_gets_their_outputs() {
    let installation = Installation::new();
    let up = installation.up();
    deploy(&installation, &up, &[BOOKS, MONTH_END]);
    let run = installation.trigger(&up, "month_end");
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for (index, region) in ["north", "south", "west"].iter().enumerate() {
        let instance = index.to_string();
        let get = ["outputs", "get", &run, "close", "--index", &instance];
        let said = installation.client(&up, &get);
        let output: Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        assert_eq!(output, json!(format!("{region} is closed")), "{said:?}");
    }
    let tree = tree(&installation, &up, &run);
    assert_eq!(tree.len(), 4, "{tree:?}");
    let callers = tree.iter().filter(|node| node["called_by"]["run"] == run);
    let mut indexes: Vec<_> = callers
        .map(|node| node["called_by"]["index"].as_u64())
        .collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [Some(0), Some(1), Some(2)]);
    let text = installation.client(&up, &["runs", "tree", &run]).stdout;
    assert!(
        text.lines()
            .next()
            .unwrap_or_default()
            .contains("month_end")
    );
    assert!(text.contains("called by close[2]"), "{text}");
}

#[test]
fn a_called_run_that_fails_fails_its_caller_with_the_reason() {
    let installation = Installation::new();
    let up = installation.up();
    deploy(&installation, &up, &[BOOKS, MONTH_END]);
    let trigger = [
        "runs",
        "trigger",
        "month_end",
        "--param",
        r#"regions=["lost"]"#,
        "--watch",
    ];
    let said = installation.client(&up, &trigger);
    assert_eq!(said.code, Some(1), "{said:?}");
    let runs = installation.list(&up, &["runs", "list", "--dag", "month_end"]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    let shown = installation.client(&up, &["tasks", "show", run, "close", "--index", "0"]);
    assert!(
        shown.stdout.contains("of DAG books ended as failed"),
        "{shown:?}"
    );
}

/// Calls that were acknowledged are made once and their ends wake their callers, whenever the process
/// is killed.
#[test]
fn no_kill_makes_a_call_twice_or_loses_its_end() {
    let installation = Installation::new();
    let mut up = installation.up();
    deploy(&installation, &up, &[BOOKS, MONTH_END]);
    let mut runs = Vec::new();
    for round in 0..3 {
        runs.extend((0..3).map(|_| installation.trigger(&up, "month_end")));
        up.kill();
        up = installation.up();
        let watched = &runs[round];
        let said = installation.client(&up, &["runs", "watch", watched]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    for run in &runs {
        let said = installation.client(&up, &["runs", "watch", run]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(tree(&installation, &up, run).len(), 4, "{run}");
    }
    let called = installation.list(&up, &["runs", "list", "--kind", "called", "--limit", "100"]);
    assert_eq!(called.len(), 3 * runs.len());
}

/// Triggers a DAG for a date, and returns its run once its only task says that it waits so.
fn waiting(
    (installation, up): (&Installation, &Up),
    (dag, task): (&str, &str),
    date: &str,
    why: &str,
) -> String {
    let trigger = ["runs", "trigger", dag, "--logical-date", date];
    let said = installation.client(up, &trigger);
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = installation.list(up, &["runs", "list", "--dag", dag]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    loop {
        let said = installation.client(up, &["tasks", "why", run, task]);
        if said.stdout.contains(why) {
            return run.to_owned();
        }
        assert!(!said.stdout.contains("the run ended"), "{said:?}");
    }
}

#[test]
fn a_task_waits_for_the_run_of_another_dag_for_its_date_or_for_a_task_of_it() {
    let installation = Installation::new();
    let up = installation.up();
    deploy(&installation, &up, &[BOOKS, FOLLOWS, AFTER_CLOSING]);
    let date = "2026-03-01T00:00:00Z";
    let of = (&installation, &up);
    let why = "it waits for the end of the run of DAG books";
    let run = waiting(of, ("follows", "after_books"), date, why);
    let why = "it waits for the end of task closing of the run of DAG books";
    let after_task = waiting(of, ("after_closing", "after_closing"), date, why);
    let until = "2026-03-02T00:00:00Z";
    let backfill = ["backfill", "books", "--from", date, "--to", until];
    let said = installation.client(&up, &backfill);
    assert_eq!(said.code, Some(0), "{said:?}");
    for (run, task) in [(run, "after_books"), (after_task, "after_closing")] {
        let said = installation.client(&up, &["runs", "watch", &run]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let said = installation.client(&up, &["outputs", "get", &run, task]);
        assert_eq!(said.stdout.trim(), r#""success""#, "{said:?}");
    }
}
