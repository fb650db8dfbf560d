//! `describe`, called on untrusted files.

use crate::{
    case::{Neighbour, OVERHEAD_BYTES, on_runtime},
    wat_guest::{describe_component, module_as_component},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_core::document::{Format, Source, parse};
use weft_sandbox::{DescribeError, Sandbox, SandboxOptions};
use weft_tests::{guests, isolated, residency};

/// Describes a guest beside a neighbour, and checks what the process holds meanwhile.
fn describe(guest: Vec<u8>) -> (Result<String, DescribeError>, Duration) {
    describe_within(guest, Duration::from_secs(3))
}

fn describe_within(guest: Vec<u8>, limit: Duration) -> (Result<String, DescribeError>, Duration) {
    let options = SandboxOptions {
        describe_timeout: limit,
        ..SandboxOptions::default()
    };
    let allowed = options.describe_memory_bytes + OVERHEAD_BYTES;
    on_runtime(async {
        let sandbox = Sandbox::new(options).expect("a sandbox can be made");
        let neighbour = Neighbour::new(&sandbox).await;
        let guest = sandbox.load(guest).await.expect("the guest loads");
        neighbour.run().await;
        let before = residency::now_bytes();
        residency::reset_peak();
        let started = Instant::now();
        let describing = tokio::spawn({
            let sandbox = sandbox.clone();
            async move { (sandbox.describe(&guest).await, started.elapsed()) }
        });
        while !describing.is_finished() {
            neighbour.run().await;
        }
        let answer = describing.await.expect("describing a guest never panics");
        let growth = residency::peak_bytes().saturating_sub(before);
        assert!(
            growth <= allowed,
            "the process grew by {} MiB, {} are allowed",
            growth >> 20,
            allowed >> 20
        );
        neighbour.run().await;
        answer
    })
}

#[test]
fn describes_an_honest_guest() {
    isolated!(|| {
        let (answer, _) = describe(guests::read("guest_plain"));
        let text = answer.expect("the guest describes itself");
        let document = parse(Source {
            name: "describe",
            text: &text,
            format: Format::Json,
        })
        .expect("a valid document");
        assert_eq!(document.dags[0].id.as_str(), "plain");
    });
}

#[test]
fn describe_that_loops() {
    isolated!(|| {
        let (answer, took) = describe(guests::read("guest_describe_loop"));
        let error = answer.expect_err("it never ends");
        assert!(matches!(error, DescribeError::Timeout { .. }), "{error:?}");
        assert!(
            error.to_string().contains("did not end within 3s"),
            "{error}"
        );
        assert!(took < Duration::from_secs(15), "{took:?}");
    });
}

#[test]
fn describe_of_ten_million_tasks() {
    isolated!(|| {
        let (answer, _) =
            describe_within(guests::read("guest_describe_huge"), Duration::from_secs(90));
        let error = answer.expect_err("it is too large");
        assert!(matches!(error, DescribeError::TooLarge { .. }), "{error:?}");
        assert!(
            error.to_string().contains("document of more than "),
            "{error}"
        );
    });
}

#[test]
fn describe_that_waits_for_ever_as_it_starts() {
    isolated!(|| {
        let guest = module_as_component(
            r#"(module
                (memory (export "memory") 1)
                (func $spin (loop $again (br $again)))
                (start $spin)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
                (func (export "weft:dag/tasks@0.1.0#describe") (result i32) unreachable)
                (func (export "weft:dag/tasks@0.1.0#run") (param i32 i32 i32 i32) (result i32) unreachable))"#,
        );
        let (answer, _) = describe(guest);
        let error = answer.expect_err("it never starts");
        assert!(matches!(error, DescribeError::Timeout { .. }), "{error:?}");
    });
}

#[test]
fn describe_that_traps() {
    isolated!(|| {
        let (answer, _) = describe(describe_component("unreachable"));
        let error = answer.expect_err("it traps");
        assert!(matches!(error, DescribeError::Trap { .. }), "{error:?}");
        assert!(error.to_string().contains("aborted"), "{error}");
    });
}

/// Results that point outside the guest's memory, and text that is none.
#[test]
fn describe_that_lies_about_its_result() {
    isolated!(|| {
        let lies = [
            ("an address beyond the memory", "(i32.const 0x7ffffff0)"),
            ("an address that is not aligned", "(i32.const 257)"),
            (
                "a length beyond the memory",
                "(i32.store8 (i32.const 256) (i32.const 0)) (i32.store (i32.const 260) (i32.const 32))
                 (i32.store (i32.const 264) (i32.const 0x7fffffff)) (i32.const 256)",
            ),
            ("a case that there is not", "(i32.store8 (i32.const 256) (i32.const 9)) (i32.const 256)"),
            (
                "bytes that are no UTF-8",
                "(i32.store8 (i32.const 256) (i32.const 0)) (i32.store (i32.const 32) (i32.const 0xfffefffe))
                 (i32.store (i32.const 260) (i32.const 32)) (i32.store (i32.const 264) (i32.const 4)) (i32.const 256)",
            ),
        ];
        for (lie, body) in lies {
            let (answer, _) = describe(describe_component(body));
            let error = answer.expect_err(lie);
            assert!(
                matches!(
                    error,
                    DescribeError::Trap { .. } | DescribeError::InvalidText { .. }
                ),
                "{lie}: {error:?}"
            );
        }
    });
}

/// Nothing is granted to `describe`: its clock, its network and its folder tell it nothing.
#[test]
fn programs_do_not_describe() {
    isolated!(|| {
        for program in ["hostile-program", "hostile-module"] {
            let (answer, _) = describe(guests::read(program));
            assert!(matches!(answer, Err(DescribeError::NotTasks)), "{answer:?}");
        }
    });
}

/// Many at once share the slots with the attempts, and all of them end.
#[test]
fn many_looping_describes_at_once() {
    isolated!(|| {
        on_runtime(async {
            let options = SandboxOptions {
                describe_timeout: Duration::from_secs(1),
                max_instances: 4,
                ..SandboxOptions::default()
            };
            let sandbox = Sandbox::new(options).expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_describe_loop"))
                .await
                .expect("the guest loads");
            let guest = Arc::new(guest);
            let all: Vec<_> = (0..8)
                .map(|_| {
                    let (sandbox, guest) = (sandbox.clone(), guest.clone());
                    tokio::spawn(async move { sandbox.describe(&guest).await })
                })
                .collect();
            for one in all {
                let error = one.await.expect("no panic").expect_err("it never ends");
                assert!(matches!(error, DescribeError::Timeout { .. }), "{error:?}");
            }
            Neighbour::new(&sandbox).await.run().await;
        });
    });
}
