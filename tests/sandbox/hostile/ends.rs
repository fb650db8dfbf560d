//! Ends that are no return.

use crate::case::Case;
use weft_sandbox::{FailureKind, GuestEvent};
use weft_tests::isolated;

#[test]
pub(super) fn panic() {
    isolated!(|| {
        let seen = Case::task("panic").run();
        let failure = seen.fails(FailureKind::Trap, &["aborted", "panic", "log"]);
        assert!(failure.retryable);
        let is_logged = seen.events.iter().any(
            |event| matches!(event, GuestEvent::Log { message, .. } if message.contains("the author's invariant 42 is broken")),
        );
        assert!(
            is_logged,
            "the panic's words are in the log: {:?}",
            seen.events
        );
    });
}

#[test]
pub(super) fn trap() {
    isolated!(|| {
        let seen = Case::task("trap").run();
        let failure = seen.fails(FailureKind::Trap, &["aborted"]);
        assert_eq!(failure.kind.code(), "trap");
    });
}

/// A task that leaves instead of returning has no output, whatever its exit code.
#[test]
pub(super) fn exit_zero() {
    isolated!(|| {
        let seen = Case::task("exit_zero").run();
        seen.fails(FailureKind::Exit(0), &["exit code 0"]);
    });
}

#[test]
pub(super) fn exit_seven() {
    isolated!(|| {
        let seen = Case::task("exit_seven").run();
        let failure = seen.fails(FailureKind::Exit(1), &["exit code 1"]);
        assert_eq!(failure.kind.code(), "exit");
    });
}
