//! Loops in the guest and waits in the host.

use crate::case::Case;
use std::time::Duration;
use weft_sandbox::FailureKind;
use weft_tests::isolated;

/// On a busy machine a limit on time is reached late, but not this late.
const SOON: Duration = Duration::from_secs(10);

#[test]
pub(super) fn endless_loop() {
    isolated!(|| {
        let seen = Case::task("endless_loop")
            .limits(|limits| limits.cpu_ms = 300)
            .run();
        seen.fails(FailureKind::CpuLimit, &["300ms", "cpu"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
        assert!(
            seen.neighbour_runs > 10,
            "the neighbour ran {} times only",
            seen.neighbour_runs
        );
        assert!(
            seen.report.usage.cpu >= Duration::from_millis(300),
            "{:?}",
            seen.report.usage
        );
    });
}

#[test]
fn endless_loop_by_the_wall_clock() {
    isolated!(|| {
        let seen = Case::task("endless_loop")
            .limits(|limits| limits.timeout_ms = 300)
            .run();
        seen.fails(FailureKind::Timeout, &["300ms", "timeout"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
fn endless_loop_on_the_deterministic_engine() {
    isolated!(|| {
        let seen = Case::task("endless_loop")
            .deterministic()
            .limits(|limits| limits.timeout_ms = 300)
            .run();
        seen.fails(FailureKind::Timeout, &["300ms"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
pub(super) fn endless_host_calls() {
    isolated!(|| {
        let seen = Case::task("endless_host_calls")
            .limits(|limits| limits.cpu_ms = 300)
            .run();
        seen.fails(FailureKind::CpuLimit, &["300ms", "cpu"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
pub(super) fn blocked_host_call() {
    isolated!(|| {
        let seen = Case::task("blocked_host_call")
            .limits(|limits| limits.timeout_ms = 300)
            .run();
        seen.fails(FailureKind::Timeout, &["300ms", "timeout"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
        assert!(
            seen.report.usage.cpu < Duration::from_millis(200),
            "waiting costs nothing: {:?}",
            seen.report.usage
        );
    });
}

#[test]
pub(super) fn endless_poll() {
    isolated!(|| {
        let seen = Case::task("endless_poll")
            .limits(|limits| limits.timeout_ms = 500)
            .run();
        seen.fails(FailureKind::Timeout, &["500ms"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
        assert!(
            seen.neighbour_runs > 10,
            "the neighbour ran {} times only",
            seen.neighbour_runs
        );
    });
}
