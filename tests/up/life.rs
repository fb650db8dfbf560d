//! The life of an installation: deployed to, triggered, scheduled, and closed to strangers.

use crate::installation::Installation;

const CHAIN: &str = r#"
[dag]
id = "chain"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

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
fn every_request_without_the_token_is_refused() {
    let installation = Installation::new();
    let up = installation.up();
    let wrong = installation.path("wrong.token");
    std::fs::write(&wrong, "weft_0000\n").expect("there is room");
    let said = installation.client_with(&up, &["dags", "list"], &wrong);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(!said.stderr.contains("weft_0000"), "{said:?}");
}
