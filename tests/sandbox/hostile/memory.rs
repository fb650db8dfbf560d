//! Memory: the guest's own, its tables, its stack, and what it makes the host hold.

use crate::{
    case::Case,
    wat_guest::{TABLE_GROWTH, tasks_component},
};
use weft_sandbox::FailureKind;
use weft_tests::isolated;

#[test]
pub(super) fn memory_growth() {
    isolated!(|| {
        let seen = Case::task("memory_growth").run();
        let failure = seen.fails(FailureKind::MemoryLimit, &["64MiB", "memory"]);
        assert_eq!(failure.kind.code(), "memory_limit");
        let peak = seen.report.usage.memory_peak_bytes;
        assert!(
            (60 << 20..=64 << 20).contains(&peak),
            "a peak of {peak} bytes"
        );
    });
}

/// A guest may ask, be refused, and live on.
#[test]
pub(super) fn memory_growth_refused() {
    isolated!(|| {
        let seen = Case::task("memory_growth_refused")
            .limits(|limits| limits.memory_bytes = 32 << 20)
            .run();
        let output = seen.succeeds(&["refused after "]);
        let mib: u32 = output
            .split_whitespace()
            .nth(2)
            .and_then(|number| number.parse().ok())
            .expect("a number of MiB");
        assert!((20..=32).contains(&mib), "{output}");
    });
}

#[test]
pub(super) fn deep_recursion() {
    isolated!(|| {
        let seen = Case::task("deep_recursion").run();
        let failure = seen.fails(FailureKind::StackOverflow, &["stack"]);
        assert_eq!(failure.kind.code(), "stack_overflow");
    });
}

#[test]
fn table_growth() {
    isolated!(|| {
        let seen = Case::task_of(tasks_component(TABLE_GROWTH), "grow").run();
        let failure = seen.fails(FailureKind::TableLimit, &["100000", "table"]);
        assert_eq!(failure.kind.code(), "table_limit");
    });
}

#[test]
pub(super) fn huge_random() {
    isolated!(|| {
        let seen = Case::task("huge_random").run();
        seen.fails(FailureKind::Trap, &["3221225472", "1048576"]);
    });
}

#[test]
pub(super) fn huge_poll_list() {
    isolated!(|| {
        let seen = Case::task("huge_poll_list")
            .limits(|limits| limits.memory_bytes = 256 << 20)
            .run();
        seen.fails(FailureKind::HostCallLimit, &["16MiB"]);
    });
}

#[test]
pub(super) fn aliased_log_fields() {
    isolated!(|| {
        let seen = Case::task("aliased_log_fields").run();
        seen.fails(FailureKind::HostCallLimit, &["16MiB"]);
    });
}

#[test]
pub(super) fn aliased_http_headers() {
    isolated!(|| {
        let seen = Case::task("aliased_http_headers").run();
        seen.fails(FailureKind::HostCallLimit, &["16MiB"]);
    });
}
