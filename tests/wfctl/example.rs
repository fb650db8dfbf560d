//! The pipeline of the earthquakes, in whatever language: its result is held
//! against one that another program computed.

use crate::python::{Author, ended, rounded};
use serde_json::Value;
use std::process::Command;
use weft_tests::guests;

/// Builds an example of this name as its author would, runs it in every way that it has, and compares.
pub(crate) fn gives_the_result_of_the_reference(example: &str) {
    let author = Author::new(&[]);
    let file = author.path("quakes.wasm");
    let file = file.to_str().expect("the path is UTF-8");
    let example = guests::root().join("examples").join(example);
    let example = example.to_str().expect("the path is UTF-8");
    let built = author.wfctl(&["build", example, "-o", file]).exits(0);
    assert!(built.stdout.contains("quakes  9 tasks"), "{}", built.stdout);
    let quakes = guests::root().join("examples/quakes");
    let reference = Command::new("python3")
        .arg(quakes.join("reference.py"))
        .arg(quakes.join("data/earthquakes.json"))
        .output()
        .expect("python3 is needed to check the result");
    let expected: Value = serde_json::from_slice(&reference.stdout).expect("it prints JSON");

    let events = author.run(0, &[file]);
    let tasks = &ended(&events)["tasks"];
    assert_eq!(rounded(&tasks["world"]["output"]), rounded(&expected));
    assert_eq!(
        tasks["summarise"]["instances"].as_array().map(Vec::len),
        Some(71)
    );
    assert_eq!(tasks["feed"]["attempts"], 2, "the feed was down at first");
    assert_eq!(tasks["alert"]["state"], "skipped");
    assert_eq!(
        tasks["report"]["output"]["notice"],
        "No earthquake reached magnitude 7.0."
    );
    let alerted = author.run(0, &[file, "--param", "threshold=6"]);
    assert_eq!(ended(&alerted)["tasks"]["all_clear"]["state"], "skipped");
    let down = author.run(1, &[file, "--param", "outage=9"]);
    assert_eq!(ended(&down)["tasks"]["report"]["state"], "upstream_failed");
}
