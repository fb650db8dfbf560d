//! The pages of an action on many runs: one key for all of them, and what became of the runs.

use std::{collections::BTreeMap, fmt::Write as _};
use weft_api::{
    BulkPage,
    problem::{Problem, Problems},
};

/// How many skipped runs of each reason are named.
const MAX_NAMED: usize = 5;

/// An action, as far as it has come.
#[derive(Debug)]
pub(super) struct Pages {
    key: String,
    cursor: Option<String>,
    acted: u64,
    /// Runs by the reason for which they were skipped: its number, and a few messages.
    skipped: BTreeMap<String, (u64, Vec<String>)>,
}

impl Pages {
    /// Under the key of an action that was interrupted, or a new one.
    pub(super) fn new(key: Option<String>) -> Self {
        Self {
            key: key.unwrap_or_else(weft_client::idempotency_key),
            cursor: None,
            acted: 0,
            skipped: BTreeMap::new(),
        }
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn cursor(&self) -> Option<String> {
        self.cursor.clone()
    }

    /// Adds a page; whether there is another one.
    pub(super) fn add(&mut self, page: BulkPage) -> bool {
        self.acted += u64::from(page.acted);
        for skipped in page.skipped {
            let (number, named) = self.skipped.entry(skipped.code).or_default();
            *number += 1;
            if named.len() < MAX_NAMED {
                named.push(format!("{}: {}", skipped.run, skipped.message));
            }
        }
        self.cursor = page.next;
        self.cursor.is_some()
    }

    /// What to do about an action of which only a part was done.
    pub(super) fn interrupted(&self, has_pages: bool, problems: Problems) -> Problems {
        let (mut list, mut is_first) = (Vec::new(), has_pages);
        for problem in problems.iter().cloned() {
            list.push(if std::mem::take(&mut is_first) {
                note(problem, &self.key, self.acted)
            } else {
                problem
            });
        }
        Problems::from_list(list).unwrap_or(problems)
    }

    /// How many runs were acted on.
    pub(super) const fn acted(&self) -> u64 {
        self.acted
    }

    /// How many runs were acted on, and why others were not.
    pub(super) fn summary(&self, what: &str) -> String {
        let mut text = format!("{} runs {what}\n", self.acted);
        for (code, (number, named)) in &self.skipped {
            writeln!(text, "{number} runs skipped ({code}):").expect("a String takes every text");
            for message in named {
                writeln!(text, "  {message}").expect("a String takes every text");
            }
            if *number > named.len() as u64 {
                text.push_str("  ...\n");
            }
        }
        text
    }
}

fn note(problem: Problem, key: &str, acted: u64) -> Problem {
    problem
        .note(format!("{acted} runs have their command before this"))
        .help(format!("go on with the same command and --key {key}"))
}
