//! Upgrades from released versions: their databases with work in them, and calls of their clients.
//! The current program takes them over.
//!
//! `tests/fixtures/version-<version>/` holds them. They are made by the program
//! itself, while it has that version:
//! `WEFT_UPDATE_RELEASED=1 cargo test --locked --workspace --test up -- released`.
//! A folder of a version that was released is never made anew: see
//! `docs/internals/upgrades.md`.

mod conversation;
mod dump;

use crate::{
    installation::{Installation, Up, busy},
    patience::until,
    postgres::postgres_server,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Once,
};
use weft_tests::guests;

/// Seals the variables of all these databases, and nothing else anywhere.
const KEY: &str = "5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b5b";

/// One run goes on while the other waits. `sleeper` is killed with its process; `page` and
/// `flaky` never end by themselves, and wait for the slot that it has.
const MANIFEST: &str = r#"[dag]
id = "released"
description = "what a released version left under way"
tags = ["upgrade"]
max_active_runs = 1

[dag.params]
day = 7

[tasks.numbers]
component = "tasks.wasm"
task = "echo"
inputs = { value = { value = [1, 2, 3] } }

[tasks.each]
component = "tasks.wasm"
task = "echo"
expand = { value = "numbers" }

[tasks.sleeper]
component = "tasks.wasm"
task = "sleep"
inputs = { ms = { value = 3000 } }
after = ["numbers"]
pool = "one"
priority = 10
retries = 2

[tasks.page]
component = "tasks.wasm"
task = "defer"
pool = "one"

[tasks.flaky]
component = "tasks.wasm"
task = "fail"
retries = 100
pool = "one"

[tasks.reader]
component = "tasks.wasm"
task = "variable"
inputs = { name = { value = "region" } }
grants = { variables = ["region"] }
after = ["sleeper"]

[tasks.last]
component = "tasks.wasm"
task = "echo"
inputs = { value = "each" }
after = ["page", "flaky", "reader"]
trigger_rule = "all_done"
"#;

/// A DAG with dates; it is paused.
const NIGHTLY: &str = r#"[dag]
id = "nightly"
schedule = "0 3 * * *"

[tasks.only]
program = "busy.wasm"
"#;

/// Where a database lies.
#[derive(Clone, Copy)]
enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// An installation with a database of its own.
struct Place {
    kind: Kind,
    here: Installation,
    /// Of the Postgres database.
    url: String,
}

impl Place {
    fn new(kind: Kind) -> Self {
        let here = Installation::new();
        fs::create_dir(here.path("data")).expect("there is room");
        fs::write(here.path("data/secret.key"), format!("{KEY}\n")).expect("there is room");
        let url = match kind {
            Kind::Sqlite => String::new(),
            Kind::Postgres => postgres_server::new_database(),
        };
        fs::write(here.path("database.url"), &url).expect("there is room");
        Self { kind, here, url }
    }

    fn up(&self) -> Up {
        let file = self.here.path("database.url");
        let file = file.to_str().expect("temporary folders are UTF-8");
        let more: &[&str] = match self.kind {
            Kind::Sqlite => &[],
            Kind::Postgres => &["--database-file", file],
        };
        self.here.start(more).answering()
    }

    /// A command of the client that has to succeed.
    fn client(&self, up: &Up, args: &[&str]) -> String {
        let said = self.here.client(up, args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said.stdout
    }

    fn work(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.here.path("work").join(name), content).expect("there is room");
    }
}

fn fixtures() -> PathBuf {
    guests::root().join("tests/fixtures")
}

/// A component of the first contract, which runs for ever.
fn component() -> PathBuf {
    fixtures().join("contract-0.1.0/dag.wasm")
}

/// The folders of all released versions; the present one's is made first, where that was asked for.
fn released() -> Vec<PathBuf> {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
            make(&fixtures().join(concat!("version-", env!("CARGO_PKG_VERSION"))));
        }
    });
    let mut found: Vec<PathBuf> = fs::read_dir(fixtures())
        .expect("there are fixtures")
        .map(|entry| entry.expect("it is read").path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("version-"))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn make(folder: &Path) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let to = folder.join(kind.name());
        fs::create_dir_all(&to).expect("there is room");
        leave(kind, folder, &to);
    }
    conversation::record(&folder.join("conversation.jsonl"));
}

/// What never changes in an installation that goes on, by path.
fn lasting(run: &str) -> Vec<String> {
    let mut paths: Vec<String> = ["/variables", "/connections", "/pools", "/policy"]
        .map(ToOwned::to_owned)
        .to_vec();
    paths.push("/dags/plain/versions".to_owned());
    paths.push("/dags/plain/versions/1".to_owned());
    for below in [
        "",
        "/tasks",
        "/instances",
        "/tasks/fib/0",
        "/tasks/fib/0/attempts",
        "/tasks/fib/0/output",
    ] {
        paths.push(format!("/runs/{run}{below}"));
    }
    paths
}

/// Works with an installation until each table has rows, kills it amid the work, and keeps what
/// its database holds then.
fn leave(kind: Kind, folder: &Path, to: &Path) {
    let place = Place::new(kind);
    let up = place.up();
    place.work("policy.toml", "[variables]\nallow = [\"region\"]\n");
    place.work("region", "north");
    place.work("tasks.wasm", fs::read(component()).expect("it is there"));
    place.work("busy.wasm", busy());
    place.work("dag.toml", NIGHTLY);
    let in_order: [&[&str]; 12] = [
        &["policy", "set", "policy.toml"],
        &["variables", "set", "region", "@region"],
        &[
            "connections",
            "set",
            "api",
            "--at",
            "https://api.example.org",
            "--bearer",
            "@region",
        ],
        &["pools", "set", "one", "1"],
        &["tokens", "create", "reader", "--role", "viewer"],
        &["deploy", "dag.toml", "--paused"],
        &["deploy", "tasks.wasm"],
        &["runs", "trigger", "plain", "--watch"],
        &["runs", "clear", "latest", "--task", "fib", "--downstream"],
        &["runs", "watch", "latest"],
        &["dags", "pause", "plain"],
        &["runs", "trigger", "plain"],
    ];
    for args in in_order {
        place.client(&up, args);
    }
    let run = place.here.list(&up, &["runs", "list"])[1]["id"].clone();
    let run = run.as_str().expect("it has a name").to_owned();
    place.client(&up, &["runs", "cancel", "latest"]);
    let dates = ["--from", "2026-01-01", "--to", "2026-01-03"];
    place.client(&up, &[&["backfill", "nightly"][..], &dates].concat());
    // What the same trigger is known by again.
    let key = [
        "idempotency-key: the-same",
        "content-type: application/json",
    ];
    let again = up.api().ask("POST", "/dags/plain/runs", &key, b"{}");
    assert_eq!(again.expect("it answers").status, 201);
    place.work("dag.toml", MANIFEST);
    place.client(&up, &["deploy", "dag.toml"]);
    place.client(&up, &["runs", "trigger", "released", "-p", "day=8"]);
    let going = place.here.list(&up, &["runs", "list"])[0]["id"].clone();
    let going = going.as_str().expect("it has a name");
    place.client(&up, &["runs", "trigger", "released"]);
    let sleeper = |up: &Up| up.api().get(&format!("/runs/{going}/tasks/sleeper/0"));
    let sleeps = |up: &Up, attempt: u64| {
        until("it sleeps", || {
            let sleeper = sleeper(up);
            sleeper["state"] == "running" && sleeper["attempt"] == attempt
        });
    };
    sleeps(&up, 1);
    up.kill();
    // It was alone, so its death counts against it, and it is tried again.
    let up = place.up();
    sleeps(&up, 2);
    let seen: Vec<Value> = lasting(&run)
        .into_iter()
        .map(|path| serde_json::json!({ "answer": up.api().get(&path), "path": path }))
        .collect();
    let lines: Vec<String> = seen.iter().map(Value::to_string).collect();
    fs::write(to.join("seen.jsonl"), lines.join("\n") + "\n").expect("there is room");
    up.kill();
    dump::save(&place, to);
    let token = place.here.path("data/admin.token");
    fs::copy(token, to.join("admin.token")).expect("there is room");
    dump::keep_components(&place.here.path("data"), &folder.join("components"));
}

/// An installation as a released version left it; its token opens it.
fn found(kind: Kind, version: &Path) -> Place {
    let place = Place::new(kind);
    let left = version.join(kind.name());
    dump::load(&place, &left);
    let token = place.here.path("data/admin.token");
    fs::copy(left.join("admin.token"), token).expect("the token was kept");
    dump::put_components(&place.here.path("data"), &version.join("components"));
    place
}

#[test]
fn what_released_versions_left_under_way_is_carried_to_its_end_from_sqlite() {
    for version in released() {
        is_carried_on(Kind::Sqlite, &version);
    }
}

#[test]
fn what_released_versions_left_under_way_is_carried_to_its_end_from_postgres() {
    for version in released() {
        is_carried_on(Kind::Postgres, &version);
    }
}

fn is_carried_on(kind: Kind, version: &Path) {
    let place = found(kind, version);
    let up = place.up();
    let api = up.api();
    for line in dump::lines(&version.join(kind.name()).join("seen.jsonl")) {
        let path = line["path"].as_str().expect("a path");
        let today = api.get(path);
        assert!(
            holds(&today, &line["answer"]),
            "{path}: {today} is not what was there: {}",
            line["answer"]
        );
    }

    // The two runs of `released`, the older one first: it was in progress, the other one waited.
    let mut runs = api.all("/dags/released/runs");
    runs.reverse();
    assert_eq!(runs.len(), 2, "{runs:?}");
    assert_eq!(runs[0]["state"], "running", "{runs:?}");
    for run in &runs {
        let run = run["id"].as_str().expect("it has a name");
        until("it runs", || {
            api.get(&format!("/runs/{run}"))["state"] == "running"
        });
        for (task, state) in [("page", "success"), ("flaky", "skipped")] {
            place.client(&up, &["runs", "mark", run, task, state]);
        }
        place.client(&up, &["runs", "watch", run]);
        let output = place.client(&up, &["outputs", "get", run, "reader"]);
        assert_eq!(output.trim(), "\"north\"", "the variable is opened");
        let output = place.client(&up, &["outputs", "get", run, "last"]);
        let output: Value = serde_json::from_str(&output).expect("JSON");
        assert_eq!(output, serde_json::json!([1, 2, 3]));
    }
    let first = runs[0]["id"].as_str().expect("it has a name");
    let attempts = api.get(&format!("/runs/{first}/tasks/sleeper/0/attempts"));
    let count = attempts.as_array().map(Vec::len);
    assert_eq!(count, Some(3), "two were lost: {attempts}");

    // What waited behind a pause: a trigger with a key, known again, and a backfill.
    let key = [
        "idempotency-key: the-same",
        "content-type: application/json",
    ];
    let again = api.ask("POST", "/dags/plain/runs", &key, b"{}");
    assert_eq!(again.expect("it answers").status, 200, "it is known again");
    for (dag, count) in [("plain", 4), ("nightly", 2)] {
        place.client(&up, &["dags", "unpause", dag]);
        if dag == "plain" {
            place.client(&up, &["runs", "trigger", dag, "--watch"]);
        }
        until("everything has ended", || {
            // Those that are due by now are none of this.
            let mut runs = api.all(&format!("/dags/{dag}/runs"));
            runs.retain(|run| run["kind"] != "scheduled");
            assert_eq!(runs.len(), count, "{runs:?}");
            runs.iter()
                .all(|run| run["state"] == "success" || run["state"] == "cancelled")
        });
    }
    let said = place.client(&up, &["tokens", "list", "--output", "json"]);
    assert!(said.contains("\"reader\""), "{said}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
}

/// Whether everything that was answered once is still answered; more may have come.
fn holds(today: &Value, once: &Value) -> bool {
    match (today, once) {
        (Value::Object(today), Value::Object(once)) => once
            .iter()
            .all(|(name, once)| today.get(name).is_some_and(|today| holds(today, once))),
        (Value::Array(today), Value::Array(once)) => {
            today.len() == once.len() && today.iter().zip(once).all(|(a, b)| holds(a, b))
        }
        (today, once) => today == once,
    }
}

#[test]
fn clients_of_released_versions_are_answered_as_they_expect() {
    for version in released() {
        conversation::replay(&version.join("conversation.jsonl"));
    }
}
