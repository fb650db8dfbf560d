//! From what a guest shows to lines of its log, in groups: a line costs no wait
//! of its own, and an attempt that shows nothing costs nothing.

use crate::{LiveLines, deps::now};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_blob::logs::{AttemptLog, LogError, LogLine, LogPointer, LogSource};
use weft_broker::AttemptKey;
use weft_core::{run::Instance, run_id::RunId, time::Timestamp};
use weft_sandbox::{EventStream, GuestEvent, LogLevel, LogStream};

/// How many of a guest's lines wait to be taken before the guest waits.
pub(crate) const WAITING_LINES: usize = 64;
/// Progress becomes a line at most so often; the last one always does.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What an attempt's log is called: unique within its tenant, as
/// [`weft_blob::logs::LogKey::attempt`] asks.
pub fn log_name(run: RunId, instance: Instance, number: u32) -> String {
    format!("{run}/{}/{}/{number}", instance.task.0, instance.index)
}

/// Writes one attempt's lines.
pub(crate) struct AttemptLines {
    key: AttemptKey,
    log: AttemptLog,
    events: EventStream,
    live: Option<Arc<dyn LiveLines>>,
    /// The number of the next line that is written.
    next: u64,
    /// Taken and not written.
    lines: Vec<LogLine>,
    progress_at: Option<Instant>,
    held_progress: Option<LogLine>,
    is_broken: bool,
}

impl AttemptLines {
    pub(crate) fn new(
        key: AttemptKey,
        log: AttemptLog,
        events: EventStream,
        live: Option<Arc<dyn LiveLines>>,
    ) -> Self {
        Self {
            key,
            log,
            events,
            live,
            next: 0,
            lines: Vec::new(),
            progress_at: None,
            held_progress: None,
            is_broken: false,
        }
    }

    /// Waits until the guest shows something; for ever where it can't any more.
    /// Dropping it loses nothing.
    pub(crate) async fn wait(&mut self) {
        match self.events.next().await {
            Some(event) => self.take(event),
            None => std::future::pending().await,
        }
    }

    /// Whether as many lines were taken at most as may wait.
    pub(crate) const fn are_few(&self) -> bool {
        self.lines.len() <= WAITING_LINES
    }

    /// Writes what was taken, and whatever else is there.
    pub(crate) async fn write(&mut self) {
        while self.lines.len() < WAITING_LINES
            && let Some(event) = self.events.try_next()
        {
            self.take(event);
        }
        if self.lines.is_empty() || self.is_broken {
            self.lines.clear();
            return;
        }
        let lines = std::mem::take(&mut self.lines);
        if let Some(live) = &self.live {
            live.push(&self.key, self.next, &lines);
        }
        self.next += lines.len() as u64;
        if let Err(error) = self.log.append(lines).await {
            self.lost(&error);
        }
    }

    /// Writes the rest; says where the log lies, unless there is none.
    pub(crate) async fn finish(mut self) -> Option<LogPointer> {
        while let Some(event) = self.events.try_next() {
            self.take(event);
        }
        self.lines.extend(self.held_progress.take());
        self.write().await;
        let key = self.key;
        match self.log.finish().await {
            Ok(pointer) => pointer,
            Err(LogError::Lost { kept, why }) => {
                tracing::warn!(run = %key.run, attempt = ?key.attempt, error = %why, operation = "write log", "writing an attempt's log failed; lines are lost");
                kept
            }
            Err(error) => {
                tracing::warn!(run = %key.run, attempt = ?key.attempt, %error, operation = "finish log", "writing an attempt's log failed; it is lost");
                None
            }
        }
    }

    /// A log that can't be written must not fail the attempt.
    fn lost(&mut self, error: &LogError) {
        tracing::warn!(run = %self.key.run, attempt = ?self.key.attempt, %error, operation = "write log", "writing an attempt's log failed; lines are lost");
        self.is_broken = true;
    }

    fn take(&mut self, event: GuestEvent) {
        match event {
            GuestEvent::Log {
                time_ms,
                stream,
                message,
                fields,
            } => self.lines.push(LogLine {
                at: Timestamp(time_ms),
                source: source(stream),
                message,
                fields,
            }),
            GuestEvent::Progress { fraction, message } => {
                let line = LogLine {
                    fields: vec![("progress".into(), format!("{fraction:.4}"))],
                    ..LogLine::weft(now(), message)
                };
                let is_due = self
                    .progress_at
                    .is_none_or(|at| at.elapsed() >= PROGRESS_INTERVAL);
                if is_due {
                    self.progress_at = Some(Instant::now());
                    self.held_progress = None;
                    self.lines.push(line);
                } else {
                    self.held_progress = Some(line);
                }
            }
            GuestEvent::LogTruncated {
                dropped_lines,
                dropped_bytes,
            } => {
                let message = format!(
                    "{dropped_lines} further lines of {dropped_bytes} bytes were dropped: the task's limits on logs were reached"
                );
                self.lines.push(LogLine::weft(now(), message));
            }
        }
    }
}

const fn source(stream: LogStream) -> LogSource {
    match stream {
        LogStream::Stdout => LogSource::Stdout,
        LogStream::Stderr => LogSource::Stderr,
        LogStream::Structured(LogLevel::Trace) => LogSource::Trace,
        LogStream::Structured(LogLevel::Debug) => LogSource::Debug,
        LogStream::Structured(LogLevel::Info) => LogSource::Info,
        LogStream::Structured(LogLevel::Warn) => LogSource::Warn,
        LogStream::Structured(LogLevel::Error) => LogSource::Error,
    }
}
