//! What an operator and an author need to know of requests that were not made:
//! the guest only sees a code.

use crate::{LogLevel, log::LogBook};
use std::sync::{Arc, Mutex};

/// The most different lines about one attempt's requests; a guest can make more of
/// them than anybody wants to read.
const MAX_NOTES: usize = 16;

/// Log lines about an attempt's requests. Clones share them.
#[derive(Clone)]
pub(crate) struct Notes {
    log: Arc<LogBook>,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    lines: Vec<String>,
    denied: Option<String>,
}

impl Notes {
    pub(crate) fn new(log: Arc<LogBook>) -> Self {
        Self {
            log,
            kept: Arc::default(),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Lines are only ever appended, so they are sound even after a panic.
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A request was refused for want of a grant; `line` names the grant to add.
    pub(crate) fn denied(&self, line: String) {
        self.kept().denied.get_or_insert_with(|| line.clone());
        self.say(line);
    }

    /// Tells the log, once.
    pub(crate) fn say(&self, line: String) {
        let mut kept = self.kept();
        if kept.lines.len() >= MAX_NOTES || kept.lines.contains(&line) {
            return;
        }
        self.log.note(LogLevel::Warn, &line);
        kept.lines.push(line);
    }

    /// The first refusal for want of a grant.
    pub(crate) fn first_denial(&self) -> Option<String> {
        self.kept().denied.clone()
    }
}
