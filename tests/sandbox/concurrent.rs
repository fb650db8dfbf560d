//! The guest of WASI 0.3: several things in progress at once, under the same rules.

use crate::{
    case::{Case, granted_http, on_runtime, request},
    server::Server,
};
use serde_json::{Value, json};
use std::{net::Ipv4Addr, time::Duration};
use weft_core::{
    document::{Format, Source, parse},
    policy::PrivateHost,
};
use weft_sandbox::{
    AttemptOutcome, CancelSignal, Compiler, FailureKind, GuestEvent, GuestKind, LoadError, Sandbox,
    SandboxOptions, inspect,
};
use weft_tests::{guests, isolated};

fn case(task: &str) -> Case {
    Case::task_of(guests::read("guest_concurrent"), task)
}

fn output(seen: &crate::case::Seen) -> Value {
    serde_json::from_str(seen.succeeds(&[])).expect("outputs are JSON")
}

#[test]
fn the_file_says_what_it_is() {
    let found = inspect(&guests::read("guest_concurrent")).expect("the guest is a component");
    assert_eq!(found.kind, inspect::FileKind::Guest(GuestKind::AsyncTasks));
    let wasi_3 = |import: &inspect::Import| {
        import.name.starts_with("wasi:clocks/monotonic-clock@0.3") && import.not_offered.is_none()
    };
    assert!(found.imports.iter().any(wasi_3), "{:?}", found.imports);
}

#[test]
fn it_is_loaded_and_described() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions {
                compiler: Compiler::Subprocess {
                    program: env!("CARGO_BIN_EXE_weft-tests-compiler").into(),
                    args: Vec::new(),
                },
                ..SandboxOptions::default()
            })
            .expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_concurrent"))
                .await
                .expect("the guest loads");
            assert_eq!(guest.kind(), GuestKind::AsyncTasks);
            let text = sandbox
                .describe(&guest)
                .await
                .expect("the guest describes itself");
            let document = parse(Source {
                name: "describe",
                text: &text,
                format: Format::Json,
            })
            .expect("the document is valid");
            assert_eq!(document.dags[0].tasks.len(), 2);
        });
    });
}

/// Ten waits of 40 to 400 ms take as long as the longest one, and end in their own order.
#[test]
fn waits_overlap() {
    isolated!(|| {
        let seen = case("overlap").run();
        let output = output(&seen);
        assert_eq!(output["ended"], json!([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        let took = output["took_ms"].as_u64().expect("a number");
        assert!((400..2_200).contains(&took), "{took} ms");
    });
}

#[test]
fn streams_overlap() {
    isolated!(|| {
        let seen = case("streams").run();
        let output = output(&seen);
        assert_eq!(output["sum"], 24);
        let order = output["order"].as_str().expect("a text");
        assert!(order.find('r') < order.rfind('w'), "{order}");
    });
}

#[test]
fn standard_streams_are_the_log() {
    isolated!(|| {
        let seen = case("stdio").run();
        assert_eq!(output(&seen), json!({ "not_written": 0, "read": 0 }));
        let lines: Vec<&str> = seen
            .events
            .iter()
            .filter_map(|event| match event {
                GuestEvent::Log { message, .. } => Some(message.as_str()),
                GuestEvent::Progress { .. } | GuestEvent::LogTruncated { .. } => None,
            })
            .collect();
        assert_eq!(lines, ["a line by a stream", "and another"]);
    });
}

#[test]
fn files_are_the_scratch_folder() {
    isolated!(|| {
        let seen = case("files").run();
        assert_eq!(
            output(&seen),
            json!({ "size": 18, "rest": "and longer", "names": ["one", "sub"], "gone": true })
        );
    });
}

#[test]
fn requests_overlap_and_go_where_they_were_granted() {
    isolated!(|| {
        let server = Server::start();
        let host = "api.example";
        let url = format!("http://{host}:{}/ok", server.port);
        let loopback = Ipv4Addr::LOCALHOST.into();
        let get = |grants| {
            case("http_get_both")
                .input("url", format!("{url:?}"))
                .name(host, loopback)
                .grants(grants)
                .run()
        };
        // The name is granted, and leads to an address that isn't.
        let mut grants = granted_http(&[&format!("http://{host}:{}", server.port)]);
        get(grants.clone()).fails(FailureKind::Denied, &["127.0.0.1"]);
        assert_eq!(server.heads(), Vec::<String>::new(), "no guest connected");

        grants.private = vec![PrivateHost {
            host: grants.http[0].host.clone(),
            networks: vec!["127.0.0.0/8".parse().expect("a network")],
        }];
        let seen = get(grants);
        let both = output(&seen);
        assert_eq!(both[0], both[1]);
        assert_eq!(both[0][0], 200);
        assert_eq!(server.heads().len(), 2);
        assert_eq!(seen.report.usage.bytes_in, 4);
    });
}

#[test]
fn the_contract_is_the_same() {
    isolated!(|| {
        let attempt = case("attempt").run();
        assert_eq!(output(&attempt)["idempotency_key"], "k");
        let denied = case("variable").input("name", "\"secret\"").run();
        denied.fails(FailureKind::Denied, &["variables = [\"secret\"]"]);
        let failed = case("fail").run();
        failed.fails(FailureKind::Author, &["the author's own failure"]);
        let deterministic = case("overlap").deterministic().run();
        deterministic.fails(
            FailureKind::InvalidEntry,
            &["deterministic", "weft:dag/tasks"],
        );
    });
}

/// A caller that stops waiting leaves nothing running, and a cancelled attempt learns of it.
#[test]
fn dropped_it_ends() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions {
                max_instances: 1,
                ..SandboxOptions::default()
            })
            .expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_hostile_concurrent"))
                .await
                .expect("the guest loads");
            let mut request = request(&guest, "waits_for_ever", &[]);
            request.cancel = CancelSignal::new();
            for _ in 0..20 {
                let attempt = sandbox.run(crate::case::request(&guest, "waits_for_ever", &[]));
                let waited = tokio::time::timeout(Duration::from_millis(30), attempt).await;
                assert!(waited.is_err(), "it ended: {waited:?}");
            }
            request.limits.timeout_ms = 100;
            request.cancel.cancel();
            let report = sandbox.run(request).await;
            let AttemptOutcome::Failed(failure) = report.outcome else {
                panic!("it ended well");
            };
            assert_eq!(failure.kind, FailureKind::Cancelled);
        });
    });
}

/// A component with tasks of 0.2 gets no WASI 0.3; the problem says what to do.
#[test]
fn wasi_3_is_for_async_tasks_alone() {
    isolated!(|| {
        on_runtime(async {
            let text = r#"(component
                (import "wasi:clocks/monotonic-clock@0.3.0" (instance))
                (instance $tasks)
                (export "weft:dag/tasks@0.1.0" (instance $tasks)))"#;
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let file = wat::parse_str(text).expect("the component is valid text");
            let refused = sandbox.load(file).await.expect_err("it is refused");
            let LoadError::UnknownImports { imports } = refused else {
                panic!("{refused}");
            };
            assert!(imports[0].contains("weft:async-dag/tasks"), "{imports:?}");
        });
    });
}
