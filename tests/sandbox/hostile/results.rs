//! Malicious results of a task.

use crate::case::Case;
use weft_sandbox::{AttemptOutcome, FailureKind};
use weft_tests::isolated;

/// Room for the guest to make its huge result.
const ROOMY_BYTES: u64 = 512 << 20;

#[test]
pub(super) fn huge_output() {
    isolated!(|| {
        let seen = Case::task("huge_output")
            .limits(|limits| limits.memory_bytes = ROOMY_BYTES)
            .run();
        let failure = seen.fails(FailureKind::OutputLimit, &["1MiB", "output"]);
        assert_eq!(failure.kind.code(), "output_limit");
    });
}

#[test]
pub(super) fn huge_failure() {
    isolated!(|| {
        let seen = Case::task("huge_failure")
            .limits(|limits| limits.memory_bytes = ROOMY_BYTES)
            .run();
        let AttemptOutcome::Failed(failure) = &seen.report.outcome else {
            panic!("{:?}", seen.report.outcome)
        };
        assert!(
            matches!(
                failure.kind,
                FailureKind::Author | FailureKind::OutputLimit | FailureKind::HostCallLimit
            ),
            "{:?}",
            failure.kind
        );
        assert!(failure.message.len() <= weft_sandbox::AttemptFailure::MAX_MESSAGE_BYTES);
    });
}

#[test]
pub(super) fn huge_control() {
    isolated!(|| {
        let seen = Case::task("huge_control").run();
        seen.fails(FailureKind::InvalidOutput, &["left twice"]);
    });
}

/// Valid JSON that some databases will not store: it is kept as the text it is.
#[test]
pub(super) fn nul_in_output() {
    isolated!(|| {
        let seen = Case::task("nul_in_output").run();
        assert_eq!(seen.succeeds(&[]), r#"{"text":"before\u0000after"}"#);
    });
}

#[test]
pub(super) fn broken_output() {
    isolated!(|| {
        let seen = Case::task("broken_output").run();
        seen.fails(FailureKind::InvalidOutput, &["JSON", "line 1"]);
    });
}

#[test]
pub(super) fn deeply_nested_output() {
    isolated!(|| {
        let seen = Case::task("deeply_nested_output").run();
        seen.fails(FailureKind::InvalidOutput, &["recursion limit"]);
    });
}

/// The host reads such an output without a tree of it.
#[test]
pub(super) fn million_objects_in_output() {
    isolated!(|| {
        let seen = Case::task("million_objects_in_output")
            .limits(|limits| limits.output_bytes = 16 << 20)
            .run();
        assert_eq!(seen.succeeds(&[]).matches(r#"{"":0}"#).count(), 1_000_000);
    });
}

/// What a control document carries is taken as it is.
#[test]
pub(super) fn million_objects_in_control() {
    isolated!(|| {
        let seen = Case::task("million_objects_in_control")
            .limits(|limits| limits.output_bytes = 16 << 20)
            .run();
        let AttemptOutcome::Branch { tasks, output } = &seen.report.outcome else {
            panic!("no branch")
        };
        assert!(tasks.is_empty());
        assert_eq!(output.matches(r#"{"":0}"#).count(), 1_000_000);
    });
}

#[test]
pub(super) fn unknown_control() {
    isolated!(|| {
        let seen = Case::task("unknown_control").run();
        seen.fails(FailureKind::InvalidOutput, &["format_the_disk"]);
    });
}

#[test]
pub(super) fn broken_details() {
    isolated!(|| {
        let seen = Case::task("broken_details").run();
        let AttemptOutcome::Failed(failure) = &seen.report.outcome else {
            panic!("{:?}", seen.report.outcome)
        };
        assert!(failure.message.contains("an honest message"), "{failure:?}");
    });
}
