//! Tasks that ask people, from the SDK to the command line.

use crate::installation::{Installation, Up};
use serde_json::{Value, json};

const RELEASES: &str = r#"
[dag]
id = "releases"

[tasks.release]
component = "guest_sdk.wasm"
task = "release"
inputs = { version = { value = "1.2" } }
"#;

fn deploy(installation: &Installation, up: &Up) {
    let said = installation.deploy_with(up, "guest_sdk", RELEASES);
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// What tasks wait for.
fn waiting(installation: &Installation, up: &Up) -> Vec<Value> {
    installation.list(up, &["approvals", "list"])
}

/// Waits until the run asks.
fn asked(installation: &Installation, up: &Up, run: &str) -> Value {
    let mut found = None;
    crate::patience::until("it asks", || {
        let mut asked = waiting(installation, up).into_iter();
        found = asked.find(|approval| approval["run"] == run);
        found.is_some()
    });
    found.expect("it was found")
}

#[test]
fn a_task_goes_on_with_the_answer() {
    let installation = Installation::new();
    let up = installation.up();
    deploy(&installation, &up);
    let run = installation.trigger(&up, "releases");
    let question = asked(&installation, &up, &run);
    assert_eq!(
        (
            &question["subject"],
            &question["task"],
            &question["options"]
        ),
        (
            &json!("Release 1.2?"),
            &json!("release"),
            &json!(["approve", "reject"])
        )
    );
    let shown = installation.client(&up, &["approvals", "show", &run, "release"]);
    assert!(
        shown.stdout.contains("It passed **all** tests."),
        "{shown:?}"
    );
    let why = installation.client(&up, &["tasks", "why", &run, "release"]);
    assert!(why.stdout.contains("it waits for an approval"), "{why:?}");
    let unfit = [
        "approvals",
        "approve",
        &run,
        "release",
        "--field",
        "share=1000",
    ];
    let refused = installation.client(&up, &unfit);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("1000 is greater than the maximum of 100"),
        "{refused:?}"
    );
    let fit = [
        "approvals",
        "approve",
        &run,
        "release",
        "--field",
        "share=50",
    ];
    let said = installation.client(&up, &fit);
    assert_eq!(said.code, Some(0), "{said:?}");
    let again = installation.client(&up, &["approvals", "reject", &run, "release"]);
    assert!(again.stderr.contains("approval_decided"), "{again:?}");
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let output = installation.client(&up, &["outputs", "get", &run, "release"]);
    let output: Value = serde_json::from_str(&output.stdout).expect("it is JSON");
    let text = output.as_str().expect("a text");
    assert!(text.starts_with("1.2 is out, says "), "{text}");
    assert_eq!(waiting(&installation, &up), [] as [Value; 0]);
}

/// Answers that were acknowledged reach their tasks once, whenever the process is killed.
#[test]
fn no_kill_loses_a_question_or_an_answer() {
    let installation = Installation::new();
    let mut up = installation.up();
    deploy(&installation, &up);
    let runs: Vec<String> = (0..6)
        .map(|_| installation.trigger(&up, "releases"))
        .collect();
    for (number, run) in runs.iter().enumerate() {
        asked(&installation, &up, run);
        if number % 3 == 0 {
            up.kill();
            up = installation.up();
        }
        let answer = if number % 2 == 0 { "approve" } else { "reject" };
        let said = installation.client(&up, &["approvals", answer, run, "release"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        if number % 3 == 1 {
            up.kill();
            up = installation.up();
        }
    }
    for (number, run) in runs.iter().enumerate() {
        let said = installation.client(&up, &["runs", "watch", run]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let tasks = installation.list(&up, &["tasks", "list", run]);
        let expected = if number % 2 == 0 {
            "success"
        } else {
            "skipped"
        };
        assert_eq!(tasks[0]["counts"][expected], 1, "{tasks:?}");
        let answers = installation.list(&up, &["approvals", "list", "--run", run]);
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
}
