//! Files that are no guests, or would be a costly one: malformed, truncated,
//! with unknown imports, slow to compile.

use crate::{
    case::{Neighbour, OVERHEAD_BYTES, on_runtime, program_entry, request},
    slow_code,
    wat_guest::{module_as_component, tasks_component},
};
use std::time::{Duration, Instant};
use weft_sandbox::{
    AttemptOutcome, CompileLimits, Compiler, Entry, FailureKind, LoadError, Sandbox,
    SandboxOptions, inspect,
};
use weft_tests::{guests, isolated, residency};

fn component(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the component is valid text")
}

/// A component that can be run and has these imports.
fn command_with(imports: &str) -> Vec<u8> {
    component(&format!(
        r#"(component
            {imports}
            (core module $m (func (export "f") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $run (result (result)) (canon lift (core func $i "f")))
            (instance $command (export "run" (func $run)))
            (export "wasi:cli/run@0.2.0" (instance $command)))"#
    ))
}

/// A sandbox that compiles in a subprocess, as `wfctl` does it.
fn with_subprocess(change: impl FnOnce(&mut SandboxOptions)) -> Sandbox {
    let mut options = SandboxOptions {
        compiler: Compiler::Subprocess {
            program: env!("CARGO_BIN_EXE_weft-tests-compiler").into(),
            args: Vec::new(),
        },
        ..SandboxOptions::default()
    };
    change(&mut options);
    Sandbox::new(options).expect("a sandbox can be made")
}

/// Refused with words that say why, and no harm done.
#[track_caller]
fn refused(file: Vec<u8>) -> LoadError {
    let before = residency::now_bytes();
    residency::reset_peak();
    let error = on_runtime(async {
        let sandbox = with_subprocess(|_| {});
        let error = sandbox.load(file).await.expect_err("the file is no guest");
        Neighbour::new(&sandbox).await.run().await;
        error
    });
    let growth = residency::peak_bytes().saturating_sub(before);
    assert!(
        growth <= OVERHEAD_BYTES,
        "the process grew by {} MiB",
        growth >> 20
    );
    error
}

#[test]
fn a_subprocess_compiles_what_runs() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = with_subprocess(|_| {});
            Neighbour::new(&sandbox).await.run().await;
        });
    });
}

#[test]
fn what_is_no_webassembly() {
    isolated!(|| {
        let nothing = refused(Vec::new());
        assert!(matches!(nothing, LoadError::NotWasm { .. }), "{nothing:?}");
        let elf = refused(b"\x7fELF and the rest of a program".to_vec());
        assert!(matches!(elf, LoadError::NotWasm { .. }), "{elf:?}");
        let text = refused(b"(module (func (export \"_start\")))".to_vec());
        assert!(matches!(text, LoadError::NotWasm { .. }), "{text:?}");
        let magic = refused(b"\0asm".to_vec());
        assert!(
            matches!(
                magic,
                LoadError::NotWasm { .. } | LoadError::Malformed { .. }
            ),
            "{magic:?}"
        );
        let version = refused(b"\0asm\x09\0\0\0".to_vec());
        assert!(
            matches!(
                version,
                LoadError::NotWasm { .. } | LoadError::Malformed { .. }
            ),
            "{version:?}"
        );
    });
}

#[test]
fn a_truncated_file() {
    isolated!(|| {
        let whole = guests::read("guest_plain");
        on_runtime(async {
            let sandbox = with_subprocess(|_| {});
            let cuts = (1..32)
                .map(|part| whole.len() * part / 32)
                .chain([whole.len() - 1]);
            for cut in cuts {
                let error = sandbox
                    .load(whole[..cut].to_vec())
                    .await
                    .expect_err("the file is cut");
                // A cut between two sections leaves a valid file with nothing to run.
                assert!(
                    matches!(
                        error,
                        LoadError::Malformed { .. }
                            | LoadError::NothingToRun { .. }
                            | LoadError::NotWasm { .. }
                    ),
                    "cut at {cut}: {error:?}"
                );
            }
            Neighbour::new(&sandbox).await.run().await;
        });
    });
}

/// Each flipped bit gives a file that is refused, or that runs as badly as it likes.
#[test]
fn flipped_bits() {
    isolated!(|| {
        let whole = guests::read("guest_bare");
        on_runtime(async {
            let sandbox = with_subprocess(|_| {});
            let (mut refused, mut ran) = (0, 0);
            // A fixed walk over the file; 7919 is prime to its length.
            for turn in 0..60usize {
                let mut file = whole.clone();
                let place = turn * 7919 % file.len();
                file[place] ^= 1 << (turn % 8);
                let inspected = inspect(&file);
                match sandbox.load(file).await {
                    Err(error) => {
                        assert!(
                            !matches!(
                                error,
                                LoadError::Host { .. } | LoadError::CompilerCrashed { .. }
                            ),
                            "{error:?}"
                        );
                        refused += 1;
                    }
                    Ok(guest) => {
                        inspected.expect("what loads can be inspected");
                        let mut request = request(&guest, "fib", &[("n", "10")]);
                        request.limits.cpu_ms = 500;
                        sandbox.run(request).await;
                        ran += 1;
                    }
                }
            }
            assert!(refused > 0 && ran > 0, "{refused} were refused, {ran} ran");
            Neighbour::new(&sandbox).await.run().await;
        });
    });
}

#[test]
fn an_import_that_is_not_offered() {
    isolated!(|| {
        let unknown = command_with(
            r#"(import "wasi:keyvalue/store@0.2.0" (instance (export "open" (func))))
                (import "weft:dag/teleport@0.1.0" (instance (export "beam" (func))))"#,
        );
        let error = refused(unknown);
        let LoadError::UnknownImports { imports } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(imports.len(), 2, "{imports:?}");
        for name in ["wasi:keyvalue/store@0.2.0", "weft:dag/teleport@0.1.0"] {
            assert!(error.to_string().contains(name), "{error}");
        }
    });
}

#[test]
fn a_newer_contract() {
    isolated!(|| {
        let newer =
            command_with(r#"(import "weft:dag/log@9.0.0" (instance (export "write" (func))))"#);
        let error = refused(newer);
        assert!(
            matches!(error, LoadError::UnknownImports { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("weft:dag/log@9.0.0"), "{error}");
    });
}

#[test]
fn a_module_import_that_is_not_offered() {
    isolated!(|| {
        let module = component(
            r#"(module (import "env" "system" (func (param i32) (result i32))) (func (export "_start")))"#,
        );
        let error = refused(module);
        assert!(
            matches!(error, LoadError::UnknownImports { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("env"), "{error}");
    });
}

/// The name is offered, its type is not: it must not get as far as a panic at instantiation.
#[test]
fn an_import_of_another_type() {
    isolated!(|| {
        let wrong = command_with(
            r#"(import "weft:dag/context@0.1.0" (instance (export "attempt" (func (param "x" u64) (result u64)))))"#,
        );
        let error = refused(wrong);
        assert!(
            matches!(
                error,
                LoadError::UnknownImports { .. }
                    | LoadError::NothingToRun { .. }
                    | LoadError::Compile { .. }
            ),
            "{error:?}"
        );
        let module = component(
            r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param f64))) (func (export "_start")))"#,
        );
        let error = refused(module);
        assert!(
            matches!(
                error,
                LoadError::UnknownImports { .. }
                    | LoadError::Compile { .. }
                    | LoadError::Malformed { .. }
            ),
            "{error:?}"
        );
    });
}

#[test]
fn a_module_without_start() {
    isolated!(|| {
        let error = refused(component(r#"(module (func (export "main")))"#));
        assert!(matches!(error, LoadError::NoStart), "{error:?}");
        assert!(error.to_string().contains("_start"), "{error}");
    });
}

/// Refused at the latest when it runs, with words that say what is wrong.
#[track_caller]
fn never_runs(file: Vec<u8>, entry: Entry) {
    on_runtime(async {
        let sandbox = with_subprocess(|_| {});
        match sandbox.load(file).await {
            Err(error) => assert!(
                !matches!(
                    error,
                    LoadError::Host { .. } | LoadError::CompilerCrashed { .. }
                ),
                "{error:?}"
            ),
            Ok(guest) => {
                let mut request = request(&guest, "any", &[]);
                request.entry = entry;
                let outcome = sandbox.run(request).await.outcome;
                let AttemptOutcome::Failed(failure) = outcome else {
                    panic!("{outcome:?}")
                };
                assert_ne!(failure.kind, FailureKind::Internal, "{failure:?}");
            }
        }
        Neighbour::new(&sandbox).await.run().await;
    });
}

#[test]
fn a_start_of_another_type() {
    isolated!(|| {
        let text = r#"(module (func (export "_start") (param i32) (result i32) local.get 0))"#;
        never_runs(component(text), program_entry(""));
    });
}

#[test]
fn a_component_without_tasks() {
    isolated!(|| {
        let error = refused(component("(component)"));
        assert!(matches!(error, LoadError::NothingToRun { .. }), "{error:?}");
        assert!(error.to_string().contains("weft:dag/tasks"), "{error}");
    });
}

/// `weft:dag/tasks` in name only.
#[test]
fn tasks_of_another_type() {
    isolated!(|| {
        let file = component(
            r#"(component
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $tasks (export "describe" (func $f)) (export "run" (func $f)))
                (export "weft:dag/tasks@0.1.0" (instance $tasks)))"#,
        );
        never_runs(
            file,
            Entry::Task {
                name: "any".into(),
                inputs: Vec::new(),
            },
        );
    });
}

/// What a file exports beside its tasks is its own affair.
#[test]
fn unknown_exports_are_tolerated() {
    isolated!(|| {
        let guest =
            tasks_component("(func $run (result i32) (i32.const 128)) (func (export \"extra\"))");
        on_runtime(async {
            let sandbox = with_subprocess(|_| {});
            let guest = sandbox.load(guest).await.expect("the guest loads");
            let report = sandbox.run(request(&guest, "any", &[])).await;
            assert_eq!(
                report.outcome,
                AttemptOutcome::Success {
                    output: "null".into()
                }
            );
        });
    });
}

#[test]
fn a_file_that_is_too_large() {
    isolated!(|| {
        on_runtime(async {
            let sandbox = with_subprocess(|options| options.compile.component_bytes = 10_000);
            let error = sandbox
                .load(guests::read("guest_plain"))
                .await
                .expect_err("it is too large");
            assert!(
                matches!(error, LoadError::TooLarge { limit: 10_000, .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains("10000"), "{error}");
        });
    });
}

/// Small files that cost the compiler minutes, or gigabytes.
#[test]
fn a_component_that_compiles_for_minutes() {
    isolated!(|| {
        let file = module_as_component(&slow_code::module());
        assert!(
            file.len() < 16 << 20,
            "the attack is a small file, not {} bytes",
            file.len()
        );
        let before = residency::now_bytes();
        residency::reset_peak();
        on_runtime(async {
            let limit = Duration::from_secs(2);
            let sandbox = with_subprocess(|options| {
                options.compile = CompileLimits {
                    wall: limit,
                    ..CompileLimits::default()
                };
            });
            let neighbour = Neighbour::new(&sandbox).await;
            let started = Instant::now();
            let loading = tokio::spawn({
                let sandbox = sandbox.clone();
                async move { sandbox.load(file).await }
            });
            while !loading.is_finished() {
                neighbour.run().await;
            }
            let error = loading
                .await
                .expect("no panic")
                .expect_err("it takes too long");
            assert!(
                matches!(error, LoadError::CompileTimeout { .. }),
                "{error:?}"
            );
            assert!(error.to_string().contains("2s"), "{error}");
            assert!(
                started.elapsed() < Duration::from_secs(20),
                "{:?}",
                started.elapsed()
            );
        });
        let growth = residency::peak_bytes().saturating_sub(before);
        assert!(
            growth <= OVERHEAD_BYTES,
            "the process grew by {} MiB",
            growth >> 20
        );
        assert_eq!(children(), [""; 0], "the compiler is gone");
    });
}

#[test]
fn a_component_that_needs_much_memory_to_compile() {
    isolated!(|| {
        let file = module_as_component(&slow_code::module());
        on_runtime(async {
            let sandbox = with_subprocess(|options| {
                options.compile.memory_bytes = 192 << 20;
                options.compile.wall = Duration::from_secs(20);
            });
            let error = sandbox.load(file).await.expect_err("it needs too much");
            assert!(
                matches!(
                    error,
                    LoadError::CompileMemory { .. } | LoadError::CompileTimeout { .. }
                ),
                "{error:?}"
            );
            Neighbour::new(&sandbox).await.run().await;
        });
    });
}

/// Who gives up on a load leaves no compiler behind.
#[test]
fn a_load_without_a_waiter() {
    isolated!(|| {
        let file = module_as_component(&slow_code::module());
        on_runtime(async {
            let sandbox = with_subprocess(|options| options.compile.wall = Duration::from_secs(8));
            let load = tokio::time::timeout(Duration::from_millis(700), sandbox.load(file));
            load.await.expect_err("it takes longer");
            let patience = Instant::now();
            while !children().is_empty() {
                assert!(
                    patience.elapsed() < Duration::from_secs(30),
                    "still there: {:?}",
                    children()
                );
                tokio::task::yield_now().await;
            }
        });
    });
}

/// Declared needs beyond what one guest may have are refused, not reserved.
#[test]
fn a_guest_that_declares_too_much() {
    isolated!(|| {
        let declarations = [
            ("memory", "(memory $more 65536)"),
            ("table", "(table 9000000 funcref)"),
        ];
        for (what, declaration) in declarations {
            let guest = tasks_component(&format!(
                "{declaration} (func $run (result i32) (i32.const 128))"
            ));
            let before = residency::now_bytes();
            residency::reset_peak();
            on_runtime(async {
                let sandbox = with_subprocess(|_| {});
                match sandbox.load(guest).await {
                    Err(error) => assert!(
                        matches!(
                            error,
                            LoadError::TooComplex { .. }
                                | LoadError::Malformed { .. }
                                | LoadError::Compile { .. }
                        ),
                        "{what}: {error:?}"
                    ),
                    Ok(guest) => {
                        let report = sandbox.run(request(&guest, "any", &[])).await;
                        let AttemptOutcome::Failed(failure) = report.outcome else {
                            panic!("{what}: {report:?}")
                        };
                        assert!(
                            matches!(failure.kind.code(), "memory_limit" | "table_limit"),
                            "{what}: {failure:?}"
                        );
                    }
                }
                Neighbour::new(&sandbox).await.run().await;
            });
            let growth = residency::peak_bytes().saturating_sub(before);
            assert!(
                growth <= OVERHEAD_BYTES,
                "{what}: the process grew by {} MiB",
                growth >> 20
            );
        }
    });
}

#[test]
fn a_guest_of_a_thousand_instances() {
    isolated!(|| {
        let instances = "(core instance (instantiate $m))".repeat(500);
        let file = component(&format!(
            r#"(component
                (core module $m (memory 1) (table 1 funcref) (func (export "f") (result i32) i32.const 0))
                {instances}
                (core instance $i (instantiate $m))
                (func $run (result (result)) (canon lift (core func $i "f")))
                (instance $command (export "run" (func $run)))
                (export "wasi:cli/run@0.2.0" (instance $command)))"#
        ));
        let error = refused(file);
        assert!(matches!(error, LoadError::TooComplex { .. }), "{error:?}");
    });
}

/// Components in components, deeper than any parser should follow by recursion.
#[test]
fn nested_components() {
    isolated!(|| {
        let mut file = component("(component)");
        for _ in 0..2_000 {
            // A section of kind 4 holds a component.
            let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
            let mut length = file.len();
            loop {
                let byte = u8::try_from(length & 0x7f).expect("seven bits");
                length >>= 7;
                outer.push(if length == 0 { byte } else { byte | 0x80 });
                if length == 0 {
                    break;
                }
            }
            outer.extend(&file);
            file = outer;
        }
        assert!(
            inspect(&file).is_err() || inspect(&file).is_ok_and(|seen| seen.exports.is_empty())
        );
        let error = refused(file);
        assert!(
            !matches!(
                error,
                LoadError::Host { .. } | LoadError::CompilerCrashed { .. }
            ),
            "{error:?}"
        );
    });
}

/// Processes that this one started and that still run.
fn children() -> Vec<String> {
    let own = std::process::id();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")
        .expect("/proc is mounted")
        .flatten()
    {
        // A process may end between the listing and the look at it.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut fields = after_name.split_whitespace();
        let (state, parent) = (fields.next(), fields.next());
        if state != Some("Z") && parent == Some(&own.to_string()) {
            found.push(stat);
        }
    }
    found
}
