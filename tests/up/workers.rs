//! Workers elsewhere: processes that have a URL and a token, and nothing else.

use crate::{
    installation::{Installation, Up},
    patience::{pass, until},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Output, Stdio},
    time::Duration,
};

/// How often something is asked for that comes within seconds: a minute of questions at least.
pub(crate) const MOST_QUESTIONS: usize = 5_000;
/// How many bytes the program `long.wasm` prints: more than a report carries.
const LONG: usize = 4 << 16;

/// Prints [`LONG`] letters, and a line for its log.
const LONG_PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (data (i32.const 0) "\00\00\01\00\00\00\01\00")
  (data (i32.const 8) "\20\00\00\00\0f\00\00\00")
  (data (i32.const 32) "hello from afar")
  (func (export "_start") (local $left i32)
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 65536))
    (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))
    (local.set $left (i32.const 4))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))"#;

/// Prints a line each second, [`TALKING_LINES`] times.
const TALKING_PROGRAM: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "\20\00\00\00\10\00\00\00")
  (data (i32.const 32) "hello from afar\0a")
  (func (export "_start") (local $left i32)
    (local.set $left (i32.const 15))
    ;; A subscription to the monotonic clock, a second from now.
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (i64.const 1000000000))
    (loop $again
      (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 16)))
      (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 16)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))))"#;

const TALKING_LINES: u64 = 15;

pub(crate) const LONG_DAG: &str = r#"
[dag]
id = "long"

[tasks.first]
program = "long.wasm"
output = "text"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// A `wfctl worker`, killed with the test.
pub(crate) struct Worker(Child);

impl Worker {
    pub(crate) fn start(installation: &Installation, up: &Up, name: &str, token: &Path) -> Self {
        Self::start_with(installation, up, name, token, &[])
    }

    pub(crate) fn start_with(
        installation: &Installation,
        up: &Up,
        name: &str,
        token: &Path,
        more: &[&str],
    ) -> Self {
        let mut command = command(installation, up, name, token);
        command.args(more);
        let log = fs::File::create(installation.path(&format!("{name}.log")));
        let child = command.stderr(log.expect("there is room")).spawn();
        Self(child.expect("wfctl starts"))
    }

    pub(crate) fn terminate(self) -> ExitStatus {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("it runs");
        self.end()
    }

    /// Waits until it has ended.
    fn end(mut self) -> ExitStatus {
        self.0.wait().expect("it ends")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn command(
    installation: &Installation,
    up: &Up,
    name: &str,
    token: &Path,
) -> std::process::Command {
    let mut command = installation.command(&["worker", "--name", name, "--url", up.url()]);
    command
        .arg("--token-file")
        .arg(token)
        .arg("--data")
        .arg(installation.path(name))
        .stdout(Stdio::null());
    command
}

/// A new token of this role, in a file.
pub(crate) fn token(installation: &Installation, up: &Up, role: &str) -> PathBuf {
    let said = installation.client(up, &["tokens", "create", role, "--role", role]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let file = installation.path(&format!("{role}.token"));
    fs::write(&file, said.stdout).expect("there is room");
    file
}

/// An installation whose own worker takes nothing of the default queue.
pub(crate) fn control(installation: &Installation) -> Up {
    installation.start(&["-q", "here"]).answering()
}

/// Deploys the DAG `talks`, whose task `talk` prints a line each second.
pub(crate) fn deploy_talking(installation: &Installation, up: &Up) {
    let program = wat::parse_str(TALKING_PROGRAM).expect("it is WebAssembly");
    let work = installation.path("work");
    fs::write(work.join("talking.wasm"), program).expect("there is room");
    let manifest = "[dag]\nid = \"talks\"\n\n[tasks.talk]\nprogram = \"talking.wasm\"\n";
    let said = installation.deploy(up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Deploys a manifest whose tasks run `long.wasm` and `busy.wasm`.
pub(crate) fn deploy_long(installation: &Installation, up: &Up, manifest: &str) {
    let long = wat::parse_str(LONG_PROGRAM).expect("it is WebAssembly");
    fs::write(installation.path("work").join("long.wasm"), long).expect("there is room");
    let said = installation.deploy(up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_worker_elsewhere_runs_what_needs_nothing_but_its_server() {
    let installation = Installation::new();
    let up = control(&installation);
    deploy_long(&installation, &up, LONG_DAG);
    let token = token(&installation, &up, "worker");
    let worker = Worker::start(&installation, &up, "far", &token);
    let said = installation.client(&up, &["runs", "trigger", "long", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let workers = up.api().get("/workers");
    let names: Vec<&str> = workers
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|worker| worker["id"].as_str())
        .collect();
    assert_eq!(names, ["far", "local"]);
    let runs = installation.list(&up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name");
    let output = installation.client(&up, &["outputs", "get", run, "first"]);
    let letters = output.stdout.bytes().filter(|byte| *byte == b'a').count();
    assert_eq!(letters, LONG, "{:?}", output.stderr);
    // The lines come with the next segment, a few hundred questions from now.
    let said = (0..MOST_QUESTIONS)
        .map(|_question| installation.client(&up, &["logs", run, "first"]))
        .find(|said| said.stdout.contains("hello from afar"));
    assert!(said.is_some(), "its lines never came");
    assert!(worker.terminate().success());
    let said = fs::read_to_string(installation.path("far.log")).expect("it said something");
    assert!(said.contains("Worker far of http://"), "{said}");
    let token = fs::read_to_string(token).expect("it is there");
    assert!(!said.contains(token.trim()), "the token is in its log");
}

#[test]
fn lines_of_a_task_on_a_worker_elsewhere_are_there_while_it_runs() {
    let installation = Installation::new();
    let up = control(&installation);
    deploy_talking(&installation, &up);
    let token = token(&installation, &up, "worker");
    let _worker = Worker::start(&installation, &up, "far", &token);
    let run = installation.trigger(&up, "talks");
    let api = up.api();
    let logs = format!("/runs/{run}/tasks/talk/0/logs");
    // The program prints one line a second: the first ones come long before its end.
    let mut seen = Vec::new();
    until("a second line while the task runs", || {
        let instance = api.get(&format!("/runs/{run}/tasks/talk/0"));
        if instance["state"] != "running" {
            return false;
        }
        let page = api.get(&logs);
        seen = page["lines"].as_array().cloned().unwrap_or_default();
        seen.len() >= 2
    });
    assert_eq!(seen[0]["message"], "hello from afar");
    assert_eq!(seen[0]["source"], "stderr");
    let found = api.get(&format!("{logs}/search?q=AFAR"));
    assert!(found["total"].as_u64() >= Some(2), "{found}");
    let instance = api.get(&format!("/runs/{run}/tasks/talk/0"));
    assert_eq!(instance["state"], "running");
    // Lines keep coming, while the task goes on.
    let mut counts = vec![seen.len()];
    until("lines that keep coming", || {
        let page = api.get(&logs);
        let count = page["lines"].as_array().map_or(0, Vec::len);
        if counts.last() != Some(&count) {
            counts.push(count);
        }
        counts.len() > 4
    });
    // The stored log has every line, those that were there live among them.
    until("the stored log", || {
        let page = api.get(&logs);
        page["total"] == TALKING_LINES && page["lines"][1] == seen[1]
    });
}

#[test]
fn a_queue_may_be_named_for_what_a_worker_says_of_itself() {
    let installation = Installation::new();
    let up = control(&installation);
    let here = format!("architecture={}", std::env::consts::ARCH);
    let policy = format!("[queues]\nallow = [\"{here}\", \"zone=north\"]\n");
    fs::write(installation.path("work").join("policy.toml"), policy).expect("there is room");
    let said = installation.client(&up, &["policy", "set", "policy.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let manifest = format!(
        r#"
[dag]
id = "placed"

[tasks.first]
program = "busy.wasm"
queue = "{here}"

[tasks.second]
program = "busy.wasm"
queue = "zone=north"
after = ["first"]
"#
    );
    assert_eq!(installation.deploy(&up, &manifest).code, Some(0));
    let token = token(&installation, &up, "worker");
    let more = ["--label", "zone=north", "-q", "zone=,architecture="];
    let _north = Worker::start_with(&installation, &up, "north", &token, &more);
    let said = installation.client(&up, &["runs", "trigger", "placed", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let workers = installation.list(&up, &["workers", "list"]);
    let north = &workers.iter().find(|worker| worker["id"] == "north");
    let north = north.expect("it is registered");
    assert_eq!(north["queues"], json!(["zone=north", here]), "{north}");
    let features = north["labels"]["features"].as_str();
    assert!(
        features.is_some_and(|words| words.contains("aes")),
        "{north}"
    );
    let said = command(&installation, &up, "south", &token)
        .args(["-q", "zone="])
        .output();
    let said = said.expect("wfctl starts");
    let text = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{text}");
    assert!(
        text.contains("no label \"zone\"") && text.contains("--label zone=WORD"),
        "{text}"
    );
}

#[test]
fn what_a_killed_worker_held_is_run_by_another_one() {
    let installation = Installation::new();
    let up = control(&installation);
    let manifest = r#"
[dag]
id = "many"

[dag.params]
list = { default = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40] }

[tasks.each]
program = "busy.wasm"
expand = { n = { param = "list" } }

[tasks.last]
program = "busy.wasm"
after = ["each"]
"#;
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(&installation, &up, "worker");
    let first = Worker::start(&installation, &up, "first", &token);
    let run = installation.trigger(&up, "many");
    let api = up.api();
    let ended = || {
        let shown = api.get(&format!("/runs/{run}"));
        assert_ne!(shown["state"], "failed", "{shown}");
        shown["counts"]["success"].as_u64().unwrap_or(0)
    };
    let begun = (0..MOST_QUESTIONS).any(|_question| ended() > 0);
    assert!(begun, "no task of the first worker ended");
    // Dropped, it is killed: its leases run out.
    drop(first);
    let _second = Worker::start(&installation, &up, "second", &token);
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(ended(), 41);
}

#[test]
fn a_drained_worker_ends_what_it_runs_and_then_itself() {
    let installation = Installation::new();
    let up = control(&installation);
    let manifest = "[dag]\nid = \"one\"\n\n[tasks.only]\nprogram = \"busy.wasm\"\n";
    let said = installation.deploy(&up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(&installation, &up, "worker");
    let far = Worker::start(&installation, &up, "far", &token);
    let said = installation.client(&up, &["runs", "trigger", "one", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let drain = |name: &str| installation.client(&up, &["workers", "drain", name]);
    let said = drain("unknown");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("wfctl workers list"), "{said:?}");
    let said = drain("local");
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.stderr.contains("server's own process"), "{said:?}");
    let said = drain("far");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(far.end().success());
    let workers = installation.list(&up, &["workers", "list"]);
    assert_eq!(workers.len(), 1, "{workers:?}");
}

/// Two tasks that take their time.
const SLOW_DAG: &str = r#"
[dag]
id = "slow"

[tasks.one]
component = "guest_plain.wasm"
task = "sleep"
inputs = { ms = { value = 3000 } }

[tasks.two]
component = "guest_plain.wasm"
task = "sleep"
inputs = { ms = { value = 3000 } }
"#;

#[test]
fn what_a_drained_worker_never_began_is_another_ones_as_the_same_attempt() {
    let installation = Installation::new();
    let up = control(&installation);
    let said = installation.deploy_with(&up, "guest_plain", SLOW_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(&installation, &up, "worker");
    let far = Worker::start_with(&installation, &up, "far", &token, &["--slots", "1"]);
    let run = installation.trigger(&up, "slow");
    let api = up.api();
    let asked = |task: &str| api.get(&format!("/runs/{run}/tasks/{task}/0"));
    let until = |state: &str| {
        let mut questions = 0..MOST_QUESTIONS;
        while ["one", "two"].map(|task| asked(task)["state"] == state) != [true, true] {
            assert!(questions.next().is_some(), "it is never {state}");
            pass(Duration::from_millis(10));
        }
    };
    // It has both, and one slot.
    until("running");
    let said = installation.client(&up, &["workers", "drain", "far"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let _near = Worker::start(&installation, &up, "near", &token);
    until("success");
    assert!(far.end().success());
    let mut ran_on = ["one", "two"].map(|task| {
        let instance = asked(task);
        assert_eq!(instance["attempt"], 1, "{instance}");
        instance["worker"].to_string()
    });
    ran_on.sort();
    assert_eq!(ran_on, ["\"far\"", "\"near\""]);
}

const LARGE_DAG: &str = r#"
[dag]
id = "large"

[tasks.large]
program = "busy.wasm"
limits = { memory = "96MiB" }
priority = 9

[tasks.small]
program = "busy.wasm"
limits = { memory = "32MiB" }
"#;

#[test]
fn what_no_worker_can_hold_waits_for_a_larger_one_and_keeps_nothing_back() {
    let installation = Installation::new();
    let up = control(&installation);
    let said = installation.deploy(&up, LARGE_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(&installation, &up, "worker");
    let sized = |name: &str, memory: &str| {
        let mut command = command(&installation, &up, name, &token);
        command.args(["--memory", memory]).stderr(Stdio::null());
        Worker(command.spawn().expect("wfctl starts"))
    };
    let _small = sized("small", "64MiB");
    let run = installation.trigger(&up, "large");
    let api = up.api();
    let asked = |task: &str| api.get(&format!("/runs/{run}/tasks/{task}/0"));
    let mut questions = 0..MOST_QUESTIONS;
    while asked("small")["state"] != "success" {
        assert!(questions.next().is_some(), "it is never done");
        pass(Duration::from_millis(10));
    }
    let why = installation.client(&up, &["tasks", "why", &run, "large"]);
    for words in [
        "no worker of the queue default can hold it",
        "96MiB",
        "64MiB",
    ] {
        assert!(why.stdout.contains(words), "{words}: {why:?}");
    }
    let waits = || {
        let queues = installation.list(&up, &["queues"]);
        queues
            .into_iter()
            .find(|queue| queue["name"] == "default, too large")
    };
    let shown = loop {
        if let Some(shown) = waits() {
            break shown;
        }
        assert!(questions.next().is_some(), "no page counts it");
        pass(Duration::from_millis(10));
    };
    assert_eq!((&shown["ready"], &shown["workers"]), (&1.into(), &0.into()));
    let _large = sized("large", "96MiB");
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let large = asked("large");
    assert_eq!(
        (&large["worker"], &large["attempt"]),
        (&"large".into(), &1.into())
    );
}

#[test]
fn a_worker_that_is_not_let_in_says_why_and_ends() {
    let installation = Installation::new();
    let up = control(&installation);
    let viewer = token(&installation, &up, "viewer");
    let wrong = installation.path("wrong.token");
    fs::write(&wrong, "weft_0000\n").expect("there is room");
    for file in [viewer, wrong] {
        let Output { status, stderr, .. } = command(&installation, &up, "far", &file)
            .output()
            .expect("wfctl starts");
        let stderr = String::from_utf8(stderr).expect("UTF-8");
        assert_eq!(status.code(), Some(4), "{stderr}");
        assert!(stderr.contains("--role worker"), "{stderr}");
        assert!(!stderr.contains("weft_0000"), "{stderr}");
    }
}

#[test]
fn a_trusted_worker_goes_through_a_server_that_has_no_other_way() {
    let installation = Installation::new();
    let up = control(&installation);
    let said = installation.deploy(&up, LONG_DAG.replace("long.wasm", "busy.wasm").as_str());
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(&installation, &up, "trusted-worker");
    let mut only_direct = command(&installation, &up, "only", &token);
    let said = only_direct.args(["--way", "direct"]).output();
    let said = said.expect("wfctl starts");
    let text = String::from_utf8_lossy(&said.stderr);
    assert_eq!(said.status.code(), Some(2), "{text}");
    assert!(text.contains("the server has no Redis"), "{text}");
    let worker = Worker::start(&installation, &up, "far", &token);
    let said = installation.client(&up, &["runs", "trigger", "long", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(worker.terminate().success());
    let said = fs::read_to_string(installation.path("far.log")).expect("it said something");
    assert!(said.contains("attempts come through the server"), "{said}");
    assert!(said.contains("the server has no Redis"), "{said}");
}
