//! Attacks on the host that only a guest of WASI 0.3 can make.

use crate::case::Case;
use std::time::Duration;
use weft_core::limit::Limits;
use weft_sandbox::{AttemptOutcome, FailureKind, GuestEvent};
use weft_tests::isolated;

/// On a busy machine a limit on time is reached late, but not this late.
const SOON: Duration = Duration::from_secs(10);

const MIB: u64 = 1 << 20;

#[test]
pub(super) fn waits_for_ever() {
    isolated!(|| {
        let seen = Case::async_task("waits_for_ever")
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

/// What can never end is reported at once, without a wait.
#[test]
pub(super) fn waits_for_nothing() {
    isolated!(|| {
        let seen = Case::async_task("waits_for_nothing").run();
        seen.fails(FailureKind::Trap, &[]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
pub(super) fn computes_for_ever() {
    isolated!(|| {
        let seen = Case::async_task("computes_for_ever")
            .limits(|limits| limits.cpu_ms = 300)
            .run();
        seen.fails(FailureKind::CpuLimit, &["300ms", "cpu"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
        assert!(
            seen.neighbour_runs > 10,
            "the neighbour ran {} times only",
            seen.neighbour_runs
        );
    });
}

#[test]
fn computes_for_ever_by_the_wall_clock() {
    isolated!(|| {
        let seen = Case::async_task("computes_for_ever")
            .limits(|limits| limits.timeout_ms = 300)
            .run();
        seen.fails(FailureKind::Timeout, &["300ms", "timeout"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
pub(super) fn yields_for_ever() {
    isolated!(|| {
        let seen = Case::async_task("yields_for_ever")
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

/// The outcome counts, and nothing of the attempt goes on after it.
#[test]
pub(super) fn goes_on_after_its_end() {
    isolated!(|| {
        let seen = Case::async_task("goes_on_after_its_end").run();
        assert_eq!(seen.succeeds(&[]), "\"done\"");
        assert!(seen.wall < SOON, "{:?}", seen.wall);
        assert!(seen.event_count < 10, "{} lines", seen.event_count);
    });
}

#[test]
pub(super) fn million_waits() {
    isolated!(|| {
        let seen = Case::async_task("million_waits").run();
        seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
        assert!(seen.wall < SOON, "{:?}", seen.wall);
    });
}

#[test]
pub(super) fn million_streams() {
    isolated!(|| {
        let seen = Case::async_task("million_streams").run();
        seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
    });
}

#[test]
pub(super) fn million_stream_ends_given_away() {
    isolated!(|| {
        let seen = Case::async_task("million_stream_ends_given_away").run();
        seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
    });
}

/// A thread that may block is kept by none of them.
#[test]
pub(super) fn million_reads_of_folders() {
    isolated!(|| {
        let seen = Case::async_task("million_reads_of_folders").run();
        seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
    });
}

#[test]
pub(super) fn stdout_flood_by_stream() {
    isolated!(|| {
        let seen = Case::async_task("stdout_flood_by_stream").run();
        seen.succeeds(&["all written"]);
        assert!(
            seen.report.usage.log_bytes <= Limits::DEFAULT.log_bytes,
            "{:?}",
            seen.report.usage
        );
        let (lines, bytes) = seen.dropped.expect("what was dropped is logged");
        assert!(
            lines > 1_000_000 && bytes > 38 * MIB,
            "{lines} lines, {bytes} bytes"
        );
    });
}

#[test]
pub(super) fn fill_scratch_by_stream() {
    isolated!(|| {
        let seen = Case::async_task("fill_scratch_by_stream")
            .limits(|limits| limits.scratch_bytes = 16 * MIB)
            .run();
        let bytes = number(&seen.report.outcome);
        assert!((15 * MIB..=16 * MIB).contains(&bytes), "{bytes}");
    });
}

/// Each renamed file is given back once, so that what is left is what the quota says.
#[test]
pub(super) fn rename_races() {
    isolated!(|| {
        let seen = Case::async_task("rename_races")
            .limits(|limits| limits.scratch_bytes = 16 * MIB)
            .run();
        let bytes = number(&seen.report.outcome);
        assert!((15 * MIB..=16 * MIB).contains(&bytes), "{bytes}");
    });
}

#[test]
pub(super) fn unlinked_files_kept_by_streams() {
    isolated!(|| {
        let seen = Case::async_task("unlinked_files_kept_by_streams")
            .limits(|limits| limits.scratch_bytes = 16 * MIB)
            .run();
        let bytes = number(&seen.report.outcome);
        assert!((15 * MIB..=16 * MIB).contains(&bytes), "{bytes}");
    });
}

/// The output, which is a number in a text.
#[track_caller]
fn number(outcome: &AttemptOutcome) -> u64 {
    let AttemptOutcome::Success { output } = outcome else {
        panic!("the attempt did not succeed: {outcome:?}");
    };
    let digits = output.trim_matches('"');
    digits
        .parse()
        .unwrap_or_else(|error| panic!("{output}: {error}"))
}

#[test]
pub(super) fn sockets_of_wasi_3() {
    isolated!(|| {
        let seen = Case::async_task("sockets_of_wasi_3").run();
        assert_eq!(seen.succeeds(&[]), "\"open: \"");
    });
}

/// The guest gets 'denied', and the log says which grant to add.
#[test]
pub(super) fn http_3_without_grant() {
    isolated!(|| {
        let seen = Case::async_task("http_3_without_grant").run();
        seen.succeeds(&["true", "HttpRequestDenied"]);
        let is_logged = seen.events.iter().any(|event| match event {
            GuestEvent::Log { message, .. } => {
                message.contains("grants = { http = [\"not-granted.example\"] }")
            }
            GuestEvent::Progress { .. } | GuestEvent::LogTruncated { .. } => false,
        });
        assert!(is_logged, "{:?}", seen.events);
    });
}
