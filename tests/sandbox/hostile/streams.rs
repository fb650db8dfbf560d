//! Programs: standard output, exit codes, environment. Each as a WASI 0.2 command
//! and as a WASI 0.1 module, which reach the host by different code.

use crate::case::Case;
use weft_sandbox::{AttemptOutcome, FailureKind};
use weft_tests::isolated;

const PROGRAMS: [&str; 2] = ["hostile-program", "hostile-module"];

/// Nothing of the host's own environment is visible.
#[test]
pub(super) fn environment() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "environment").run();
            assert_eq!(seen.succeeds(&[]), "\"args 2, env []\"", "{program}");
        }
    });
}

#[test]
pub(super) fn exit_zero() {
    isolated!(|| {
        for program in PROGRAMS {
            assert_eq!(
                Case::program(program, "exit_zero").run().succeeds(&[]),
                "\"leaving\"",
                "{program}"
            );
        }
    });
}

/// Only a WASI 0.1 module can tell the host which code it was: the adapter to 0.2 passes on failure alone.
#[test]
pub(super) fn exit_seven() {
    isolated!(|| {
        Case::program("hostile-module", "exit_seven")
            .run()
            .fails(FailureKind::Exit(7), &["7"]);
        Case::program("hostile-program", "exit_seven")
            .run()
            .fails(FailureKind::Exit(1), &["1"]);

        let failing = Case::program("hostile-module", "exit_seven")
            .entry(|program| program.fail_on_exit = vec![7])
            .run();
        assert!(!failing.fails(FailureKind::Exit(7), &["7"]).retryable);
        let skipped = Case::program("hostile-module", "exit_seven")
            .entry(|program| program.skip_on_exit = vec![7])
            .run();
        assert!(
            matches!(skipped.report.outcome, AttemptOutcome::Skipped { .. }),
            "{:?}",
            skipped.report.outcome
        );
    });
}

#[test]
pub(super) fn endless_stdout() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "endless_stdout").run();
            seen.fails(FailureKind::OutputLimit, &["1MiB"]);
        }
    });
}

#[test]
pub(super) fn stdout_not_json() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "stdout_not_json").run();
            seen.fails(FailureKind::InvalidOutput, &["JSON", "output = \"text\""]);
        }
    });
}

/// The host copies such an output without a tree of it.
#[test]
pub(super) fn million_objects_beside_a_file() {
    isolated!(|| {
        for program in PROGRAMS {
            let seen = Case::program(program, "million_objects_beside_a_file")
                .limits(|limits| limits.output_bytes = 16 << 20)
                .run();
            let output = seen.succeeds(&[r#"[{"$artifact":"artifact-"#]);
            assert_eq!(output.matches(r#"{"":0}"#).count(), 1_000_000, "{program}");
        }
    });
}
