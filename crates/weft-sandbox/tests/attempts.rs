//! Attempts as the sandbox's caller sees them, with a guest that does one thing or another.

use std::{sync::Arc, time::Duration};
use weft_core::{limit::Limits, policy::Granted, time::DurationMs};
use weft_sandbox::{
    AttemptFailure, AttemptOutcome, AttemptReport, AttemptRequest, CancelSignal, ConnectionScope,
    DeferUntil, Entry, EventSink, FailureKind, Guest, GuestEvent, LoadError, NoArtifacts,
    NoVariables, Sandbox, SandboxOptions, Services,
};

fn sandbox() -> Sandbox {
    let options = SandboxOptions {
        max_instances: 4,
        max_memory_bytes: 256 << 20,
        ..SandboxOptions::default()
    };
    Sandbox::new(options).expect("the machine has address space")
}

async fn guest(sandbox: &Sandbox) -> Guest {
    let wasm = wat::parse_str(include_str!("guest.wat")).expect("the guest is well-formed");
    sandbox.load(wasm).await.expect("the guest loads")
}

fn request(guest: &Guest, task: &str, input: &str, limits: Limits) -> AttemptRequest {
    AttemptRequest {
        guest: guest.clone(),
        entry: Entry::Task {
            name: task.to_owned(),
            inputs: vec![("x".to_owned(), input.into())],
        },
        attempt: r#"{"logical_date":"2026-11-21T06:00:00Z","idempotency_key":"k"}"#.to_owned(),
        resumed: None,
        grants: Granted::default(),
        limits,
        deterministic: false,
        services: Services {
            events: EventSink::discard(),
            artifacts: Arc::new(NoArtifacts),
            variables: Arc::new(NoVariables),
        },
        scratch_root: std::env::temp_dir(),
        connection_scope: ConnectionScope::of_task("default", "tests", task),
        cancel: CancelSignal::new(),
    }
}

async fn run_with(task: &str, input: &str, limits: Limits) -> AttemptReport {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    sandbox.run(request(&guest, task, input, limits)).await
}

async fn run(task: &str, input: &str) -> AttemptOutcome {
    run_with(task, input, Limits::DEFAULT).await.outcome
}

fn failed(outcome: AttemptOutcome) -> AttemptFailure {
    match outcome {
        AttemptOutcome::Failed(failure) => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}

#[tokio::test]
async fn an_output_comes_back_as_it_is() {
    for output in [r#"{"a":[1,2.5,"\u0000","ü"]}"#, "null", " 1 "] {
        let expected = AttemptOutcome::Success {
            output: output.to_owned(),
        };
        assert_eq!(run("echo", output).await, expected);
    }
}

#[tokio::test]
async fn control_documents_become_outcomes() {
    let skipped = run("control", r#"{"kind":"skip","reason":"nothing new"}"#).await;
    assert_eq!(
        skipped,
        AttemptOutcome::Skipped {
            reason: Some("nothing new".into())
        }
    );
    let branch = run("control", r#"{"kind":"branch","tasks":["a"],"output":7}"#).await;
    assert_eq!(
        branch,
        AttemptOutcome::Branch {
            tasks: vec!["a".into()],
            output: "7".into()
        }
    );
    let deferred = run("control", r#"{"kind":"defer","after_ms":50,"state":[1]}"#).await;
    let until = DeferUntil::After(DurationMs(50));
    assert_eq!(
        deferred,
        AttemptOutcome::Deferred {
            until,
            state: "[1]".into()
        }
    );
    let unknown = failed(run("control", r#"{"kind":"dance"}"#).await);
    assert_eq!(unknown.kind, FailureKind::InvalidOutput);
    assert!(unknown.message.contains("dance"), "{}", unknown.message);
}

#[tokio::test]
async fn an_authors_failure_keeps_its_words_and_wishes() {
    let failure = failed(run("fail", "").await);
    assert_eq!(failure.kind, FailureKind::Author);
    assert_eq!(failure.message, "the author's words");
    assert_eq!(failure.retry_after, Some(DurationMs(5)));
    assert!(failure.retryable);
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    for output in ["{", r#"{"a":1,"a":1}"#, r#""\ud800""#, "1 2"] {
        let failure = failed(run("echo", output).await);
        assert_eq!(failure.kind, FailureKind::InvalidOutput, "{output}");
    }
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    assert_eq!(
        failed(run("echo", &deep).await).kind,
        FailureKind::InvalidOutput
    );
    assert_eq!(
        failed(run("invalid", "").await).kind,
        FailureKind::InvalidOutput
    );
}

#[tokio::test]
async fn an_output_beyond_its_limit_is_refused_with_the_figure() {
    let limits = Limits {
        output_bytes: 10,
        ..Limits::DEFAULT
    };
    let fits = run_with("echo", "\"12345678\"", limits).await.outcome;
    assert_eq!(
        fits,
        AttemptOutcome::Success {
            output: "\"12345678\"".into()
        }
    );
    let failure = failed(run_with("echo", "\"123456789\"", limits).await.outcome);
    assert_eq!(failure.kind, FailureKind::OutputLimit);
    assert!(
        failure.message.contains("10B") && failure.message.contains("limits.output"),
        "{}",
        failure.message
    );
    let huge = failed(run("huge", "").await);
    assert_eq!(huge.kind, FailureKind::OutputLimit);
}

#[tokio::test]
async fn an_endless_loop_ends_by_the_clock() {
    let limits = Limits {
        timeout_ms: 50,
        ..Limits::DEFAULT
    };
    let report = run_with("loop", "", limits).await;
    let failure = failed(report.outcome);
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(
        failure.message.contains("50ms") && failure.message.contains("timeout"),
        "{}",
        failure.message
    );
    assert!(report.usage.wall >= Duration::from_millis(50));
}

#[tokio::test]
async fn an_endless_loop_ends_by_its_cpu_time() {
    let limits = Limits {
        cpu_ms: 30,
        ..Limits::DEFAULT
    };
    let report = run_with("loop", "", limits).await;
    let failure = failed(report.outcome);
    assert_eq!(failure.kind, FailureKind::CpuLimit);
    assert!(
        failure.message.contains("limits.cpu"),
        "{}",
        failure.message
    );
    assert!(
        report.usage.cpu >= Duration::from_millis(30),
        "{:?}",
        report.usage
    );
}

#[tokio::test]
async fn a_busy_guest_does_not_starve_its_neighbours() {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    let limits = Limits {
        timeout_ms: 300,
        ..Limits::DEFAULT
    };
    let busy = sandbox.run(request(&guest, "loop", "", limits));
    let quick = sandbox.run(request(&guest, "echo", "1", Limits::DEFAULT));
    tokio::pin!(busy);
    // Both on the one thread of this test: the loop must give way for the other to end first.
    tokio::select! {
        report = &mut busy => panic!("the loop ended first: {report:?}"),
        report = quick => assert_eq!(report.outcome, AttemptOutcome::Success { output: "1".into() }),
    }
    assert_eq!(failed(busy.await.outcome).kind, FailureKind::Timeout);
}

#[tokio::test]
async fn memory_and_tables_are_bounded_and_the_failure_says_so() {
    let limits = Limits {
        memory_bytes: 8 << 20,
        ..Limits::DEFAULT
    };
    let report = run_with("grow", "", limits).await;
    let failure = failed(report.outcome);
    assert_eq!(failure.kind, FailureKind::MemoryLimit);
    assert!(
        failure.message.contains("8MiB") && failure.message.contains("limits.memory"),
        "{}",
        failure.message
    );
    assert!(report.usage.memory_peak_bytes <= 8 << 20);
    assert!(report.usage.memory_peak_bytes > 6 << 20);
    let table = failed(run("table", "").await);
    assert_eq!(table.kind, FailureKind::TableLimit);
    assert!(table.message.contains("100000"), "{}", table.message);
}

#[tokio::test]
async fn a_guest_whose_first_memory_is_too_large_says_so() {
    let limits = Limits {
        memory_bytes: 65536,
        ..Limits::DEFAULT
    };
    let failure = failed(run_with("echo", "1", limits).await.outcome);
    assert_eq!(
        failure.kind,
        FailureKind::MemoryLimit,
        "{}",
        failure.message
    );
}

#[tokio::test]
async fn traps_are_distinguished() {
    let deep = failed(run("stack", "").await);
    assert_eq!(deep.kind, FailureKind::StackOverflow);
    assert!(deep.message.contains("512KiB"), "{}", deep.message);
    assert!(deep.backtrace.is_some_and(|trace| trace.len() <= 16 << 10));
    let unreachable = failed(run("unknown", "").await);
    assert_eq!(unreachable.kind, FailureKind::Trap);
    assert!(unreachable.backtrace.is_some());
    let outside = failed(run("outside", "").await);
    assert_eq!(outside.kind, FailureKind::InvalidOutput);
}

#[tokio::test]
async fn log_lines_arrive_in_order_and_a_slow_reader_makes_the_guest_wait() {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    let (sink, mut events) = EventSink::channel(1);
    let mut request = request(&guest, "write", "", Limits::DEFAULT);
    request.services.events = sink;
    let read = async {
        let mut seen = Vec::new();
        while let Some(event) = events.next().await {
            seen.push(event);
        }
        seen
    };
    let (report, seen) = tokio::join!(sandbox.run(request), read);
    assert_eq!(
        report.outcome,
        AttemptOutcome::Success { output: "5".into() }
    );
    assert_eq!(report.usage.log_bytes, 60);
    assert_eq!(seen.len(), 10);
    assert!(
        seen.iter()
            .all(|event| matches!(event, GuestEvent::Log { message, .. } if message == "a line"))
    );
}

#[tokio::test]
async fn a_deterministic_attempt_costs_the_same_fuel_each_time() {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    let mut fuel = Vec::new();
    for _ in 0..2 {
        let mut request = request(&guest, "echo", "[1,2,3]", Limits::DEFAULT);
        request.deterministic = true;
        let report = sandbox.run(request).await;
        assert_eq!(
            report.outcome,
            AttemptOutcome::Success {
                output: "[1,2,3]".into()
            }
        );
        fuel.push(report.usage.fuel.expect("it is counted"));
    }
    assert!(fuel[0] > 0 && fuel[0] == fuel[1], "{fuel:?}");
    let mut endless = request(
        &guest,
        "loop",
        "",
        Limits {
            cpu_ms: 20,
            ..Limits::DEFAULT
        },
    );
    endless.deterministic = true;
    assert_eq!(
        failed(sandbox.run(endless).await.outcome).kind,
        FailureKind::CpuLimit
    );
}

#[tokio::test]
async fn a_failure_after_a_cancel_is_a_cancellation() {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    let request = request(&guest, "fail", "", Limits::DEFAULT);
    request.cancel.cancel();
    let failure = failed(sandbox.run(request).await.outcome);
    assert_eq!(failure.kind, FailureKind::Cancelled);
    assert!(!failure.retryable);
}

#[tokio::test]
async fn dropping_a_run_frees_its_slot() {
    let sandbox = Sandbox::new(SandboxOptions {
        max_instances: 1,
        ..SandboxOptions::default()
    })
    .unwrap();
    let guest = guest(&sandbox).await;
    for _ in 0..20 {
        let endless = sandbox.run(request(&guest, "loop", "", Limits::DEFAULT));
        assert!(
            tokio::time::timeout(Duration::from_millis(1), endless)
                .await
                .is_err()
        );
    }
    let after = sandbox
        .run(request(&guest, "echo", "1", Limits::DEFAULT))
        .await;
    assert_eq!(
        after.outcome,
        AttemptOutcome::Success { output: "1".into() }
    );
}

#[tokio::test]
async fn describe_returns_the_document() {
    let sandbox = sandbox();
    let guest = guest(&sandbox).await;
    let document = sandbox.describe(&guest).await.unwrap();
    assert_eq!(document, r#"{"contract":"weft.dag/1","dags":[]}"#);
    let tight = SandboxOptions {
        describe_bytes: 10,
        ..SandboxOptions::default()
    };
    let sandbox = Sandbox::new(tight).expect("the machine has address space");
    let guest = self::guest(&sandbox).await;
    let error = sandbox.describe(&guest).await.unwrap_err();
    assert!(error.to_string().contains("10 bytes"), "{error}");
}

async fn refusal(text: &[u8]) -> LoadError {
    sandbox()
        .load(text.to_vec())
        .await
        .expect_err("it must be refused")
}

#[tokio::test]
async fn files_that_are_no_guests_are_refused_in_clear_words() {
    let wat = |text| wat::parse_str(text).expect("the text is well-formed");
    assert!(matches!(refusal(b"{}").await, LoadError::NotWasm { .. }));
    assert!(matches!(refusal(b"").await, LoadError::NotWasm { .. }));
    assert!(matches!(
        refusal(b"\0asm\x0d\0\x01").await,
        LoadError::Malformed { .. }
    ));
    assert!(matches!(
        refusal(&wat("(module)")).await,
        LoadError::NoStart
    ));
    assert!(matches!(
        refusal(&wat("(component)")).await,
        LoadError::NothingToRun { .. }
    ));
    let whole = wat(include_str!("guest.wat"));
    for end in [whole.len() / 4, whole.len() / 2, whole.len() - 1] {
        assert!(
            matches!(refusal(&whole[..end]).await, LoadError::Malformed { .. }),
            "cut at {end}"
        );
    }
    let container = weft_sandbox::container::pack("{}", &[]).unwrap();
    assert!(matches!(refusal(&container).await, LoadError::Container));
}

#[tokio::test]
async fn imports_that_are_not_offered_are_named() {
    let text = include_str!("guest.wat");
    let foreign = text.replace("weft:dag/log@0.1.0", "acme:db/query@1.0.0");
    let error = refusal(&wat::parse_str(foreign).unwrap()).await.to_string();
    assert!(error.contains("acme:db/query@1.0.0"), "{error}");
    let newer = text.replace("weft:dag/log@0.1.0", "weft:dag/log@0.9.0");
    let error = refusal(&wat::parse_str(newer).unwrap()).await.to_string();
    assert!(error.contains("newer Weft"), "{error}");
    let function = text.replace("\"write\"", "\"write-twice\"");
    let error = refusal(&wat::parse_str(function).unwrap()).await;
    assert!(
        matches!(&error, LoadError::UnknownImports { imports } if imports[0].contains("write-twice")),
        "{error}"
    );
}

#[tokio::test]
async fn the_same_file_is_the_same_guest() {
    let sandbox = sandbox();
    let wasm = wat::parse_str(include_str!("guest.wat")).unwrap();
    let (one, two) = tokio::join!(sandbox.load(wasm.clone()), sandbox.load(wasm.clone()));
    assert_eq!(one.unwrap().digest(), two.unwrap().digest());
    let inspection = weft_sandbox::inspect(&wasm).unwrap();
    assert_eq!(inspection.imports[0].name, "weft:dag/log@0.1.0");
    assert_eq!(inspection.exports, ["weft:dag/tasks@0.1.0"]);
}
