//! One attempt's log lines and progress, on their way to the event sink.
//!
//! Standard output and error are cut into lines here; structured lines come
//! whole. Every line is charged against the attempt's limits (bytes of a line,
//! bytes in all, lines a second); what exceeds them is dropped and counted.
//! What waits for a full sink is bounded by what one write may bring, since a
//! stream takes no more before that is gone: a slow reader makes the guest wait.

mod output;
mod partial;

pub(crate) use output::LogOutput;

use crate::event::{EventSink, GuestEvent, LogLevel, LogStream, now_ms};
use partial::Partial;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use weft_core::limit::Limits;

/// Progress is passed on at most so often; the last one always is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// How many seconds' worth of lines may come at once.
const BURST_SECONDS: u64 = 10;

/// Fields of one structured line beyond this number are dropped.
const MAX_FIELDS: usize = 64;

/// How long the end of an attempt waits for a reader that doesn't read.
const FLUSH_WAIT: Duration = Duration::from_secs(5);

/// The mark at the end of a cut line.
const CUT_MARK: &str = " [cut]";

/// One attempt's log.
#[derive(Debug)]
pub(crate) struct LogBook {
    sink: EventSink,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    line_bytes: usize,
    bytes_left: u64,
    written: u64,
    lines: Bucket,
    stdout: Partial,
    stderr: Partial,
    pending: VecDeque<GuestEvent>,
    dropped_lines: u64,
    dropped_bytes: u64,
    last_progress: Option<Instant>,
    held_progress: Option<GuestEvent>,
}

/// A token bucket: so many a second, after a burst.
#[derive(Debug)]
struct Bucket {
    per_second: u64,
    /// In thousandths of a line.
    tokens: u64,
    filled: Instant,
}

impl Bucket {
    fn new(per_second: u64) -> Self {
        Self {
            per_second,
            tokens: Self::capacity(per_second),
            filled: Instant::now(),
        }
    }

    fn capacity(per_second: u64) -> u64 {
        per_second.saturating_mul(1000 * BURST_SECONDS)
    }

    fn take(&mut self) -> bool {
        if self.tokens < 1000 {
            let now = Instant::now();
            let millis = u64::try_from((now - self.filled).as_millis()).unwrap_or(u64::MAX);
            if millis > 0 {
                self.filled = now;
                let more = millis.saturating_mul(self.per_second);
                self.tokens = self
                    .tokens
                    .saturating_add(more)
                    .min(Self::capacity(self.per_second));
            }
        }
        if self.tokens < 1000 {
            return false;
        }
        self.tokens -= 1000;
        true
    }
}

impl LogBook {
    /// An empty log.
    pub(crate) fn new(sink: EventSink, limits: &Limits) -> Self {
        Self {
            sink,
            book: Mutex::new(Book {
                line_bytes: usize::try_from(limits.log_line_bytes).unwrap_or(usize::MAX),
                bytes_left: limits.log_bytes,
                written: 0,
                lines: Bucket::new(limits.log_lines_per_second),
                stdout: Partial::default(),
                stderr: Partial::default(),
                pending: VecDeque::new(),
                dropped_lines: 0,
                dropped_bytes: 0,
                last_progress: None,
                held_progress: None,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // No code that holds the lock leaves it half changed, so a panic elsewhere does no harm.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes of a standard stream and passes whole lines on, as far as the sink has capacity.
    pub(crate) fn write_stream(&self, stream: LogStream, bytes: &[u8]) {
        let mut book = self.lock();
        let most = book.line_bytes;
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            let partial = book.partial(stream);
            partial.push(line, most);
            let (line, lost) = partial.take();
            book.line(stream, line, lost, Vec::new());
        }
        book.partial(stream).push(rest, most);
        self.drain_into(&mut book);
    }

    /// Takes a structured line; waits for capacity.
    pub(crate) async fn write_line(
        &self,
        level: LogLevel,
        message: &str,
        fields: Vec<(String, String)>,
    ) {
        {
            let mut book = self.lock();
            let kept = message.floor_char_boundary(book.line_bytes);
            let lost = (message.len() - kept) as u64;
            book.line(
                LogStream::Structured(level),
                message[..kept].to_owned(),
                lost,
                fields,
            );
        }
        self.drained().await;
    }

    /// Takes a line of the host's own; never waits.
    pub(crate) fn note(&self, level: LogLevel, message: &str, fields: Vec<(String, String)>) {
        let mut book = self.lock();
        let kept = message.floor_char_boundary(book.line_bytes);
        let lost = (message.len() - kept) as u64;
        book.line(
            LogStream::Structured(level),
            message[..kept].to_owned(),
            lost,
            fields,
        );
        self.drain_into(&mut book);
    }

    /// Takes progress; never waits.
    pub(crate) fn progress(&self, fraction: f64, message: &str) {
        if !fraction.is_finite() {
            return;
        }
        let mut book = self.lock();
        let message = message[..message.floor_char_boundary(book.line_bytes)].to_owned();
        let event = GuestEvent::Progress {
            fraction: fraction.clamp(0.0, 1.0),
            message,
        };
        let now = Instant::now();
        let is_due = book
            .last_progress
            .is_none_or(|last| now - last >= PROGRESS_INTERVAL);
        book.held_progress = if is_due && self.drain_into(&mut book) {
            self.sink.try_send(event).err()
        } else {
            Some(event)
        };
        if book.held_progress.is_none() {
            book.last_progress = Some(now);
        }
    }

    /// Whether a stream may write more now.
    pub(crate) fn has_room(&self) -> bool {
        self.drain_into(&mut self.lock())
    }

    /// Waits until nothing is pending.
    pub(crate) async fn drained(&self) {
        while !self.has_room() {
            self.sink.ready().await;
        }
    }

    /// Sends what is left and reports what was dropped. Waits for the reader, but
    /// not for ever. Returns the bytes of all lines that were passed on.
    pub(crate) async fn finish(&self) -> u64 {
        let written = {
            let mut book = self.lock();
            for stream in [LogStream::Stdout, LogStream::Stderr] {
                let partial = book.partial(stream);
                if !partial.is_empty() {
                    let (line, lost) = partial.take();
                    book.line(stream, line, lost, Vec::new());
                }
            }
            if let Some(progress) = book.held_progress.take() {
                book.pending.push_back(progress);
            }
            if book.dropped_lines > 0 || book.dropped_bytes > 0 {
                let truncated = GuestEvent::LogTruncated {
                    dropped_lines: book.dropped_lines,
                    dropped_bytes: book.dropped_bytes,
                };
                book.pending.push_back(truncated);
            }
            book.written
        };
        if !self.has_room()
            && tokio::time::timeout(FLUSH_WAIT, self.drained())
                .await
                .is_err()
        {
            self.lock().pending.clear();
        }
        written
    }

    /// True when nothing is pending any more.
    fn drain_into(&self, book: &mut Book) -> bool {
        while let Some(event) = book.pending.pop_front() {
            if let Err(event) = self.sink.try_send(event) {
                book.pending.push_front(event);
                return false;
            }
        }
        true
    }
}

impl Book {
    fn partial(&mut self, stream: LogStream) -> &mut Partial {
        if stream == LogStream::Stderr {
            &mut self.stderr
        } else {
            &mut self.stdout
        }
    }

    /// Charges a line and puts it behind what is pending. `lost` are the bytes that
    /// were cut off its end already.
    fn line(
        &mut self,
        stream: LogStream,
        mut message: String,
        lost: u64,
        mut fields: Vec<(String, String)>,
    ) {
        fields.truncate(MAX_FIELDS);
        let mut bytes = message.len();
        let mut lost = lost;
        for (key, value) in &mut fields {
            lost += cut(key, self.line_bytes.saturating_sub(bytes));
            bytes += key.len();
            lost += cut(value, self.line_bytes.saturating_sub(bytes));
            bytes += value.len();
        }
        let bytes = bytes as u64;
        if bytes > self.bytes_left || !self.lines.take() {
            self.dropped_lines += 1;
            self.dropped_bytes += bytes + lost;
            return;
        }
        self.bytes_left -= bytes;
        self.written += bytes;
        self.dropped_bytes += lost;
        if lost > 0 {
            message.push_str(CUT_MARK);
        }
        self.pending.push_back(GuestEvent::Log {
            time_ms: now_ms(),
            stream,
            message,
            fields,
        });
    }
}

fn cut(text: &mut String, most: usize) -> u64 {
    let kept = text.floor_char_boundary(most);
    let lost = text.len() - kept;
    text.truncate(kept);
    lost as u64
}

#[cfg(test)]
mod tests;
