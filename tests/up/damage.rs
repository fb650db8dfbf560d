//! A data folder that is not as it was left: each kind is noticed and named.

use crate::installation::Installation;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Changes the database as a later version of Weft would have left it. Python's
/// own SQLite, since no client of ours writes what it does not know.
const NEWER: &str = "import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute(\"INSERT INTO migrations (number, name, applied) VALUES (9999, 'future', 0)\")
database.execute(\"UPDATE compatibility SET oldest = 9999\")
database.commit()";

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let installation = Installation::new();
    installation.up().kill();
    let file = installation.path("data").join("weft.db");
    let python = Command::new("python3")
        .args(["-c", NEWER])
        .arg(&file)
        .output()
        .expect("Python is here, as `cargo xtask setup` sees to");
    assert!(python.status.success(), "{python:?}");
    let before = fs::read(&file).expect("it is there");
    let (status, said) = installation.start(&[]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("9999") && said.contains("newer"), "{said}");
    assert_eq!(
        before,
        fs::read(&file).expect("it is there"),
        "it was changed"
    );
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it is read");
        if entry.file_type().expect("it has a type").is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

/// Changes one byte in the middle of the blob that holds these bytes.
fn damage(installation: &Installation, holds: &[u8]) {
    let blobs = installation.path("data").join("blobs");
    let file = files(&blobs)
        .into_iter()
        .find(|file| fs::read(file).is_ok_and(|bytes| bytes == holds))
        .expect("the blob is there");
    let mut bytes = holds.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("it can be written");
}

#[test]
fn a_torn_output_is_noticed_and_named() {
    let installation = Installation::new();
    let up = installation.up();
    // Larger than outputs that the database itself stores.
    let large = Value::from("x".repeat(600_000));
    let manifest = format!(
        "[dag]\nid = \"large\"\n\n[tasks.echo]\ncomponent = \"guest_plain.wasm\"\n\
         inputs = {{ value = {{ value = {large} }} }}\n\n[tasks.again]\ncomponent = \"guest_plain.wasm\"\ntask = \"echo\"\n\
         inputs = {{ value = \"echo\" }}\nretries = 0\n"
    );
    let said = installation.deploy_with(&up, "guest_plain", &manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = installation.client(&up, &["runs", "trigger", "large", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let api = up.api();
    let run = api.all("/runs")[0]["id"]
        .as_str()
        .expect("a text")
        .to_owned();
    let echo = api.get(&format!("/runs/{run}/tasks/echo/0"));
    let digest = echo["output"]["digest"]
        .as_str()
        .expect("it is a blob")
        .to_owned();
    assert_eq!(api.get(&format!("/runs/{run}/tasks/echo/0/output")), large);

    // What the process remembers would do without it.
    up.kill();
    damage(&installation, large.to_string().as_bytes());
    let up = installation.up();
    let api = up.api();
    let output = api.ask("GET", &format!("/runs/{run}/tasks/echo/0/output"), &[], b"");
    let output = output.expect("it answers");
    let problem = output.json();
    assert_eq!(
        (output.status, output.code().as_str()),
        (500, "damaged"),
        "{problem}"
    );
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains(&digest)),
        "{problem}"
    );

    // A task that needs it fails, and says why; nothing else does.
    let clear = json!({ "tasks": ["again"] });
    let cleared = api.send("POST", &format!("/runs/{run}/clear"), &clear);
    assert_eq!(cleared.expect("it answers").status, 202);
    let again = loop {
        let again = api.get(&format!("/runs/{run}/tasks/again/0"));
        if again["attempt"] == 2 && again["ended"].is_string() {
            break again;
        }
    };
    assert_eq!(again["state"], "failed", "{again}");
    assert!(again["error"].to_string().contains(&digest), "{again}");
    let (_, said) = up.terminate();
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn a_torn_component_is_noticed_and_named_and_a_deploy_heals_it() {
    let installation = Installation::new();
    let up = installation.up();
    let manifest = "[dag]\nid = \"one\"\n\n[tasks.a]\nprogram = \"busy.wasm\"\nretries = 0\n";
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    up.kill();
    damage(&installation, &crate::installation::busy());
    // The compiled code would do without it.
    fs::remove_dir_all(installation.path("data").join("code")).expect("it is there");
    let up = installation.up();
    let said = installation.client(&up, &["runs", "trigger", "one", "--watch"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let api = up.api();
    let run = api.all("/runs")[0]["id"]
        .as_str()
        .expect("a text")
        .to_owned();
    let failed = api.get(&format!("/runs/{run}/tasks/a/0"));
    let version = api.get("/dags/one/versions/1");
    let digest = version["files"][0]["digest"]
        .as_str()
        .expect("a text")
        .to_owned();
    let error = failed["error"].to_string();
    assert!(
        error.contains("damaged") && error.contains(&digest),
        "{failed}"
    );
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = installation.client(&up, &["runs", "trigger", "one", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}
