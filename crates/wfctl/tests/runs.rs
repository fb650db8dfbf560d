//! Whole runs through the real binary: results, states, exit codes, events,
//! what is left behind, and Ctrl-C.

#[path = "support/place.rs"]
mod support;

use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Stdio},
};
use support::{Place, events};

/// Echoes standard input to standard output.
const ECHO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 1024))
    (loop $again
      (i32.store (i32.const 4) (i32.const 60000))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (i32.load (i32.const 8))
        (then
          (i32.store (i32.const 4) (i32.load (i32.const 8)))
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
          (br $again))))))"#;

fn exits(code: u32) -> String {
    format!(
        r#"(module
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (func (export "_start") (call $exit (i32.const {code}))))"#
    )
}

const LOOPS: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop $for_ever (br $for_ever))))"#;

fn place(manifest: &str) -> Place {
    let place = Place::new();
    place.write("dag.toml", manifest);
    place.program("list.wasm", "[1, 2, 3]");
    place.program("empty.wasm", "[]");
    place.program("text.wasm", "\"hello\"");
    place.program("broken.wasm", "no json");
    place.wat("echo.wasm", ECHO);
    place.wat("exit1.wasm", &exits(1));
    place.wat("exit9.wasm", &exits(9));
    place.wat("loops.wasm", LOOPS);
    place
}

/// The last line: the run.
fn ended(place: &Place, args: &str) -> (i32, Value) {
    let output = place.wfctl(&format!("run --output json {args}"));
    let code = output.status.code().expect("not killed");
    let last = events(&output)
        .pop()
        .unwrap_or_else(|| panic!("no events: {}", place.transcript(&output)));
    assert_eq!(last["event"], "run_ended", "{}", place.transcript(&output));
    (code, last)
}

const CHAIN: &str = r#"
[dag]
id = "chain"
[dag.params]
who = "world"
[tasks.first]
program = "text.wasm"
[tasks.second]
program = "echo.wasm"
inputs = { text = "first", who = { param = "who" }, fixed = { value = [1] } }
"#;

#[test]
fn outputs_travel_along_edges_and_parameters_reach_tasks() {
    let (code, run) = ended(&place(CHAIN), "--param who=you");
    assert_eq!(code, 0);
    assert_eq!(run["state"], "success");
    assert_eq!(
        run["tasks"]["second"]["output"],
        json!({ "text": "hello", "who": "you", "fixed": [1] })
    );
    assert_eq!(run["counts"], json!({ "success": 2 }));
    assert!(run["first_task_started_ms"].as_f64() >= run["started_ms"].as_f64());
    assert!(run["ended_ms"].as_f64() >= run["first_task_started_ms"].as_f64());
}

#[test]
fn a_mapped_task_has_an_instance_for_each_element_and_is_gathered() {
    let place = place(
        r#"
[dag]
id = "mapped"
[tasks.numbers]
program = "list.wasm"
[tasks.each]
program = "echo.wasm"
expand = { n = "numbers", letter = { value = ["a", "b"] } }
[tasks.all]
program = "echo.wasm"
inputs = { rows = "each", second = { task = "each", pointer = "/1/letter" } }
"#,
    );
    let (code, run) = ended(&place, "--jobs 3");
    assert_eq!(code, 0);
    let expected = json!([
        { "n": 1, "letter": "a" }, { "n": 1, "letter": "b" }, { "n": 2, "letter": "a" },
        { "n": 2, "letter": "b" }, { "n": 3, "letter": "a" }, { "n": 3, "letter": "b" },
    ]);
    assert_eq!(run["tasks"]["all"]["output"]["rows"], expected);
    assert_eq!(run["tasks"]["all"]["output"]["second"], "b");
    assert_eq!(run["tasks"]["each"]["instances"][5]["map_index"], 5);
}

#[test]
fn an_empty_list_skips_and_what_follows_sees_it() {
    let place = place(
        r#"
[dag]
id = "empty"
[tasks.none]
program = "empty.wasm"
[tasks.each]
program = "echo.wasm"
expand = { n = "none" }
[tasks.after]
program = "echo.wasm"
inputs = { rows = "each" }
[tasks.anyway]
program = "echo.wasm"
inputs = { rows = "each" }
trigger_rule = "all_done"
"#,
    );
    let (code, run) = ended(&place, "");
    assert_eq!(code, 0);
    assert_eq!(run["tasks"]["each"]["state"], "skipped");
    assert_eq!(run["tasks"]["after"]["state"], "skipped");
    assert_eq!(run["tasks"]["anyway"]["output"], json!({ "rows": [] }));
}

#[test]
fn a_failure_is_retried_then_fails_the_run_and_what_depends_on_it() {
    let place = place(
        r#"
[dag]
id = "fails"
[tasks.bad]
program = "exit1.wasm"
retries = 2
retry_delay = "1ms"
[tasks.after]
program = "text.wasm"
after = ["bad"]
[tasks.skips]
program = "exit9.wasm"
skip_on_exit = [9]
[tasks.no_json]
program = "broken.wasm"
"#,
    );
    let output = place.wfctl("run --output json");
    assert_eq!(output.status.code(), Some(1));
    let events = events(&output);
    let starts = events
        .iter()
        .filter(|event| event["event"] == "task_started" && event["task"] == "bad")
        .count();
    assert_eq!(starts, 3);
    let run = events.last().expect("a last line");
    assert_eq!(run["state"], "failed");
    assert_eq!(run["tasks"]["bad"]["state"], "failed");
    assert_eq!(run["tasks"]["bad"]["attempts"], 3);
    assert_eq!(run["tasks"]["bad"]["error"]["code"], "exit");
    assert_eq!(run["tasks"]["after"]["state"], "upstream_failed");
    assert_eq!(run["tasks"]["skips"]["state"], "skipped");
    assert_eq!(run["tasks"]["no_json"]["error"]["code"], "invalid_output");
    let retried = events
        .iter()
        .find(|event| event["state"] == "up_for_retry")
        .expect("a retry");
    assert_eq!(retried["error"]["retryable"], true);
    assert!(retried["retry_at_ms"].is_number());
}

#[test]
fn every_event_has_a_name_and_a_time_and_they_are_in_order() {
    let output = place(CHAIN).wfctl("run --output json");
    let events = events(&output);
    let names: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().expect("a name"))
        .collect();
    assert_eq!(
        names,
        [
            "run_started",
            "task_started",
            "task_ended",
            "task_started",
            "task_ended",
            "run_ended"
        ]
    );
    let times: Vec<f64> = events
        .iter()
        .map(|event| event["time_ms"].as_f64().expect("a time"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(
        events.last().expect("a line")["ended_ms"],
        events.last().expect("a line")["time_ms"]
    );
}

#[test]
fn a_task_alone_and_a_run_from_a_task() {
    let place = place(CHAIN);
    let (_, alone) = ended(&place, "--task second --input second.text=42");
    assert_eq!(
        alone["tasks"],
        json!({ "second": alone["tasks"]["second"] })
    );
    assert_eq!(alone["tasks"]["second"]["output"]["text"], 42);

    let (code, _) = ended(&place, "");
    assert_eq!(code, 0);
    let (code, from) = ended(&place, "--from second --param who=me");
    assert_eq!(code, 0);
    assert_eq!(
        from["tasks"]["second"]["output"],
        json!({ "text": "hello", "who": "me", "fixed": [1] })
    );
    assert!(from["tasks"].get("first").is_none());
}

#[test]
fn the_summary_stays_in_the_folder_that_the_run_names() {
    let place = place(CHAIN);
    let (_, run) = ended(&place, "");
    let kept = std::fs::read_to_string(format!(
        "{}/run.json",
        run["folder"].as_str().expect("a folder")
    ))
    .expect("kept");
    let kept: Value = serde_json::from_str(&kept).expect("JSON");
    assert_eq!(kept["tasks"], run["tasks"]);
}

#[test]
fn a_pipe_gets_plain_lines_with_the_results_at_the_end() {
    let place = place(CHAIN);
    let output = place.wfctl("run");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(text.contains("✓ first"), "{text}");
    assert!(text.contains("second ="), "{text}");
    assert!(text.contains("chain succeeded in"), "{text}");
}

#[test]
fn step_asks_before_each_task() {
    let place = place(CHAIN);
    let mut child = place
        .command()
        .args(["run", "--step", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"\ns\n")
        .expect("taken");
    let output = child.wait_with_output().expect("ends");
    let run = events(&output).pop().expect("events");
    assert_eq!(
        run["tasks"]["first"]["state"],
        "success",
        "{}",
        place.transcript(&output)
    );
    assert_eq!(run["tasks"]["second"]["state"], "skipped");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("next: second"),
        "{}",
        place.transcript(&output)
    );
}

/// Starts a run of a task that never ends, and waits until it has begun.
fn endless(place: &Place) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = place
        .command()
        .args(["run", "--output", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("task_started") {
        line.clear();
        assert_ne!(
            lines.read_line(&mut line).expect("readable"),
            0,
            "ended early"
        );
    }
    (child, lines)
}

fn interrupt(child: &Child) {
    let status = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .expect("kill exists");
    assert!(status.success());
}

const ENDLESS: &str = "[dag]\nid = \"endless\"\n[tasks.loops]\nprogram = \"loops.wasm\"\n[tasks.after]\nprogram = \"text.wasm\"\nafter = [\"loops\"]\n";

#[test]
fn ctrl_c_cancels_cleanly() {
    let place = place(ENDLESS);
    let (mut child, mut lines) = endless(&place);
    interrupt(&child);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("readable");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let run: Value = serde_json::from_str(rest.lines().last().expect("a last line")).expect("JSON");
    assert_eq!(run["event"], "run_ended");
    assert_eq!(run["state"], "cancelled");
    assert_eq!(run["counts"], json!({ "cancelled": 2 }));
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let place = place(ENDLESS);
    let (mut child, mut lines) = endless(&place);
    interrupt(&child);
    let mut line = String::new();
    while !line.contains("cancelling") {
        line.clear();
        assert_ne!(
            lines.read_line(&mut line).expect("readable"),
            0,
            "ended before the second"
        );
    }
    interrupt(&child);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).expect("readable");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert!(!rest.contains("run_ended"), "{rest}");
}
