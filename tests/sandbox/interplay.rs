//! Many attempts in one sandbox: none starves, nothing leaks from one to the
//! next, and a caller that stops waiting leaves nothing running.

use crate::{
    case::{Neighbour, on_runtime, program_entry, request},
    wat_guest::tasks_component,
};
use std::{
    fs,
    time::{Duration, Instant},
};
use weft_sandbox::{AttemptOutcome, CancelSignal, Compiler, FailureKind, Sandbox, SandboxOptions};
use weft_tests::{guests, isolated, residency};

/// More loops than threads: everyone gets a turn all the same.
#[test]
fn endless_loops_on_every_thread() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let neighbour = Neighbour::new(&sandbox).await;
            let guest = sandbox
                .load(guests::read("guest_hostile"))
                .await
                .expect("the guest loads");
            let loops: Vec<_> = (0..8)
                .map(|_| {
                    let mut request = request(&guest, "endless_loop", &[]);
                    request.limits.timeout_ms = 2_000;
                    let sandbox = sandbox.clone();
                    tokio::spawn(async move { sandbox.run(request).await })
                })
                .collect();
            let started = Instant::now();
            let mut longest = Duration::ZERO;
            let mut runs = 0;
            while loops.iter().any(|one| !one.is_finished()) {
                longest = longest.max(neighbour.run().await);
                runs += 1;
            }
            assert!(
                runs >= 5,
                "the neighbour ran {runs} times, the longest took {longest:?}"
            );
            assert!(
                started.elapsed() < Duration::from_secs(15),
                "{:?}",
                started.elapsed()
            );
            for one in loops {
                let AttemptOutcome::Failed(failure) = one.await.expect("no panic").outcome else {
                    panic!("a loop ended")
                };
                assert_eq!(failure.kind, FailureKind::Timeout);
            }
        });
    });
}

/// A pooled memory is somebody else's the next time: nothing of it may be seen.
#[test]
fn memory_is_clean_for_the_next_attempt() {
    isolated!(|| {
        // 'fill' (4 bytes) writes a mark all over memory that it takes; 'check' (5 bytes) looks for it.
        let fields = r"
            (global $at (mut i32) (i32.const 0))
            (func $run (result i32)
                (drop (memory.grow (i32.const 500)))
                (global.set $at (i32.const 65536))
                (if (i32.eq (global.get $name_bytes) (i32.const 4))
                    (then (memory.fill (i32.const 65536) (i32.const 0x5e) (i32.const 32768000)))
                    (else
                        (loop $next
                            (if (i64.ne (i64.load (global.get $at)) (i64.const 0)) (then unreachable))
                            (global.set $at (i32.add (global.get $at) (i32.const 8)))
                            (br_if $next (i32.lt_u (global.get $at) (i32.const 32768000))))))
                (i32.const 128))";
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let guest = sandbox
                .load(tasks_component(fields))
                .await
                .expect("the guest loads");
            for _ in 0..20 {
                for task in ["fill", "check"] {
                    let report = sandbox.run(request(&guest, task, &[])).await;
                    assert_eq!(
                        report.outcome,
                        AttemptOutcome::Success {
                            output: "null".into()
                        },
                        "{task}"
                    );
                }
            }
        });
    });
}

/// Memory that attempts used goes back to the system.
#[test]
fn memory_does_not_pile_up() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_hostile"))
                .await
                .expect("the guest loads");
            let before = residency::now_bytes();
            for _ in 0..30 {
                let report = sandbox.run(request(&guest, "memory_growth", &[])).await;
                assert!(matches!(report.outcome, AttemptOutcome::Failed(_)));
            }
            let growth = residency::now_bytes().saturating_sub(before);
            assert!(
                growth <= 48 << 20,
                "{} MiB stay after the attempts",
                growth >> 20
            );
        });
    });
}

/// Dropping the future kills the guest, whatever it does at that time.
#[test]
fn dropped_attempts_are_gone() {
    isolated!(|| {
        on_runtime(async {
            let scratch = tempfile::tempdir().expect("there is room for a folder");
            let options = SandboxOptions {
                max_instances: 2,
                ..SandboxOptions::default()
            };
            let sandbox = Sandbox::new(options).expect("a sandbox can be made");
            let hostile = sandbox
                .load(guests::read("guest_hostile"))
                .await
                .expect("the guest loads");
            let program = sandbox
                .load(guests::read("hostile-program"))
                .await
                .expect("the guest loads");
            let module = sandbox
                .load(guests::read("hostile-module"))
                .await
                .expect("the guest loads");
            for turn in 0..6u64 {
                for task in [
                    "endless_loop",
                    "blocked_host_call",
                    "endless_poll",
                    "log_flood",
                    "memory_growth",
                ] {
                    let run = sandbox.run(request(&hostile, task, &[]));
                    // Whether it ends by itself or is dropped does not matter here.
                    tokio::time::timeout(Duration::from_millis(turn * 7), run)
                        .await
                        .ok();
                }
                for guest in [&program, &module] {
                    for behaviour in ["fill_scratch", "million_files", "endless_stdout"] {
                        let mut request = request(guest, "", &[]);
                        request.scratch_root = scratch.path().to_owned();
                        request.entry = program_entry(behaviour);
                        tokio::time::timeout(Duration::from_millis(turn * 7), sandbox.run(request))
                            .await
                            .ok();
                    }
                }
            }
            // Both slots are free again.
            let neighbour = Neighbour::new(&sandbox).await;
            tokio::join!(neighbour.run(), neighbour.run());
            drop(sandbox);
            let patience = Instant::now();
            loop {
                let left: Vec<_> = fs::read_dir(scratch.path())
                    .expect("the folder is there")
                    .flatten()
                    .collect();
                if left.is_empty() {
                    break;
                }
                assert!(
                    patience.elapsed() < Duration::from_secs(20),
                    "{left:?} was left behind"
                );
                tokio::task::yield_now().await;
            }
        });
    });
}

/// A guest that is asked to stop and does gets no time beyond its own.
#[test]
fn cancelling_is_asking() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_plain"))
                .await
                .expect("the guest loads");
            let cancel = CancelSignal::new();
            let mut request = request(&guest, "sleep_until_cancelled", &[]);
            request.cancel = cancel.clone();
            let running = tokio::spawn({
                let sandbox = sandbox.clone();
                async move { sandbox.run(request).await }
            });
            Neighbour::new(&sandbox).await.run().await;
            assert!(!running.is_finished(), "it waits to be asked");
            cancel.cancel();
            let report = running.await.expect("no panic");
            let AttemptOutcome::Failed(failure) = report.outcome else {
                panic!("{report:?}")
            };
            assert_eq!(failure.kind, FailureKind::Cancelled, "{failure:?}");
        });
    });
}

/// Its events are not read: the guest waits at its bound, and its timeout holds.
#[test]
fn events_without_a_reader() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = Sandbox::new(SandboxOptions::default()).expect("a sandbox can be made");
            let guest = sandbox
                .load(guests::read("guest_hostile"))
                .await
                .expect("the guest loads");
            for task in ["log_flood", "stdout_flood", "progress_flood"] {
                let (events, _unread) = weft_sandbox::EventSink::channel(4);
                let mut request = request(&guest, task, &[]);
                request.services.events = events;
                request.limits.timeout_ms = 500;
                let started = Instant::now();
                let report = sandbox.run(request).await;
                assert!(
                    started.elapsed() < Duration::from_secs(10),
                    "{task}: {:?}",
                    started.elapsed()
                );
                if let AttemptOutcome::Failed(failure) = report.outcome {
                    assert_eq!(failure.kind, FailureKind::Timeout, "{task}");
                }
            }
        });
    });
}

/// The cache is only ever read where it is what this program wrote: anything else is compiled anew.
#[test]
fn a_tampered_cache() {
    isolated!(|| {
        let cache = tempfile::tempdir().expect("there is room for a folder");
        let options = || SandboxOptions {
            cache_dir: Some(cache.path().to_owned()),
            compiler: Compiler::Subprocess {
                program: env!("CARGO_BIN_EXE_weft-tests-compiler").into(),
                args: Vec::new(),
            },
            ..SandboxOptions::default()
        };
        let run = || {
            on_runtime(async {
                let sandbox = Sandbox::new(options()).expect("a sandbox can be made");
                Neighbour::new(&sandbox).await.run().await;
                let plain = sandbox
                    .load(guests::read("guest_plain"))
                    .await
                    .expect("the guest loads");
                let report = sandbox.run(request(&plain, "fib", &[("n", "12")])).await;
                assert_eq!(
                    report.outcome,
                    AttemptOutcome::Success {
                        output: "144".into()
                    }
                );
            });
        };
        run();
        let files = files_below(cache.path());
        let large: Vec<_> = files
            .iter()
            .filter(|path| fs::metadata(path).is_ok_and(|data| data.len() > 10_000))
            .collect();
        assert!(
            large.len() >= 2,
            "compiled code of two guests is in {files:?}"
        );

        let (first, second) = (
            fs::read(large[0]).expect("readable"),
            fs::read(large[1]).expect("readable"),
        );
        fs::write(large[0], &second).expect("writable");
        fs::write(large[1], &first).expect("writable");
        run();
        for path in files_below(cache.path()) {
            let mut bytes = fs::read(&path).expect("readable");
            for place in (0..bytes.len()).step_by(997) {
                bytes[place] ^= 0x10;
            }
            fs::write(&path, bytes).expect("writable");
        }
        run();
        for path in files_below(cache.path()) {
            let bytes = fs::read(&path).expect("readable");
            fs::write(&path, &bytes[..bytes.len() / 2]).expect("writable");
        }
        run();
        for path in files_below(cache.path()) {
            fs::write(&path, "").expect("writable");
        }
        run();
        for path in files_below(cache.path()) {
            fs::remove_file(&path).expect("removable");
            fs::create_dir(&path).expect("a folder in its place");
        }
        run();
    });
}

/// Two sandboxes, as two programs would have them, fill one cold cache at once.
#[test]
fn one_cold_cache_for_two() {
    isolated!(|| {
        let cache = tempfile::tempdir().expect("there is room for a folder");
        on_runtime(async {
            let all: Vec<_> = (0..4)
                .map(|_| {
                    let options = SandboxOptions {
                        cache_dir: Some(cache.path().to_owned()),
                        ..SandboxOptions::default()
                    };
                    tokio::spawn(async move {
                        let sandbox = Sandbox::new(options).expect("a sandbox can be made");
                        Neighbour::new(&sandbox).await.run().await;
                    })
                })
                .collect();
            for one in all {
                one.await.expect("each of them works");
            }
        });
    });
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)
        .expect("the folder can be listed")
        .flatten()
    {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files.sort();
    files
}
