//! The example of a month's end on a server: calls, an event and an approval from the files of an author.

use crate::{
    python::Author,
    server::{PATIENCE, Server},
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use weft_tests::guests;

#[test]
fn a_month_is_closed_by_calls_an_event_and_an_approval() {
    let author = Author::new(&[]);
    let file = author.path("month-end.wasm");
    let file = file.to_str().expect("the path is UTF-8");
    let example = guests::root().join("examples/month-end");
    let example = example.to_str().expect("the path is UTF-8");
    author.wfctl(&["build", example, "-o", file]).exits(0);
    let server = Server::start(&author);
    let client = |args: &[&str]| server.client(&author, args).exits(0);
    client(&["deploy", file]);
    client(&["runs", "trigger", "month_end"]);
    let latest = ["latest", "--dag", "month_end"];
    let statement = r#"{"cents": 414000}"#;
    client(&[
        "runs",
        "send",
        "latest",
        "statement",
        statement,
        "--dag",
        "month_end",
    ]);

    let began = Instant::now();
    let question = loop {
        let said = client(&["approvals", "list", "--output", "json"]);
        let waiting: Vec<Value> = serde_json::from_str(&said.stdout).expect("it is JSON");
        if let Some(question) = waiting.into_iter().next() {
            break question;
        }
        assert!(began.elapsed() < PATIENCE, "no one is asked");
        thread::park_timeout(Duration::from_millis(100));
    };
    assert_eq!(
        question["subject"],
        json!("Close the month with a difference of 0.50?")
    );
    assert_eq!(question["form"]["required"], json!(["reason"]));
    let approve = [&["approvals", "approve", "latest", "approve"], &latest[1..]].concat();
    let without_reason = server.client(&author, &approve);
    assert!(
        without_reason
            .stderr
            .contains("\"reason\" is a required property"),
        "{}",
        without_reason.stderr
    );
    client(&[&approve[..], &["--field", "reason=rounding"]].concat());
    client(&[&["runs", "watch"], &latest[..]].concat());
    let get = [&["outputs", "get", "latest", "report"], &latest[1..]].concat();
    assert_eq!(
        client(&get).stdout.trim(),
        "\"3 regions closed at 4140.50: rounding\""
    );
    let tree = client(&[&["runs", "tree"], &latest[..]].concat());
    assert!(
        tree.stdout.contains("close_books") && tree.stdout.contains("called by close[2]"),
        "{}",
        tree.stdout
    );
}
