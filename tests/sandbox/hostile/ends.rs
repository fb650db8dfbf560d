//! Ends that are no return.

use crate::case::Case;
use weft_sandbox::{FailureKind, GuestEvent};
use weft_tests::isolated;

#[test]
pub(super) fn panic() {
    isolated!(|| {
        let seen = Case::task("panic").run();
        let failure = seen.fails(FailureKind::Trap, &["the author's invariant 42 is broken"]);
        assert!(failure.retryable);
        let told = seen.events.iter().any(
            |event| matches!(event, GuestEvent::Log { message, .. } if message.contains("the author's invariant 42 is broken")),
        );
        assert!(told, "the panic's words are in the log: {:?}", seen.events);
    });
}

#[test]
pub(super) fn trap() {
    isolated!(|| {
        let seen = Case::task("trap").run();
        let failure = seen.fails(FailureKind::Trap, &["unreachable"]);
        assert_eq!(failure.kind.code(), "trap");
    });
}

/// A task that leaves instead of returning has no output, whatever its exit code.
#[test]
pub(super) fn exit_zero() {
    isolated!(|| {
        let seen = Case::task("exit_zero").run();
        seen.fails(FailureKind::InvalidOutput, &["exit"]);
    });
}

#[test]
pub(super) fn exit_seven() {
    isolated!(|| {
        let seen = Case::task("exit_seven").run();
        let failure = seen.fails(FailureKind::Exit(1), &["exit"]);
        assert_eq!(failure.kind.code(), "exit");
    });
}
