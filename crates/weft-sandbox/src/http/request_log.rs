//! Log lines about an attempt's requests, for operators and authors: what was refused, of which the
//! guest sees a code only, and what was sent.

use super::target::Target;
use crate::{LogLevel, log::LogBook};
use http::{Method, StatusCode};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use wasmtime_wasi_http::Error;

/// The most different warnings about one attempt's requests, of which a guest can cause any
/// number.
const MAX_WARNINGS: usize = 16;
/// The most requests of an attempt that have a line each.
const MAX_SENT: u32 = 200;

/// Log lines about an attempt's requests. Clones share them.
#[derive(Clone)]
pub(crate) struct RequestLog {
    log: Arc<LogBook>,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Default)]
struct Lines {
    warnings: Vec<String>,
    sent: u32,
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
        if logged.warnings.len() >= MAX_WARNINGS || logged.warnings.contains(&line) {
            return;
        }
        self.log.note(LogLevel::Warn, &line, Vec::new());
        logged.warnings.push(line);
    }

    /// Records a request that was sent, and its response or why there was none. Without its path
    /// and query, since some services take their secrets there.
    pub(crate) fn sent(
        &self,
        method: &Method,
        target: &Target,
        response: Result<StatusCode, &Error>,
        took: Duration,
    ) {
        let number = {
            let mut lines = self.lock();
            lines.sent = lines.sent.saturating_add(1);
            lines.sent
        };
        if number > MAX_SENT {
            return;
        }
        let address = format!("{}://{}", target.scheme.as_str(), target.authority());
        let took_ms = took.as_millis();
        let (outcome, status) = match response {
            Ok(status) => (
                status.as_u16().to_string(),
                Some(status.as_u16().to_string()),
            ),
            Err(error) => (error.to_string(), None),
        };
        let rest = if number == MAX_SENT {
            "; further requests are not listed"
        } else {
            ""
        };
        let line = format!("{method} {address}: {outcome} after {took_ms} ms{rest}");
        let mut fields = vec![
            ("http.method".to_owned(), method.to_string()),
            ("http.address".to_owned(), address),
            ("http.ms".to_owned(), took_ms.to_string()),
        ];
        fields.extend(status.map(|status| ("http.status".to_owned(), status)));
        self.log.note(LogLevel::Debug, &line, fields);
    }

    /// The first refusal that lacked a grant.
    pub(crate) fn first_denial(&self) -> Option<String> {
        self.lock().denied.clone()
    }
}
