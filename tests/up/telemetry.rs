//! Traces as a collector receives them: a run is one trace.

use crate::{
    collector::{Collector, text},
    installation::{Installation, Up},
};
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use std::{collections::BTreeSet, fmt::Write as _, fs};

/// A chain, a task that is mapped, and one that fails twice.
pub(crate) const TRACED: &str = r#"
[dag]
id = "traced"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
expand = { given = { value = [1, 2] } }
after = ["first"]

[tasks.fails]
program = "talks.wasm"
retries = 1
retry_delay = "1s"
"#;

/// Prints what is its tenant's, and fails.
const TALKS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\14\00\00\00" "the tenant's secret\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))
    (call $exit (i32.const 3))))"#;

const CALLERS_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLERS_SPAN: &str = "00f067aa0ba902b7";

/// Deploys it, with its programs.
pub(crate) fn deploy(installation: &Installation, up: &Up, manifest: &str) {
    let program = wat::parse_str(TALKS).expect("it is WebAssembly");
    fs::write(installation.path("work").join("talks.wasm"), program).expect("there is room");
    let said = installation.deploy(up, manifest);
    assert_eq!(said.code, Some(0), "{said:?}");
}

fn of(span: &Span, key: &str) -> Option<String> {
    text(&span.attributes, key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text takes everything");
        hex
    })
}

#[test]
fn a_run_is_one_trace_from_its_trigger_to_its_last_task() {
    let collector = Collector::listen();
    let installation = Installation::new();
    let up = installation
        .start(&["--otlp-endpoint", collector.url()])
        .answering();
    deploy(&installation, &up, TRACED);
    let traceparent = format!("traceparent: 00-{CALLERS_TRACE}-{CALLERS_SPAN}-01");
    let answer = up
        .api()
        .ask(
            "POST",
            "/dags/traced/runs",
            &["content-type: application/json", &traceparent],
            b"{}",
        )
        .expect("it answers");
    assert_eq!(answer.status, 201, "{answer:?}");
    let run = answer.json()["id"].as_str().expect("a name").to_owned();
    let watched = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(watched.code, Some(1), "one task fails: {watched:?}");
    let token = fs::read_to_string(installation.path("data").join("admin.token"))
        .expect("it wrote its token down");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");

    let received = collector.received();
    let spans = received.spans();
    let of_run: Vec<&Span> = spans
        .iter()
        .copied()
        .filter(|span| of(span, "run").as_deref() == Some(&*run))
        .collect();
    for span in &of_run {
        assert_eq!(hex(&span.trace_id), CALLERS_TRACE, "{span:?}");
    }
    let (roots, attempts): (Vec<&Span>, Vec<&Span>) = of_run
        .iter()
        .copied()
        .partition(|span| span.name == "request");
    assert_eq!(roots.len(), 1, "{roots:?}");
    let root = roots[0];
    assert_eq!(hex(&root.parent_span_id), CALLERS_SPAN);
    assert_eq!(of(root, "http.request.method").as_deref(), Some("POST"));
    assert_eq!(attempts.len(), 5, "each attempt once: {attempts:?}");
    for attempt in &attempts {
        assert_eq!(attempt.parent_span_id, root.span_id, "{attempt:?}");
    }
    attempts_tell_what_ran(&attempts);

    // Nothing but requests and attempts: turns of the loop have no trace.
    let names: BTreeSet<&str> = spans.iter().map(|span| &*span.name).collect();
    assert_eq!(names, BTreeSet::from(["attempt", "request"]));
    assert_eq!(received.of_service("service.name").as_deref(), Some("weft"));
    assert!(received.lines() > 0, "the services' own lines are sent");
    for secret in [token.trim(), "the tenant's secret"] {
        let is_in = received
            .bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(!is_in, "{secret:?} was sent");
    }
}

/// The attempts of one run of [`TRACED`].
fn attempts_tell_what_ran(attempts: &[&Span]) {
    let seen: BTreeSet<_> = attempts
        .iter()
        .map(|span| {
            assert_eq!(span.name, "attempt");
            assert_eq!(of(span, "tenant").as_deref(), Some("default"));
            assert_eq!(of(span, "dag").as_deref(), Some("traced"));
            let waited = of(span, "queue_wait_s").expect("it waited");
            assert!(waited.parse::<f64>().expect("seconds") >= 0.0, "{waited}");
            assert!(span.end_time_unix_nano > span.start_time_unix_nano);
            let failed = span
                .status
                .as_ref()
                .is_some_and(|status| status.code() == StatusCode::Error);
            let outcome = of(span, "outcome").expect("it ended");
            assert_eq!(failed, outcome == "failed", "{span:?}");
            (
                of(span, "task").expect("of a task"),
                of(span, "map_index"),
                of(span, "number").expect("it has a number"),
                outcome,
            )
        })
        .collect();
    let attempt = |task: &str, index: Option<&str>, number: &str, outcome: &str| {
        (
            task.to_owned(),
            index.map(str::to_owned),
            number.to_owned(),
            outcome.to_owned(),
        )
    };
    let expected = BTreeSet::from([
        attempt("first", None, "1", "success"),
        attempt("second", Some("0"), "1", "success"),
        attempt("second", Some("1"), "1", "success"),
        attempt("fails", None, "1", "failed"),
        attempt("fails", None, "2", "failed"),
    ]);
    assert_eq!(seen, expected);
}

/// A scheduled run has a trace as well, which begins with its making.
#[test]
fn a_scheduled_run_is_one_trace_too() {
    let collector = Collector::listen();
    let installation = Installation::new();
    let up = installation
        .start(&["--otlp-endpoint", collector.url()])
        .answering();
    let manifest = TRACED.replace("id = \"traced\"", "id = \"often\"\nschedule = \"every 1s\"");
    deploy(&installation, &up, &manifest);
    let run = loop {
        if let Some(run) = installation.list(&up, &["runs", "list"]).first() {
            break run["id"].as_str().expect("it has a name").to_owned();
        }
    };
    let watched = installation.client(&up, &["runs", "watch", &run]);
    assert_eq!(watched.code, Some(1), "one task fails: {watched:?}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    let received = collector.received();
    let spans = received.spans();
    let of_run: Vec<_> = spans
        .iter()
        .filter(|span| of(span, "run").as_deref() == Some(&*run))
        .collect();
    let root = of_run
        .iter()
        .find(|span| span.name == "make_run")
        .expect("its making is the root");
    assert!(root.parent_span_id.is_empty(), "{root:?}");
    let attempts: Vec<_> = of_run
        .iter()
        .filter(|span| span.name == "attempt")
        .collect();
    assert_eq!(attempts.len(), 5);
    for attempt in attempts {
        assert_eq!(attempt.trace_id, root.trace_id);
        assert_eq!(attempt.parent_span_id, root.span_id);
    }
}

#[test]
fn a_collector_that_is_not_there_holds_up_nothing() {
    let installation = Installation::new();
    // Nothing listens on the discard port of this machine.
    let up = installation
        .start(&["--otlp-endpoint", "http://127.0.0.1:9"])
        .answering();
    deploy(&installation, &up, TRACED);
    let said = installation.client(&up, &["runs", "trigger", "traced", "--watch"]);
    assert_eq!(said.code, Some(1), "one task fails: {said:?}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
