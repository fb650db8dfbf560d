//! What operators do to runs, with the command line.

use crate::installation::{Installation, Up};
use serde_json::Value;

const CHAIN: &str = r#"
[dag]
id = "chain"
tags = ["eu"]

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

fn deployed() -> (Installation, Up) {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy(&up, CHAIN);
    assert_eq!(said.code, Some(0), "{said:?}");
    (installation, up)
}

/// Runs a command that has to succeed; returns what it printed.
fn succeed(installation: &Installation, up: &Up, args: &[&str]) -> String {
    let said = installation.client(up, args);
    assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
    said.stdout
}

/// Runs a command that is used wrongly; returns what it complained about.
fn refuse(installation: &Installation, up: &Up, args: &[&str]) -> String {
    let said = installation.client(up, args);
    assert_eq!(said.code, Some(2), "{args:?}: {said:?}");
    said.stderr
}

fn newest(installation: &Installation, up: &Up) -> (String, String) {
    let runs = installation.list(up, &["runs", "list"]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&runs[0]["id"]), text(&runs[0]["state"]))
}

#[test]
fn what_failed_runs_again_of_one_run_and_of_many() {
    let (installation, up) = deployed();
    succeed(&installation, &up, &["runs", "trigger", "chain", "--watch"]);
    let (run, _) = newest(&installation, &up);
    for many in [false, true] {
        succeed(
            &installation,
            &up,
            &["runs", "mark", &run, "second", "failed"],
        );
        assert_eq!(newest(&installation, &up).1, "failed");
        let filter = ["--tag", "eu", "--state", "failed"];
        let would = [&["runs", "retry"][..], &filter, &["--dry-run"]].concat();
        let would = succeed(&installation, &up, &would);
        assert!(
            would.contains(&format!("{run}: 1 instances would run again")),
            "{would}"
        );
        assert!(would.contains("1 runs would be retried"), "{would}");
        if many {
            let retry = [&["runs", "retry"][..], &filter, &["--yes"]].concat();
            let done = succeed(&installation, &up, &retry);
            assert!(done.contains("1 runs will be retried"), "{done}");
        } else {
            succeed(&installation, &up, &["runs", "retry", &run]);
        }
        loop {
            // The command of a bulk action may not have been carried out yet: the run has failed.
            installation.client(&up, &["runs", "watch", &run]);
            let args = ["tasks", "show", &run, "second", "--output", "json"];
            let shown: Value =
                serde_json::from_str(&succeed(&installation, &up, &args)).expect("JSON");
            if shown["state"] == "success" && shown["cause"] == "outcome" {
                break;
            }
        }
    }
    let cleared = [
        "runs",
        "clear",
        &run,
        "--only-failed",
        "--past",
        "--dry-run",
    ];
    let cleared = succeed(&installation, &up, &cleared);
    assert!(cleared.contains("0 instances would run again"), "{cleared}");
}

#[test]
fn an_action_that_does_not_say_which_runs_is_refused() {
    let (installation, up) = deployed();
    let said = refuse(&installation, &up, &["runs", "cancel"]);
    assert!(
        said.contains("neither a run nor a selection of runs is given"),
        "{said}"
    );
    let said = refuse(
        &installation,
        &up,
        &["runs", "retry", "0c3k5v7n9q1st", "--state", "failed"],
    );
    assert!(
        said.contains("a run is named, and options that select many runs"),
        "{said}"
    );
    let said = refuse(&installation, &up, &["runs", "mark", "--state", "failed"]);
    assert!(said.contains("add --task TASK --as STATE"), "{said}");
    let said = refuse(&installation, &up, &["runs", "clear", "0c3k5v7n9q1st"]);
    assert!(said.contains("--task"), "{said}");
    let mark = [
        "runs", "mark", "--state", "failed", "--task", "first", "--as", "success", "--yes",
    ];
    let done = succeed(&installation, &up, &mark);
    assert!(done.contains("0 runs will be marked"), "{done}");
}

#[test]
fn notes_are_shown_and_a_held_dag_says_why_nothing_runs() {
    let (installation, up) = deployed();
    succeed(&installation, &up, &["runs", "trigger", "chain", "--watch"]);
    let (run, _) = newest(&installation, &up);
    succeed(
        &installation,
        &up,
        &["runs", "note", &run, "the source was late"],
    );
    succeed(
        &installation,
        &up,
        &["tasks", "note", &run, "first", "known defect"],
    );
    let shown = succeed(&installation, &up, &["runs", "show", &run]);
    assert!(shown.contains("the source was late ("), "{shown}");
    let shown = succeed(&installation, &up, &["tasks", "show", &run, "first"]);
    assert!(shown.contains("known defect ("), "{shown}");
    succeed(&installation, &up, &["runs", "note", &run, "--remove"]);
    let shown = succeed(&installation, &up, &["runs", "show", &run]);
    assert!(!shown.contains("note"), "{shown}");
    succeed(&installation, &up, &["dags", "pause", "chain", "--hold"]);
    assert_eq!(
        installation.list(&up, &["dags", "list", "--tag", "eu"])[0]["held"],
        true
    );
    succeed(
        &installation,
        &up,
        &["runs", "clear", &run, "--task", "first"],
    );
    let why = loop {
        let why = succeed(&installation, &up, &["tasks", "why", &run, "first"]);
        if why.contains("dag_held") {
            break why;
        }
    };
    assert!(why.contains("wfctl dags unpause"), "{why}");
    succeed(&installation, &up, &["dags", "unpause", "chain"]);
    succeed(&installation, &up, &["runs", "watch", &run]);
}
