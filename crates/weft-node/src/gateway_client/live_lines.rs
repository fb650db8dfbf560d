//! Sends the lines of running attempts to the server, for people who watch them.
//!
//! The log segments remain the truth. What is sent here is bounded for each attempt and for the
//! worker: of an attempt that prints faster only the newest lines are sent, and the numbers of
//! the lines show the gap. A failed call drops its lines.

use super::GatewayClient;
use crate::live_logs::bytes_of;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::sleep};
use weft_blob::logs::LogLine;
use weft_broker::{AttemptKey, message::write_key};
use weft_worker::LiveLines;

/// The least time between two calls.
const INTERVAL: Duration = Duration::from_millis(200);
/// The wait after a failed call.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// Lines of one attempt that wait to be sent, in bytes; older ones are dropped.
const MAX_WAITING_BYTES: usize = 32 << 10;
/// A longer message is cut, in bytes; the log has it whole.
const MAX_MESSAGE_BYTES: usize = 4 << 10;
/// A call is sent once it has so many bytes.
const MAX_CALL_BYTES: usize = 256 << 10;

/// Lines that wait to be sent.
#[derive(Default)]
pub(crate) struct LiveLineSender {
    waiting: Mutex<Waiting>,
    has_lines: Notify,
}

#[derive(Default)]
struct Waiting {
    /// In the order in which they got their first waiting line.
    order: VecDeque<AttemptKey>,
    attempts: HashMap<AttemptKey, Tail>,
}

/// The newest lines of one attempt.
#[derive(Default)]
struct Tail {
    first: u64,
    lines: VecDeque<LogLine>,
    bytes: usize,
}

#[derive(Serialize)]
struct Call<'a> {
    attempts: &'a [Box<RawValue>],
}

#[derive(Serialize)]
struct AttemptLines<'a> {
    attempt: String,
    first: u64,
    lines: &'a VecDeque<LogLine>,
}

impl LiveLines for LiveLineSender {
    fn push(&self, attempt: &AttemptKey, first: u64, lines: &[LogLine]) {
        let mut waiting = self.waiting();
        let Waiting { order, attempts } = &mut *waiting;
        let tail = attempts.entry(*attempt).or_insert_with(|| {
            order.push_back(*attempt);
            Tail::default()
        });
        tail.add(first, lines);
        drop(waiting);
        self.has_lines.notify_one();
    }
}

impl LiveLineSender {
    /// Sends what is pushed, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>, client: GatewayClient) {
        loop {
            self.has_lines.notified().await;
            while let Some(body) = self.take_call() {
                let pause = match client.post("lines", body).await {
                    Ok(_empty) => INTERVAL,
                    Err(error) => {
                        tracing::debug!(%error, operation = "send lines", "call failed; people see these lines when the attempt has ended");
                        RETRY_PAUSE
                    }
                };
                sleep(pause).await;
            }
        }
    }

    /// The body of the next call; `None` if nothing waits.
    fn take_call(&self) -> Option<Vec<u8>> {
        let mut waiting = self.waiting();
        let (mut attempts, mut bytes) = (Vec::new(), 0);
        while bytes < MAX_CALL_BYTES
            && let Some(key) = waiting.order.pop_front()
        {
            let Some(tail) = waiting.attempts.remove(&key) else {
                continue;
            };
            let message = AttemptLines {
                attempt: write_key(&key),
                first: tail.first,
                lines: &tail.lines,
            };
            let message =
                serde_json::value::to_raw_value(&message).expect("lines have no map with odd keys");
            bytes += message.get().len();
            attempts.push(message);
        }
        drop(waiting);
        if attempts.is_empty() {
            return None;
        }
        let call = Call {
            attempts: &attempts,
        };
        Some(serde_json::to_vec(&call).expect("raw values are JSON"))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No other code runs while it is locked.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn add(&mut self, first: u64, lines: &[LogLine]) {
        if first != self.first + self.lines.len() as u64 {
            self.lines.clear();
            self.bytes = 0;
            self.first = first;
        }
        for line in lines {
            let line = shortened(line);
            self.bytes += bytes_of(&line);
            self.lines.push_back(line);
            while self.bytes > MAX_WAITING_BYTES
                && let Some(dropped) = self.lines.pop_front()
            {
                self.bytes -= bytes_of(&dropped);
                self.first += 1;
            }
        }
    }
}

/// The line without what is beyond the bound.
fn shortened(line: &LogLine) -> LogLine {
    let mut short = LogLine {
        at: line.at,
        source: line.source,
        message: String::new(),
        fields: Vec::new(),
    };
    let kept = line.message.floor_char_boundary(MAX_MESSAGE_BYTES);
    line.message[..kept].clone_into(&mut short.message);
    let fields: usize = line.fields.iter().map(|(n, v)| n.len() + v.len()).sum();
    if kept == line.message.len() && kept + fields <= MAX_MESSAGE_BYTES {
        short.fields.clone_from(&line.fields);
    } else {
        short.message.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_blob::logs::LogSource;
    use weft_core::time::Timestamp;

    fn line(message: &str) -> LogLine {
        LogLine {
            at: Timestamp(1),
            source: LogSource::Stderr,
            message: message.to_owned(),
            fields: Vec::new(),
        }
    }

    #[test]
    fn an_attempt_that_prints_too_fast_keeps_its_newest_lines() {
        let mut tail = Tail::default();
        let lines: Vec<LogLine> = (0..10_000).map(|n| line(&n.to_string())).collect();
        tail.add(0, &lines);
        assert!(tail.bytes <= MAX_WAITING_BYTES);
        assert_eq!(tail.lines.back(), lines.last());
        assert_eq!(tail.first + tail.lines.len() as u64, 10_000);
    }

    #[test]
    fn a_gap_begins_anew_and_a_long_line_is_cut() {
        let mut tail = Tail::default();
        tail.add(0, &[line("a")]);
        tail.add(5, &[line(&"ä".repeat(MAX_MESSAGE_BYTES))]);
        assert_eq!((tail.first, tail.lines.len()), (5, 1));
        assert!(tail.lines[0].message.len() <= MAX_MESSAGE_BYTES + '…'.len_utf8());
        assert!(tail.lines[0].message.ends_with('…'));
    }
}
