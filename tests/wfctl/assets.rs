//! The examples of assets on a server: a DAG's updates, and one that a client records, create runs of another DAG.

use crate::{
    python::Author,
    server::{PATIENCE, Server},
};
use serde_json::Value;
use std::{
    thread,
    time::{Duration, Instant},
};
use weft_tests::guests;

const ORDERS: &str = "s3://lake/orders";
const REPORTS: &str = "report_orders";

#[test]
fn updates_of_an_asset_create_runs_in_python() {
    updates_create_runs("assets");
}

#[test]
fn updates_of_an_asset_create_runs_in_typescript() {
    updates_create_runs("assets-js");
}

fn updates_create_runs(example: &str) {
    let author = Author::new(&[]);
    let file = author.path("assets.wasm");
    let file = file.to_str().expect("the path is UTF-8");
    let example = guests::root().join("examples").join(example);
    let example = example.to_str().expect("the path is UTF-8");
    author.wfctl(&["build", example, "-o", file]).exits(0);
    let server = Server::start(&author);
    let client = |args: &[&str]| server.client(&author, args).exits(0);
    client(&["deploy", file]);
    let report = |number: usize| {
        wait_for_runs(&server, &author, number);
        client(&["runs", "watch", "latest", "--dag", REPORTS]);
        let said = client(&["outputs", "get", "latest", "report", "--dag", REPORTS]);
        said.stdout.trim().trim_matches('"').to_owned()
    };

    client(&["runs", "trigger", "load_orders", "--watch"]);
    let first = report(1);
    assert!(first.ends_with(": 3 orders of 41.40"), "{first}");

    let metadata = r#"{"rows": 2, "cents": 990}"#;
    let update = ["assets", "update", ORDERS, "--partition", "2026-11-25"];
    client(&[&update[..], &["--metadata", metadata]].concat());
    assert_eq!(report(2), "2026-11-25: 2 orders of 9.90");

    // What comes while the DAG is paused becomes one run.
    client(&["dags", "pause", REPORTS]);
    for day in ["2026-11-23", "2026-11-24"] {
        let update = ["assets", "update", ORDERS, "--partition", day];
        client(&[&update[..], &["--metadata", metadata]].concat());
    }
    client(&["dags", "unpause", REPORTS]);
    assert_eq!(report(3), "2026-11-23, 2026-11-24: 4 orders of 19.80");

    // Partitions that are no dates, each by a run of its own.
    client(&["dags", "pause", REPORTS]);
    let fill = ["assets", "backfill", ORDERS, "--partition", "north"];
    let fill = [&fill[..], &["--partition", "south"]].concat();
    let planned = client(&[&fill[..], &["--dry-run"]].concat()).stdout;
    assert!(
        planned.contains("north") && planned.contains("south"),
        "{planned}"
    );
    client(&fill);
    wait_for_partitions(&server, &author, &["north", "south"]);
    let missing = client(&[&fill[..], &["--only-missing", "--output", "json"]].concat());
    let missing: Value = serde_json::from_str(&missing.stdout).expect("it is JSON");
    assert_eq!(missing["runs"], serde_json::json!([]));
    assert_eq!(missing["updated"], serde_json::json!(["north", "south"]));
    client(&["dags", "unpause", REPORTS]);
    let filled = report(4);
    assert!(filled.ends_with(": 6 orders of 82.80"), "{filled}");

    let shown = client(&["assets", "show", ORDERS]).stdout;
    for word in ["2026-11-25", "load_orders", REPORTS] {
        assert!(shown.contains(word), "{shown}");
    }
    let listed = client(&["assets", "list"]).stdout;
    for asset in [ORDERS, "s3://lake/reports/orders"] {
        assert!(listed.contains(asset), "{listed}");
    }
}

/// Waits until the orders of these partitions were updated.
fn wait_for_partitions(server: &Server, author: &Author, partitions: &[&str]) {
    let began = Instant::now();
    loop {
        let shown = server.client(author, &["assets", "show", ORDERS]).exits(0);
        let is_there = |partition: &&str| shown.stdout.contains(*partition);
        if partitions.iter().all(is_there) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{}", shown.stdout);
        thread::park_timeout(Duration::from_millis(100));
    }
}

/// Waits until the DAG of reports has so many runs, all of which assets created.
fn wait_for_runs(server: &Server, author: &Author, number: usize) {
    let began = Instant::now();
    let list = ["runs", "list", "--dag", REPORTS, "--output", "json"];
    loop {
        let said = server.client(author, &list).exits(0);
        let runs: Vec<Value> = serde_json::from_str(&said.stdout).expect("it is JSON");
        if runs.len() >= number {
            assert_eq!(runs.len(), number, "{runs:?}");
            assert!(runs.iter().all(|run| run["kind"] == "assets"), "{runs:?}");
            return;
        }
        assert!(began.elapsed() < PATIENCE, "there are {} runs", runs.len());
        thread::park_timeout(Duration::from_millis(100));
    }
}
