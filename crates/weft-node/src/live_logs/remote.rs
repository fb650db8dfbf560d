//! The newest lines of attempts that run on workers elsewhere.
//!
//! A guest decides what it prints, and a worker that is not trusted what it sends: every part is
//! bounded. Lines that do not fit are dropped, and read from the log when the attempt has ended.

use super::bytes_of;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};
use weft_blob::logs::{LiveLines, LogLine};
use weft_server::ports::LogKey;

/// The lines of one attempt, in bytes; older ones are dropped.
const MAX_ATTEMPT_BYTES: usize = 256 << 10;
/// The lines of all attempts, in bytes; those that were silent longest are dropped.
const MAX_BYTES: usize = 64 << 20;
/// What is left when lines were dropped for that, in bytes: so that the next ones drop none again.
const BYTES_AFTER_DROP: usize = MAX_BYTES / 4 * 3;
/// Lines of an attempt that sent none for so long are dropped. Its log is uploaded long before.
const KEPT: Duration = Duration::from_mins(2);

/// Lines that were added, for the other servers of the installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) key: LogKey,
    pub(crate) first: u64,
    pub(crate) lines: Vec<LogLine>,
}

/// What workers elsewhere sent of their attempts' lines.
#[derive(Default)]
pub(crate) struct RemoteLines {
    state: Mutex<State>,
    changed: Notify,
    others: Option<mpsc::Sender<Added>>,
}

#[derive(Default)]
struct State {
    attempts: HashMap<LogKey, Tail>,
    bytes: usize,
    /// When attempts that are silent were last looked for.
    swept: Option<Instant>,
}

struct Tail {
    first: u64,
    lines: VecDeque<LogLine>,
    bytes: usize,
    at: Instant,
}

impl RemoteLines {
    /// One that passes on what it receives, as far as it fits into the channel.
    pub(crate) fn publishing(others: mpsc::Sender<Added>) -> Arc<Self> {
        Arc::new(Self {
            others: Some(others),
            ..Self::default()
        })
    }

    /// Adds lines that a worker sent.
    pub(crate) fn add(&self, key: &LogKey, first: u64, lines: Vec<LogLine>) {
        if let Some(others) = &self.others {
            let added = Added {
                key: key.clone(),
                first,
                lines: lines.clone(),
            };
            drop(others.try_send(added));
        }
        self.receive(key, first, lines);
    }

    /// Adds lines, and passes none on.
    pub(crate) fn receive(&self, key: &LogKey, first: u64, lines: Vec<LogLine>) {
        if lines.is_empty() {
            return;
        }
        self.state().add(key, first, lines, Instant::now());
        self.changed.notify_waiters();
    }

    /// Whether there are lines of the attempt.
    pub(crate) fn knows(&self, key: &LogKey) -> bool {
        self.state().attempts.contains_key(key)
    }

    /// As [`weft_server::ports::LiveLogs::lines`].
    pub(crate) async fn lines(
        &self,
        key: &LogKey,
        from: u64,
        max: usize,
        patience: Duration,
    ) -> Option<LiveLines> {
        let until = Instant::now() + patience;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            let found = self.state().lines(key, from, max);
            if found.as_ref().is_some_and(|found| !found.lines.is_empty())
                || timeout_at(until, changed).await.is_err()
            {
                return found;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No other code runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lines(&self, key: &LogKey, from: u64, max: usize) -> Option<LiveLines> {
        let tail = self.attempts.get(key)?;
        let skipped = usize::try_from(from.saturating_sub(tail.first)).unwrap_or(usize::MAX);
        Some(LiveLines {
            first: from.max(tail.first),
            lines: tail.lines.iter().skip(skipped).take(max).cloned().collect(),
            has_ended: false,
        })
    }

    fn add(&mut self, key: &LogKey, first: u64, lines: Vec<LogLine>, now: Instant) {
        let tail = self.attempts.entry(key.clone()).or_insert_with(|| Tail {
            first,
            lines: VecDeque::new(),
            bytes: 0,
            at: now,
        });
        self.bytes -= tail.bytes;
        tail.at = now;
        tail.add(first, lines);
        self.bytes += tail.bytes;
        if self.bytes > MAX_BYTES {
            self.drop_oldest();
        }
        if self.swept.is_none_or(|swept| swept + KEPT / 2 <= now) {
            self.swept = Some(now);
            self.drop_silent(now);
        }
    }

    /// Drops attempts whose time is over.
    fn drop_silent(&mut self, now: Instant) {
        let silent = self.attempts.extract_if(|_key, tail| tail.at + KEPT < now);
        let freed: usize = silent.map(|(_key, tail)| tail.bytes).sum();
        self.bytes -= freed;
    }

    /// Drops those that were silent longest, until the rest is well below the bound.
    fn drop_oldest(&mut self) {
        let mut by_age: Vec<(Instant, LogKey)> = self
            .attempts
            .iter()
            .map(|(key, tail)| (tail.at, key.clone()))
            .collect();
        by_age.sort_by_key(|(at, _key)| *at);
        for (_at, key) in by_age {
            if self.bytes <= BYTES_AFTER_DROP {
                break;
            }
            if let Some(tail) = self.attempts.remove(&key) {
                self.bytes -= tail.bytes;
            }
        }
    }
}

impl Tail {
    /// Lines that are there already are skipped; after a gap it begins anew.
    fn add(&mut self, first: u64, lines: Vec<LogLine>) {
        let next = self.first + self.lines.len() as u64;
        if first > next {
            self.lines.clear();
            self.bytes = 0;
            self.first = first;
        }
        let known = usize::try_from(next.saturating_sub(first)).unwrap_or(usize::MAX);
        for line in lines.into_iter().skip(known) {
            self.bytes += bytes_of(&line);
            self.lines.push_back(line);
            while self.bytes > MAX_ATTEMPT_BYTES
                && let Some(dropped) = self.lines.pop_front()
            {
                self.bytes -= bytes_of(&dropped);
                self.first += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_blob::logs::LogSource;
    use weft_core::{document::TaskIndex, run::Instance, time::Timestamp};

    fn key(number: u32) -> LogKey {
        LogKey {
            tenant: "default".parse().unwrap(),
            run: "0000000000001".parse().unwrap(),
            instance: Instance {
                task: TaskIndex(0),
                index: 0,
            },
            number,
        }
    }

    fn lines(messages: std::ops::Range<u64>, bytes: usize) -> Vec<LogLine> {
        let line = |n| LogLine {
            at: Timestamp(1),
            source: LogSource::Stderr,
            message: format!("{n}{}", "x".repeat(bytes)),
            fields: Vec::new(),
        };
        messages.map(line).collect()
    }

    #[tokio::test]
    async fn a_reader_waits_for_the_next_line_and_repeated_lines_count_once() {
        let remote = Arc::new(RemoteLines::default());
        remote.add(&key(1), 0, lines(0..3, 0));
        remote.add(&key(1), 1, lines(1..5, 0));
        let found = remote.lines(&key(1), 2, 10, Duration::ZERO).await.unwrap();
        assert_eq!((found.first, found.lines), (2, lines(2..5, 0)));
        let reader = tokio::spawn({
            let remote = Arc::clone(&remote);
            async move { remote.lines(&key(1), 5, 10, Duration::from_mins(1)).await }
        });
        remote.add(&key(1), 5, lines(5..6, 0));
        assert_eq!(reader.await.unwrap().unwrap().lines, lines(5..6, 0));
        assert_eq!(remote.lines(&key(2), 0, 10, Duration::ZERO).await, None);
    }

    #[tokio::test]
    async fn an_attempt_and_all_of_them_are_bounded() {
        let remote = RemoteLines::default();
        for number in 1..=300 {
            remote.add(&key(number), 7, lines(7..407, 1_000));
        }
        assert!(remote.state().bytes <= MAX_BYTES);
        assert!(!remote.knows(&key(1)));
        let found = remote.lines(&key(300), 0, 1_000, Duration::ZERO).await;
        let found = found.unwrap();
        assert!(found.first > 7 && found.lines.len() < 270);
        assert_eq!(found.first + found.lines.len() as u64, 407);
        // A gap is no line.
        remote.add(&key(300), 1_000, lines(1_000..1_001, 0));
        let found = remote.lines(&key(300), 0, 9, Duration::ZERO).await.unwrap();
        assert_eq!((found.first, found.lines.len()), (1_000, 1));
    }
}
