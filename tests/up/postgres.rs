//! `wfctl up` over a Postgres server that the test starts.

// The one that the store's own tests start.
#[allow(
    clippy::unwrap_used,
    reason = "it belongs to the store's tests, which allow it"
)]
#[path = "../../crates/weft-store-sql/tests/database/postgres_server.rs"]
pub(crate) mod postgres_server;

use crate::installation::{Installation, Up};
use std::{fs, process::Stdio};

const CHAIN: &str = r#"
[dag]
id = "chain"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// An installation whose database is a server's.
fn installation(url: &str) -> Installation {
    let installation = Installation::new();
    fs::write(installation.path("database.url"), format!("{url}\n")).expect("there is room");
    installation
}

fn up(installation: &Installation) -> Up {
    let file = installation.path("database.url");
    let file = file.to_str().expect("temporary folders are UTF-8");
    installation.start(&["--database-file", file]).answering()
}

#[test]
fn everything_is_kept_in_postgres_through_a_kill() {
    let url = postgres_server::new_database();
    let here = installation(&url);
    let service = up(&here);
    let said = here.deploy(&service, CHAIN);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = here.client(&service, &["runs", "trigger", "chain", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = here.client(&service, &["runs", "trigger", "chain"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        !here.path("data/weft.db").exists(),
        "SQLite has no part in it"
    );
    // Neither its folder nor its database can be used by a second one.
    let file = here.path("database.url");
    let file = file.to_str().expect("temporary folders are UTF-8");
    let (status, said) = here.start(&["--database-file", file]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("data folder"), "{said}");
    let elsewhere = installation(&url);
    let (status, said) = elsewhere.start(&["--database-file", file]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    service.kill();
    let service = up(&here);
    let runs = here.list(&service, &["runs", "list"]);
    assert_eq!(runs.len(), 2, "{runs:?}");
    for run in &runs {
        let run = run["id"].as_str().expect("it has a name");
        let said = here.client(&service, &["runs", "watch", run]);
        assert_eq!(said.code, Some(0), "{said:?}");
        let said = here.client(&service, &["outputs", "get", run, "second"]);
        assert_eq!(said.stdout.trim(), "7", "{said:?}");
    }
    let (status, said) = service.terminate();
    assert!(status.success(), "{said}");
}

#[test]
fn a_database_that_cant_be_used_is_reported_without_its_password() {
    let here = installation("postgres://weft:hush@127.0.0.1:9/none");
    let file = here.path("database.url");
    let file = file.to_str().expect("temporary folders are UTF-8");
    let (status, said) = here.start(&["--database-file", file]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!said.contains("hush"), "{said}");
    for (args, code) in [
        (["--database", "postgres://weft:hush@localhost/none"], 2),
        (["--database", "mysql://hush@localhost/none"], 2),
        (["--database-file", "/no/such/file"], 3),
    ] {
        let (status, said) = here.start(&args).end();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_postgres_database_is_checked_and_migrated() {
    let here = installation(&postgres_server::new_database());
    let db = |action: &str| {
        here.command(&["db", action, "--database-file"])
            .arg(here.path("database.url"))
            .stdin(Stdio::null())
            .output()
            .expect("wfctl starts")
    };
    let said = db("check");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(text.contains("wfctl db migrate"), "{text}");
    assert!(db("migrate").status.success());
    assert!(db("check").status.success());
    let service = up(&here);
    assert!(db("check").status.success(), "also while it is used");
    let said = db("migrate");
    assert_eq!(said.status.code(), Some(1), "{said:?}");
    drop(service);
}
