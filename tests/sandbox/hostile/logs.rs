//! Floods of lines, and lines without end.

use crate::case::{Case, Seen};
use weft_core::limit::Limits;
use weft_sandbox::{FailureKind, GuestEvent};
use weft_tests::isolated;

/// What was passed on stays within the limits, and what was not is counted once, at the end.
#[track_caller]
fn truncated(seen: &Seen) -> (u64, u64) {
    assert!(
        seen.report.usage.log_bytes <= Limits::DEFAULT.log_bytes,
        "{:?}",
        seen.report.usage
    );
    let line_bytes =
        usize::try_from(Limits::DEFAULT.log_line_bytes).expect("a line fits in memory");
    for event in &seen.events {
        if let GuestEvent::Log {
            message, fields, ..
        } = event
        {
            let bytes = message.len()
                + fields
                    .iter()
                    .map(|(name, value)| name.len() + value.len())
                    .sum::<usize>();
            assert!(bytes <= line_bytes + 100, "a line of {bytes} bytes");
        }
    }
    match seen.dropped {
        Some(dropped) => dropped,
        None => panic!("nothing says that lines were dropped"),
    }
}

#[test]
pub(super) fn log_flood() {
    isolated!(|| {
        let seen = Case::task("log_flood").run();
        seen.succeeds(&["flooded"]);
        let (lines, bytes) = truncated(&seen);
        assert!(
            lines > 100_000 && bytes > lines * 30,
            "{lines} lines, {bytes} bytes dropped"
        );
        assert!(seen.event_count < 100_000, "{} events", seen.event_count);
    });
}

#[test]
pub(super) fn stdout_flood() {
    isolated!(|| {
        let seen = Case::task("stdout_flood").run();
        seen.succeeds(&["flooded"]);
        let (lines, _bytes) = truncated(&seen);
        assert!(lines > 50_000, "{lines} lines dropped");
    });
}

#[test]
pub(super) fn endless_line() {
    isolated!(|| {
        let seen = Case::task("endless_line").run();
        seen.succeeds(&["no line ended"]);
        truncated_line(&seen, 'y');
    });
}

#[test]
pub(super) fn huge_log_message() {
    isolated!(|| {
        let seen = Case::task("huge_log_message")
            .limits(|limits| limits.memory_bytes = 256 << 20)
            .run();
        match &seen.report.outcome {
            weft_sandbox::AttemptOutcome::Failed(_) => {
                seen.fails(FailureKind::HostCallLimit, &["16MiB"]);
            }
            _ => truncated_line(&seen, 'z'),
        }
    });
}

/// One line came, cut and marked.
#[track_caller]
fn truncated_line(seen: &Seen, letter: char) {
    let lines: Vec<_> = seen
        .events
        .iter()
        .filter_map(|event| match event {
            GuestEvent::Log { message, .. } => Some(message),
            GuestEvent::Progress { .. } | GuestEvent::LogTruncated { .. } => None,
        })
        .collect();
    assert_eq!(lines.len(), 1, "one line was begun");
    let bytes = usize::try_from(Limits::DEFAULT.log_line_bytes).expect("a line fits in memory");
    assert!(
        lines[0].starts_with(letter) && lines[0].len() <= bytes + 100,
        "{} bytes",
        lines[0].len()
    );
    assert!(!lines[0].ends_with(letter), "the cut is not marked");
}

#[test]
pub(super) fn progress_flood() {
    isolated!(|| {
        let seen = Case::task("progress_flood")
            .limits(|limits| limits.cpu_ms = 60_000)
            .run();
        seen.succeeds(&["much progress"]);
        for event in &seen.events {
            if let GuestEvent::Progress { fraction, message } = event {
                assert!((0.0..=1.0).contains(fraction), "progress of {fraction}");
                assert!(
                    message.len() <= 20_000,
                    "a message of {} bytes",
                    message.len()
                );
            }
        }
        assert!(seen.event_count < 10_000, "{} events", seen.event_count);
    });
}

/// The sandbox passes text on as it is; the program that shows it on a terminal makes it harmless.
#[test]
pub(super) fn terminal_escapes() {
    isolated!(|| {
        let seen = Case::task("terminal_escapes").run();
        seen.fails(FailureKind::Author, &["failed"]);
        let lines = seen
            .events
            .iter()
            .filter(|event| matches!(event, GuestEvent::Log { .. }))
            .count();
        assert_eq!(lines, 2, "{:?}", seen.events);
    });
}
