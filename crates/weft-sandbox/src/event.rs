//! The events of a running guest: log lines and progress.
//!
//! The channel is bounded: a full one makes the guest wait, so no reader's memory
//! grows with what a guest writes. What exceeds the log limit is dropped and
//! counted, once, at the end.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

/// One thing a guest showed.
#[derive(Debug, Clone, PartialEq)]
pub enum GuestEvent {
    /// A line.
    Log {
        /// Milliseconds since the Unix epoch, by the host's clock.
        time_ms: i64,
        /// Where it came from.
        stream: LogStream,
        /// The text, without its line end; invalid UTF-8 replaced, long ones cut.
        message: String,
        /// Only structured lines have them.
        fields: Vec<(String, String)>,
    },
    /// How far the task has come.
    Progress {
        /// 0.0 to 1.0, finite.
        fraction: f64,
        /// The author's words.
        message: String,
    },
    /// Lines were dropped, since the attempt's log limit was reached. At most once, at the end.
    LogTruncated {
        /// How many lines.
        dropped_lines: u64,
        /// How many bytes.
        dropped_bytes: u64,
    },
}

/// Where a log line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// `weft:dag/log`, with a level.
    Structured(LogLevel),
}

/// How important a structured line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogLevel {
    /// The finest.
    Trace,
    /// For debugging.
    Debug,
    /// The ordinary course.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

/// The writing end; cheap to clone.
#[derive(Debug, Clone)]
pub struct EventSink(Option<mpsc::Sender<GuestEvent>>);

/// The reading end. Ends when every sink is gone; dropping it lets guests write into the void.
#[derive(Debug)]
pub struct EventStream(mpsc::Receiver<GuestEvent>);

impl EventSink {
    /// A bounded channel; `capacity` is in events and at least 1.
    pub fn channel(capacity: usize) -> (Self, EventStream) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        (Self(Some(sender)), EventStream(receiver))
    }

    /// Discards all events.
    pub const fn discard() -> Self {
        Self(None)
    }

    /// Waits for capacity, then sends the event. Without a receiver events are dropped.
    pub async fn send(&self, event: GuestEvent) {
        if let Some(sender) = &self.0
            && let Err(mpsc::error::SendError(_unseen)) = sender.send(event).await
        {
            // The receiver was dropped; the attempt goes on.
        }
    }

    /// Passes the event on if the sink has capacity, and returns it otherwise.
    pub fn try_send(&self, event: GuestEvent) -> Result<(), GuestEvent> {
        match &self.0 {
            None => Ok(()),
            Some(sender) => match sender.try_send(event) {
                Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
                Err(mpsc::error::TrySendError::Full(event)) => Err(event),
            },
        }
    }

    /// Waits until there is capacity for an event, or the receiver was dropped.
    pub(crate) async fn ready(&self) {
        if let Some(sender) = &self.0
            && let Err(_closed) = sender.reserve().await
        {
            // The receiver was dropped: there is always capacity.
        }
    }
}

impl EventStream {
    /// The next event; `None` when every sink is gone.
    pub async fn next(&mut self) -> Option<GuestEvent> {
        self.0.recv().await
    }

    /// The next event if there is one now.
    pub fn try_next(&mut self) -> Option<GuestEvent> {
        self.0.try_recv().ok()
    }
}

/// The host's wall clock, for events.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}
