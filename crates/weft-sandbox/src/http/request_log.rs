//! Log lines about refused requests, for operators and authors: the guest only
//! sees a code.

use crate::{LogLevel, log::LogBook};
use std::sync::{Arc, Mutex};

/// The most different lines about one attempt's requests, of which a guest can cause any
/// number.
const MAX_LINES: usize = 16;

/// Log lines about an attempt's requests. Clones share them.
#[derive(Clone)]
pub(crate) struct RequestLog {
    log: Arc<LogBook>,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    denied: Option<String>,
}

impl RequestLog {
    pub(crate) fn new(log: Arc<LogBook>) -> Self {
        Self {
            log,
            lines: Arc::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lines> {
        // Lines are only ever appended, so they are sound even after a panic.
        self.lines
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Records a request that lacks a grant; `line` names the grant to add.
    pub(crate) fn denied(&self, line: String) {
        self.lock().denied.get_or_insert_with(|| line.clone());
        self.warn_once(line);
    }

    /// Writes a line to the log, once.
    pub(crate) fn warn_once(&self, line: String) {
        let mut logged = self.lock();
        if logged.lines.len() >= MAX_LINES || logged.lines.contains(&line) {
            return;
        }
        self.log.note(LogLevel::Warn, &line);
        logged.lines.push(line);
    }

    /// The first refusal that lacked a grant.
    pub(crate) fn first_denial(&self) -> Option<String> {
        self.lock().denied.clone()
    }
}
