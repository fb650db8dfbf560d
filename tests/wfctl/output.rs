//! Exit codes and output of `wfctl run`.

use crate::home::{Home, files};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    process::Command,
};
use weft_tests::{guests, program};

const TWO_TASKS: &str = r#"
[dag]
id = "two"

[tasks.first]
component = "guest_plain.wasm"
task = "fib"
inputs = { n = { value = 20 } }

[tasks.second]
component = "guest_plain.wasm"
task = "echo"
inputs = { value = "first" }
"#;

fn fixture() -> String {
    guests::root()
        .join("tests/fixtures/contract-0.1.0/dag.wasm")
        .to_str()
        .expect("the path is UTF-8")
        .to_owned()
}

/// A file of the contract's first version, through the whole program.
#[test]
fn the_fixture_runs() {
    let home = Home::new();
    let said = home.run(&["run", &fixture(), "--output", "json"]).exits(0);
    for event in said.events() {
        assert!(
            event["event"].is_string() && event["time_ms"].is_number(),
            "{event}"
        );
    }
    assert_eq!(said.events()[0]["event"], "run_started");
    let ended = said.run_ended();
    assert_eq!(ended["state"], "success");
    assert_eq!(ended["tasks"]["fib"]["output"], 6765);
    assert_eq!(ended["tasks"]["echo"]["output"], json!([1, "two", null]));
    assert_eq!(ended["tasks"]["again"]["output"], 6765);
    assert_eq!(ended["tasks"]["attempt"]["output"]["dag"], "plain");
    let logs: Vec<Value> = said
        .events()
        .into_iter()
        .filter(|event| event["event"] == "log")
        .collect();
    for (stream, message) in [
        ("stdout", "a line on standard output"),
        ("stderr", "a line on standard error"),
        ("log", "a structured line"),
    ] {
        let found = logs.iter().any(|log| {
            log["stream"] == stream && log["message"] == message && log["task"] == "log"
        });
        assert!(found, "{stream}: {logs:?}");
    }
    home.is_tidy();
}

#[test]
fn a_manifest_runs_in_its_folder() {
    let home = Home::new();
    home.dag(TWO_TASKS);
    let ended = home.run(&["run", "--output", "json"]).exits(0).run_ended();
    assert_eq!(ended["tasks"]["second"]["output"], 6765);
    home.is_tidy();
}

#[test]
fn a_failed_task_exits_with_1() {
    let home = Home::new();
    home.dag(
        r#"
[dag]
id = "failing"
[tasks.broken]
component = "guest_hostile.wasm"
task = "panic"
[tasks.after]
component = "guest_plain.wasm"
task = "log"
after = ["broken"]
"#,
    );
    let ended = home.run(&["run", "--output", "json"]).exits(1).run_ended();
    assert_eq!(ended["state"], "failed");
    assert_eq!(ended["tasks"]["broken"]["error"]["code"], "trap");
    assert_eq!(ended["tasks"]["after"]["state"], "upstream_failed");
    let text = home.run(&["run"]).exits(1);
    assert!((text.stdout + &text.stderr).contains("the author's invariant 42 is broken"));
    home.is_tidy();
}

#[test]
fn bad_usage_exits_with_2() {
    let home = Home::new();
    home.dag(TWO_TASKS);
    let said = home.run(&["run", "--task", "frist"]).exits(2);
    assert!(
        said.stderr.contains("first"),
        "the nearest name is suggested: {}",
        said.stderr
    );
    home.run(&["run", "--no-such-option"]).exits(2);
    home.run(&["run", "--jobs", "0"]).exits(2);
}

#[test]
fn bad_files_exit_with_3() {
    let home = Home::new();
    let whole = guests::read("guest_plain");
    for (name, bytes) in [
        ("truncated.wasm", &whole[..whole.len() / 2]),
        ("empty.wasm", &[]),
        ("text.wasm", b"not what its name says"),
        ("broken.toml", b"[dag\nid = 1"),
    ] {
        fs::write(home.path("work").join(name), bytes).expect("the file can be written");
        let said = home.run(&["run", name]).exits(3);
        assert!(said.stderr.contains(name), "{}", said.stderr);
    }
    let said = home.run(&["run", "absent.wasm"]).exits(3);
    assert!(said.stderr.contains("absent.wasm"), "{}", said.stderr);
    for guest in ["guest_describe_loop", "guest_describe_huge"] {
        let file = guests::path(guest);
        let said = home
            .run(&["run", file.to_str().expect("the path is UTF-8")])
            .exits(3);
        assert!(said.stderr.contains("describe"), "{}", said.stderr);
    }
}

#[test]
fn a_request_beyond_the_policy_exits_with_4() {
    let home = Home::new();
    home.dag(
        r#"
[dag]
id = "greedy"
[tasks.greedy]
component = "guest_plain.wasm"
task = "log"
grants = { variables = ["database_password"], http = ["http://127.0.0.1:8080"] }
"#,
    );
    let said = home.run(&["run"]).exits(4);
    assert!(
        said.stderr.contains("database_password") && said.stderr.contains("127.0.0.1"),
        "{}",
        said.stderr
    );
}

/// Text of a guest can't move the cursor, clear the screen or forge a line of `wfctl` itself.
#[test]
fn escape_sequences_of_a_guest_stay_out_of_the_terminal() {
    let home = Home::new();
    home.dag(
        r#"
[dag]
id = "escapes"
[tasks.escapes]
component = "guest_hostile.wasm"
task = "terminal_escapes"
"#,
    );
    let piped = home.run(&["run", "--color", "never"]).exits(1);
    for (stream, text) in [("stdout", &piped.stdout), ("stderr", &piped.stderr)] {
        assert!(!text.contains('\x1b'), "{stream}: {text:?}");
        assert!(
            !text.contains('\r') && !text.contains('\x08') && !text.contains('\u{9b}'),
            "{stream}: {text:?}"
        );
    }
    assert!(
        (piped.stdout + &piped.stderr).contains("forged"),
        "the words themselves are shown"
    );

    // On a terminal wfctl draws with sequences of its own, so only the guest's are looked for.
    let mut terminal = Command::new("script");
    let typed = format!("{} run", program::wfctl().display());
    home.surround(terminal.args(["-qec", &typed, "/dev/null"]))
        .env("TERM", "xterm-256color");
    let drawn = terminal
        .output()
        .expect("script, of util-linux, runs programs on a terminal");
    let drawn = String::from_utf8_lossy(&drawn.stdout).into_owned();
    assert!(drawn.contains("forged"), "{drawn:?}");
    for forbidden in [
        "\x1b]0;owned",
        "\x1b[2J",
        "\x1b[1;1H",
        "forged\rrun",
        "\x08",
        "\u{9b}",
    ] {
        assert!(
            !drawn.contains(forbidden),
            "{forbidden:?} reached the terminal: {drawn:?}"
        );
    }
}

/// `wfctl run | head -1`: no panic, and the run itself goes on to its end.
#[test]
fn a_reader_that_goes_away() {
    let home = Home::new();
    home.dag(TWO_TASKS);
    let mut child = home.spawn(&["run", "--output", "json"]);
    let mut stdout = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut first = String::new();
    stdout.read_line(&mut first).expect("there is a first line");
    drop(stdout);
    let mut words = String::new();
    child
        .stderr
        .take()
        .expect("standard error is piped")
        .read_to_string(&mut words)
        .expect("standard error is UTF-8");
    let status = child.wait().expect("wfctl ends");
    assert!(!words.contains("panicked"), "{words}");
    assert_eq!(status.code(), Some(0), "{words}");
    home.is_tidy();
}

/// Each hostile behaviour as a task of one DAG: every one fails or succeeds on its own.
#[test]
fn hostile_tasks_beside_an_honest_one() {
    let home = Home::new();
    let mut manifest = String::from("[dag]\nid = \"mixed\"\n");
    for task in [
        "panic",
        "trap",
        "deep_recursion",
        "huge_output",
        "broken_output",
        "log_flood",
        "million_pollables",
    ] {
        manifest.extend(["[tasks.", task, "]\n"]);
        manifest += "component = \"guest_hostile.wasm\"\nlimits = { memory = \"256MiB\" }\n";
    }
    manifest += "[tasks.honest]\ncomponent = \"guest_plain.wasm\"\ntask = \"fib\"\ninputs = { n = { value = 24 } }\n";
    home.dag(&manifest);
    let ended = home.run(&["run", "--output", "json"]).exits(1).run_ended();
    assert_eq!(ended["tasks"]["honest"]["output"], 46368);
    for (task, code) in [
        ("panic", "trap"),
        ("trap", "trap"),
        ("deep_recursion", "stack_overflow"),
        ("huge_output", "output_limit"),
        ("broken_output", "invalid_output"),
        ("million_pollables", "handle_limit"),
    ] {
        assert_eq!(
            ended["tasks"][task]["error"]["code"], code,
            "{}",
            ended["tasks"][task]
        );
    }
    assert_eq!(ended["tasks"]["log_flood"]["state"], "success");
    let kept: u64 = files(&home.path("data"))
        .iter()
        .map(|file| fs::metadata(file).expect("it is there").len())
        .sum();
    assert!(
        kept < 16 << 20,
        "a flood of logs takes {kept} bytes on disk"
    );
    home.is_tidy();
}
