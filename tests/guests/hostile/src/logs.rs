//! Attacks through logs and progress.

use crate::{
    End, saw,
    weft::dag::{context, log},
};
use std::io::{Write, stdout};

type Inputs = [(String, String)];

pub(crate) fn log_flood(_: &Inputs) -> End {
    for line in 0..200_000u32 {
        log::write(
            log::Level::Info,
            &format!("structured line {line} of a flood that no one reads"),
            &[],
        );
    }
    saw("flooded")
}

pub(crate) fn stdout_flood(_: &Inputs) -> End {
    let mut out = stdout().lock();
    for line in 0..100_000u32 {
        writeln!(out, "printed line {line} of a flood that no one reads")
            .expect("standard output takes lines");
    }
    saw("flooded")
}

/// One line of 16 MiB, in pieces, never ended.
pub(crate) fn endless_line(_: &Inputs) -> End {
    let piece = [b'y'; 64 * 1024];
    let mut out = stdout().lock();
    for _ in 0..256 {
        out.write_all(&piece).expect("standard output takes bytes");
    }
    saw("no line ended")
}

/// One structured line of 64 MiB.
pub(crate) fn huge_log_message(_: &Inputs) -> End {
    log::write(log::Level::Info, &"z".repeat(64 << 20), &[]);
    saw("written")
}

pub(crate) fn progress_flood(_: &Inputs) -> End {
    let message = "p".repeat(1 << 20);
    for step in 0..10_000u32 {
        let fraction = match step % 4 {
            0 => f64::NAN,
            1 => f64::INFINITY,
            2 => -1.0,
            _ => 0.5,
        };
        context::progress(fraction, &message);
    }
    saw("much progress")
}

/// Sequences that rewrite the title, clear the screen and forge a line on a terminal.
pub(crate) fn terminal_escapes(_: &Inputs) -> End {
    println!("\x1b]0;owned\x07\x1b[2J\x1b[1;1Hforged\rrun succeeded\x08\u{9b}31m");
    log::write(
        log::Level::Info,
        "\x1b[2Jcleared",
        &[("key\x1b[2J".into(), "value\x1b[2J\nsecond line".into())],
    );
    context::progress(0.5, "\x1b[2Jhalf");
    Err(crate::exports::weft::dag::tasks::Failure {
        retryable: false,
        message: "\x1b[2Jfailed\rsucceeded".into(),
        more: None,
    })
}
