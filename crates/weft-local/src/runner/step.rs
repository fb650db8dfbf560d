//! `--step`: asks before each task.

use std::io::BufRead;
use tokio::sync::mpsc;

/// What the user wants with the task that is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Run it.
    Run,
    /// Skip it, and what depends on it by its rules.
    Skip,
    /// Run it and all others without asking.
    Continue,
    /// Cancel the run.
    Quit,
}

/// What the question says about the answers.
pub(crate) const CHOICES: &str = "[Enter] run  [s] skip  [c] continue without asking  [q] quit";

/// Reads one answer from standard input on a thread of its own and sends it.
/// The end of the input counts as `Quit`, anything unknown repeats the question.
pub(crate) fn ask(answers: mpsc::Sender<Answer>) {
    tokio::task::spawn_blocking(move || {
        let mut stdin = std::io::stdin().lock();
        let mut line = String::new();
        let answer = loop {
            line.clear();
            match stdin.read_line(&mut line) {
                Ok(0) | Err(_) => break Answer::Quit,
                Ok(_) => match parse(&line) {
                    Some(answer) => break answer,
                    None => eprint!("{CHOICES}: "),
                },
            }
        };
        if answers.blocking_send(answer).is_err() {
            // The loop has ended meanwhile, by Ctrl-C.
        }
    });
}

fn parse(line: &str) -> Option<Answer> {
    match line.trim().to_ascii_lowercase().as_str() {
        "" | "r" | "run" | "y" | "yes" => Some(Answer::Run),
        "s" | "skip" | "n" | "no" => Some(Answer::Skip),
        "c" | "continue" => Some(Answer::Continue),
        "q" | "quit" => Some(Answer::Quit),
        _ => None,
    }
}
