//! The life of an installation: what is acknowledged stays.

use crate::installation::{Installation, Up};
use serde_json::Value;
use std::fmt::Write as _;

const CHAIN: &str = r#"
[dag]
id = "chain"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// How often the process is killed while a run goes on.
const KILLS: usize = 8;

/// The state of a run, as the API says.
fn state(installation: &Installation, up: &Up, run: &str) -> String {
    let runs = installation.list(up, &["runs", "list"]);
    let found = runs.iter().find(|row| row["id"] == run);
    found
        .and_then(|row| row["state"].as_str())
        .unwrap_or_else(|| panic!("the run {run} is not in {runs:?}"))
        .to_owned()
}

/// Triggers a run and gives its name.
fn trigger(installation: &Installation, up: &Up, dag: &str) -> String {
    let said = installation.client(up, &["runs", "trigger", dag, "--output", "json"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run: Value = serde_json::from_str(&said.stdout).expect("a run");
    run["id"].as_str().expect("it has a name").to_owned()
}

#[test]
fn a_deployed_dag_runs_and_its_output_can_be_read() {
    let installation = Installation::new();
    let up = installation.up();
    let said = installation.deploy(&up, CHAIN);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = installation.client(&up, &["runs", "trigger", "chain", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = installation.list(&up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    let said = installation.client(&up, &["outputs", "get", run, "second"]);
    assert_eq!(said.stdout.trim(), "7", "{said:?}");
    let again = installation.client(&up, &["deploy", "dag.toml"]);
    assert!(again.stdout.contains("unchanged"), "{again:?}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
}

#[test]
fn what_was_acknowledged_outlives_being_killed_again_and_again() {
    let installation = Installation::new();
    let mut up = installation.up();
    let mut wide = String::from("[dag]\nid = \"wide\"\n");
    for task in 0..60 {
        write!(
            wide,
            "\n[tasks.t{task}]\nprogram = \"busy.wasm\"\nretries = 0\n"
        )
        .expect("a String takes every text");
        if task >= 20 {
            writeln!(wide, "after = [\"t{}\"]", task - 20).expect("a String takes every text");
        }
    }
    let said = installation.deploy(&up, &wide);
    assert_eq!(said.code, Some(0), "{said:?}");
    let mut runs = vec![trigger(&installation, &up, "wide")];
    for _ in 0..KILLS {
        up.kill();
        up = installation.up();
        // A trigger that is answered is kept, whatever happens next.
        runs.push(trigger(&installation, &up, "wide"));
    }
    for run in &runs {
        let said = installation.client(&up, &["runs", "watch", run]);
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(state(&installation, &up, run), "success");
    }
}

#[test]
fn a_second_process_on_the_same_folder_is_refused() {
    let installation = Installation::new();
    let _up = installation.up();
    let data = installation.path("data");
    let said = std::process::Command::new(weft_tests::program::wfctl())
        .args(["up", "--listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .output()
        .expect("wfctl starts");
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8(said.stderr).expect("UTF-8");
    assert!(said.contains("in use by another process"), "{said}");
}

#[test]
fn a_scheduled_dag_runs_by_itself() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = CHAIN.replace("id = \"chain\"", "id = \"often\"\nschedule = \"every 1s\"");
    let said = installation.deploy(&up, &manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = loop {
        let runs = installation.list(&up, &["runs", "list"]);
        if let Some(run) = runs.first() {
            assert_eq!(run["kind"], "scheduled");
            break run["id"].as_str().expect("it has a name").to_owned();
        }
    };
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn nobody_gets_in_without_the_token() {
    let installation = Installation::new();
    let up = installation.up();
    let wrong = installation.path("wrong.token");
    std::fs::write(&wrong, "weft_0000\n").expect("there is room");
    let said = installation.client_with(&up, &["dags", "list"], &wrong);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(!said.stderr.contains("weft_0000"), "{said:?}");
}
