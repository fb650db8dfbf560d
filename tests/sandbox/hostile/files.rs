//! The number and the size of files.

use crate::case::Case;
use weft_sandbox::AttemptOutcome;
use weft_tests::isolated;

const PROGRAMS: [&str; 2] = ["hostile-program", "hostile-module"];

#[test]
pub(super) fn fill_scratch() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "fill_scratch")
                .limits(|limits| limits.scratch_bytes = 32 << 20)
                .run();
            let output = seen.succeeds(&["refused after ", "o space"]);
            let mib: u32 = output
                .split_whitespace()
                .nth(2)
                .and_then(|number| number.parse().ok())
                .expect("MiB");
            assert!((24..=32).contains(&mib), "{program}: {output}");
        }
    });
}

#[test]
pub(super) fn sparse_file() {
    isolated!(|| {
        for program in PROGRAMS {
            Case::program(program, "sparse_file")
                .run()
                .succeeds(&["refused"]);
        }
    });
}

#[test]
pub(super) fn million_files() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "million_files")
                .limits(|limits| limits.scratch_files = 500)
                .run();
            let output = seen.succeeds(&["refused after "]);
            let files: u32 = output
                .trim_matches('"')
                .split([' ', ':'])
                .nth(2)
                .and_then(|n| n.parse().ok())
                .expect("files");
            assert!((400..=500).contains(&files), "{program}: {output}");
        }
    });
}

#[test]
pub(super) fn million_open_files() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "million_open_files")
                .limits(|limits| limits.handles = 200)
                .run();
            match &seen.report.outcome {
                AttemptOutcome::Success { output } => {
                    let open = output
                        .split([' ', ':'])
                        .nth(2)
                        .and_then(|number| number.parse().ok());
                    assert!(
                        open.is_some_and(|open: u32| (100..=200).contains(&open)),
                        "{program}: {output}"
                    );
                }
                AttemptOutcome::Failed(failure) => {
                    assert_eq!(
                        failure.kind.code(),
                        "handle_limit",
                        "{program}: {failure:?}"
                    );
                    assert!(failure.message.contains("200"), "{program}: {failure:?}");
                }
                other => panic!("{program}: {other:?}"),
            }
        }
    });
}

/// The names in a folder are the guest's to make many and long: a list of them is begun, and
/// another one beside it is refused before the host holds both.
#[test]
pub(super) fn list_many_files() {
    isolated!(|| {
        Case::program("hostile-program", "list_many_files")
            // Two lists of them are more than one attempt may hold.
            .entry(|entry| entry.env = vec![("WEFT_FILES".into(), "34000".into())])
            .limits(|limits| {
                limits.scratch_files = 60_000;
                limits.cpu_ms = 100_000;
                limits.timeout_ms = 150_000;
            })
            .run()
            .fails(
                weft_sandbox::FailureKind::HandleLimit,
                &["directory entries", "65536"],
            );
    });
}
