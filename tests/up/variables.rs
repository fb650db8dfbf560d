//! Variables whose values are kept outside of the server's database.

use crate::installation::{Installation, Up};
use std::fs;
use weft_tests::guests;

const MANIFEST: &str = r#"[dag]
id = "reading"

[tasks.reader]
component = "tasks.wasm"
task = "variable"
inputs = { name = { value = "password" } }
grants = { variables = ["password"] }
"#;

/// What a run of the DAG reads.
fn read(installation: &Installation, up: &Up) -> String {
    let said = installation.client(up, &["runs", "trigger", "reading", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = installation.list(up, &["runs", "list"])[0]["id"].clone();
    let run = run.as_str().expect("it has a name");
    let said = installation.client(up, &["outputs", "get", run, "reader"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout
}

#[test]
fn a_task_reads_a_variable_from_the_file_that_it_refers_to() {
    let installation = Installation::new();
    let own = installation.path("mounted/default/db");
    fs::create_dir_all(&own).expect("there is room for a folder");
    fs::write(own.join("password"), "first\n").expect("there is room");
    let folder = installation.path("mounted");
    let folder = folder.to_str().expect("it is text");
    let up = installation
        .start(&["--variables-folder", folder])
        .answering();
    let work = installation.path("work");
    let policy = "[variables]\nallow = [\"password\"]\n";
    fs::write(work.join("policy.toml"), policy).expect("there is room");
    fs::write(work.join("dag.toml"), MANIFEST).expect("there is room");
    let component = guests::root().join("tests/fixtures/contract-0.1.0/dag.wasm");
    fs::copy(component, work.join("tasks.wasm")).expect("there is room");
    for args in [
        &["policy", "set", "policy.toml"][..],
        &["variables", "set", "password", "--from", "file:db/password"],
        &["deploy", "dag.toml"],
    ] {
        let said = installation.client(&up, args);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let listed = installation.list(&up, &["variables", "list"]);
    assert_eq!(listed[0]["from"], "file:db/password");
    assert!(read(&installation, &up).contains("first"));
    // Who rotates a secret writes the file again.
    fs::write(own.join("password"), "second\n").expect("there is room");
    assert!(read(&installation, &up).contains("second"));
    for (from, why) in [
        ("vault:db#password", "--vault"),
        ("file:../other/key", "file:../other/key"),
    ] {
        let args = ["variables", "set", "password", "--from", from];
        let said = installation.client(&up, &args);
        assert_ne!(said.code, Some(0), "{said:?}");
        assert!(said.stderr.contains(why), "{said:?}");
    }
}
