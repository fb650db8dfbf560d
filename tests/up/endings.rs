//! SIGTERM: what runs may end within the time that was set, and no longer. And what ends
//! a guest by a signal of the processor ends nothing else.

use crate::{
    api::Api,
    installation::{Installation, Up},
};
use std::time::{Duration, Instant};

/// A task of `guest_plain` that sleeps.
fn sleeping(ms: u64) -> String {
    format!(
        "[dag]\nid = \"slow\"\n\n[tasks.sleep]\ncomponent = \"guest_plain.wasm\"\nretries = 0\n\
         inputs = {{ ms = {{ value = {ms} }} }}\n\n[tasks.log]\ncomponent = \"guest_plain.wasm\"\nafter = [\"sleep\"]\n"
    )
}

/// Starts a run of it, and returns once its task runs.
fn started(installation: &Installation, up: &Up, ms: u64) -> String {
    let said = installation.deploy_with(up, "guest_plain", &sleeping(ms));
    assert_eq!(said.code, Some(0), "{said:?}");
    let api = up.api();
    let json = ["content-type: application/json"];
    let run = api.ask("POST", "/dags/slow/runs", &json, b"{}");
    let run = run.expect("it answers").json();
    let run = run["id"].as_str().expect("a run has an id").to_owned();
    while state(&api, &run, "sleep").0 != "running" {}
    run
}

/// State of an instance, and the number of its attempt.
fn state(api: &Api, run: &str, task: &str) -> (String, u64) {
    let found = api.ask("GET", &format!("/runs/{run}/tasks/{task}/0"), &[], b"");
    let found = found.expect("it answers");
    if found.status == 404 {
        return ("waiting".to_owned(), 0);
    }
    let found = found.json();
    let state = found["state"].as_str().expect("a state").to_owned();
    (state, found["attempt"].as_u64().expect("a number"))
}

#[test]
fn what_runs_may_end_within_the_drain() {
    let installation = Installation::new();
    let up = installation.start(&["--drain", "2m"]).answering();
    let run = started(&installation, &up, 1_500);
    let asked = Instant::now();
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    assert!(
        asked.elapsed() < Duration::from_mins(1),
        "it waited for nothing"
    );
    assert!(!said.contains("not every task ended"), "{said}");
    let up = installation.up();
    // It ended in the process that was asked to end, and was committed there.
    assert_eq!(state(&up.api(), &run, "sleep"), ("success".into(), 1));
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(state(&up.api(), &run, "log"), ("success".into(), 1));
}

#[test]
fn what_runs_on_is_given_up_when_the_drain_is_over_and_tried_again() {
    let installation = Installation::new();
    let up = installation.start(&["--drain", "1s"]).answering();
    let run = started(&installation, &up, 3_600_000);
    let asked = Instant::now();
    let (status, said) = up.terminate();
    let took = asked.elapsed();
    assert!(status.success(), "{said}");
    assert!(said.contains("not every task ended"), "{said}");
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(20),
        "it ended after {took:?}"
    );
    let up = installation.up();
    let api = up.api();
    // The author's retries are for the author's errors: there are none, and it goes on.
    while state(&api, &run, "sleep") != ("running".into(), 2) {}
    let attempts = api.get(&format!("/runs/{run}/tasks/sleep/0/attempts"));
    assert_eq!(attempts[0]["end"], "lost", "{attempts}");
    let cancelled = api.ask("POST", &format!("/runs/{run}/cancel"), &[], b"");
    assert_eq!(cancelled.expect("it answers").status, 202);
    installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(api.get(&format!("/runs/{run}"))["state"], "cancelled");
}

#[test]
fn an_idle_process_ends_at_once() {
    let installation = Installation::new();
    let up = installation.up();
    assert_eq!(up.api().all("/runs").len(), 0);
    let asked = Instant::now();
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(10), "{said}");
}

/// Programs that the processor stops: by an instruction that is none, an address that isn't
/// theirs, a division by nothing.
const FALLING: [(&str, &str); 3] = [
    ("nowhere", "unreachable"),
    ("outside", "(drop (i32.load (i32.const 0x7fff_0000)))"),
    (
        "divided",
        "(drop (i32.div_s (i32.const 1) (i32.load (i32.const 0))))",
    ),
];

#[test]
fn a_guest_that_traps_ends_alone() {
    let installation = Installation::new();
    let up = installation.up();
    let mut manifest = "[dag]\nid = \"falling\"\n".to_owned();
    for (name, body) in FALLING {
        let text =
            format!("(module (memory (export \"memory\") 1) (func (export \"_start\") {body}))");
        let program = wat::parse_str(text).expect("it is WebAssembly");
        let file = installation.path("work").join(format!("{name}.wasm"));
        std::fs::write(file, program).expect("there is room");
        let task = format!(
            "\n[tasks.{name}]\nprogram = \"{name}.wasm\"\nretries = 2\nretry_delay = \"1ms\"\n"
        );
        manifest.push_str(&task);
    }
    manifest.push_str("\n[tasks.good]\nprogram = \"busy.wasm\"\n");
    let said = installation.deploy(&up, &manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = installation.trigger(&up, "falling");
    let said = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let api = up.api();
    for (name, _) in FALLING {
        let task = api.get(&format!("/runs/{run}/tasks/{name}/0"));
        assert_eq!(task["state"], "failed", "{task}");
        assert_eq!(task["error"]["code"], "trap", "{task}");
    }
    assert_eq!(state(&api, &run, "good"), ("success".into(), 1));
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
}
