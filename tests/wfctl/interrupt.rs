//! Ctrl-C, and ends without a signal before.

use crate::home::{Home, said};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    process::Child,
    time::{Duration, Instant},
};

/// Waits until it is asked to stop, and then does.
const POLITE: &str = r#"
[dag]
id = "polite"
[tasks.polite]
component = "guest_plain.wasm"
task = "sleep_until_cancelled"
[tasks.after]
component = "guest_plain.wasm"
task = "log"
after = ["polite"]
"#;

/// More tasks than are run at once, each of which waits until it is asked to stop, between a setup and its teardown.
fn crowd() -> String {
    let polite = (0..4).map(|at| {
        format!(
            "[tasks.polite-{at}]\ncomponent = \"guest_plain.wasm\"\ntask = \"sleep_until_cancelled\"\nafter = [\"create\"]\n"
        )
    });
    let polite: Vec<String> = polite.collect();
    format!("{CREATE_AND_DESTROY}{}", polite.concat())
}

const CREATE_AND_DESTROY: &str = r#"
[dag]
id = "crowd"
[tasks.create]
component = "guest_plain.wasm"
task = "log"
[tasks.destroy]
component = "guest_plain.wasm"
task = "log"
after = ["polite-0", "polite-1", "polite-2", "polite-3"]
teardown_of = ["create"]
"#;

/// Never stops by itself.
const STUBBORN: &str = r#"
[dag]
id = "stubborn"
[tasks.stubborn]
component = "guest_hostile.wasm"
task = "endless_loop"
limits = { cpu = "10m" }
"#;

/// Starts a run, and returns once its first task has started; the lines go on in the reader.
fn started(home: &Home) -> (Child, impl BufRead + use<>) {
    started_with(home, &[])
}

fn started_with(home: &Home, args: &[&str]) -> (Child, impl BufRead + use<>) {
    let mut child = home.spawn(&[&["run", "--output", "json"], args].concat());
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut line = String::new();
    while !line.contains("\"task_started\"") {
        line.clear();
        assert!(
            lines
                .read_line(&mut line)
                .expect("standard output is UTF-8")
                > 0,
            "it ended before a task started"
        );
    }
    (child, lines)
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).expect("a child can be interrupted");
}

#[test]
fn an_interrupt_ends_the_run_cleanly() {
    let home = Home::new();
    home.dag(POLITE);
    let (child, lines) = started(&home);
    interrupt(&child);
    let last = lines
        .lines()
        .map(|line| line.expect("standard output is UTF-8"))
        .last()
        .expect("there are lines");
    let said = said(child).exits(130);
    assert!(
        last.contains("\"run_ended\"") && last.contains("\"cancelled\""),
        "{last}\n{}",
        said.stderr
    );
    home.is_tidy();
}

#[test]
fn an_interrupted_run_is_torn_down() {
    let home = Home::new();
    home.dag(&crowd());
    let (child, mut lines) = started_with(&home, &["--jobs", "1"]);
    let mut line = String::new();
    while !(line.contains("\"task_started\"") && line.contains("polite")) {
        line.clear();
        let read = lines.read_line(&mut line);
        assert!(
            read.expect("standard output is UTF-8") > 0,
            "it ended before"
        );
    }
    interrupt(&child);
    let after: Vec<String> = lines
        .lines()
        .map(|line| line.expect("standard output is UTF-8"))
        .collect();
    let said = said(child).exits(130);
    let started: Vec<&String> = after
        .iter()
        .filter(|line| line.contains("\"task_started\""))
        .collect();
    assert_eq!(started.len(), 1, "{after:#?}\n{}", said.stderr);
    assert!(started[0].contains("destroy"), "{started:?}");
    home.is_tidy();
}

#[test]
fn a_stubborn_task_is_killed_in_the_end() {
    let home = Home::new();
    home.dag(STUBBORN);
    let (child, lines) = started(&home);
    let asked = Instant::now();
    interrupt(&child);
    let last = lines
        .lines()
        .map(|line| line.expect("standard output is UTF-8"))
        .last()
        .expect("there are lines");
    said(child).exits(130);
    assert!(
        asked.elapsed() < Duration::from_secs(40),
        "{:?}",
        asked.elapsed()
    );
    assert!(last.contains("\"run_ended\""), "{last}");
    home.is_tidy();
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let home = Home::new();
    home.dag(STUBBORN);
    let (child, mut lines) = started(&home);
    interrupt(&child);
    let mut line = String::new();
    while !line.contains("\"cancelling\"") {
        line.clear();
        assert!(
            lines
                .read_line(&mut line)
                .expect("standard output is UTF-8")
                > 0,
            "it ended at the first interrupt"
        );
    }
    let asked = Instant::now();
    interrupt(&child);
    said(child).exits(130);
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
}

/// Killed while it compiles or runs: the next run finds nothing broken, and no process is left behind.
#[test]
fn killed_in_the_middle() {
    let home = Home::new();
    home.dag(
        "[dag]\nid = \"stuck\"\n[tasks.polite]\ncomponent = \"guest_plain.wasm\"\ntask = \"sleep_until_cancelled\"\n\
         [tasks.stubborn]\ncomponent = \"guest_hostile.wasm\"\ntask = \"endless_loop\"\n",
    );
    for delay_ms in [0, 5, 10, 20, 40, 80, 160, 320] {
        let mut child = home.spawn(&["run", "--output", "json"]);
        // At a different point each time; which one does not matter.
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(delay_ms) {
            std::hint::spin_loop();
        }
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
    }
    home.dag(
        "[dag]\nid = \"next\"\n[tasks.next]\ncomponent = \"guest_plain.wasm\"\ntask = \"fib\"\ninputs = { n = { value = 10 } }\n\
         [tasks.hostile]\ncomponent = \"guest_hostile.wasm\"\ntask = \"broken_output\"\n",
    );
    let ended = home.run(&["run", "--output", "json"]).exits(1).run_ended();
    assert_eq!(ended["tasks"]["next"]["output"], 55);
    assert_eq!(ended["tasks"]["hostile"]["error"]["code"], "invalid_output");

    let patience = Instant::now();
    let cache = home.path("cache").display().to_string();
    while let Some(process) = a_process_with(&cache) {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "{process} still runs"
        );
        std::thread::yield_now();
    }
}

/// A process whose environment names this folder.
fn a_process_with(folder: &str) -> Option<String> {
    let own = std::process::id().to_string();
    for entry in fs::read_dir("/proc").expect("/proc is mounted").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Processes come and go, and not all are ours to look at.
        let Ok(environment) = fs::read(entry.path().join("environ")) else {
            continue;
        };
        if name != own && String::from_utf8_lossy(&environment).contains(folder) {
            return Some(name);
        }
    }
    None
}
