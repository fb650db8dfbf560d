//! The lines of an attempt as they come.

use super::{LogError, LogKey, LogLine, LogPointer, LogReader, LogWriter, chunk};
use bytes::Bytes;
use std::{collections::VecDeque, time::Duration};
use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};

/// What is sent to followers.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// Lines, encoded, and the number of the first.
    Lines { first: u64, payload: Bytes },
    /// The attempt ended.
    Ended(Option<LogPointer>),
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogNews {
    /// Lines, in order.
    Lines {
        /// The number of the first, from 0 on.
        first: u64,
        /// The lines.
        lines: Vec<LogLine>,
    },
    /// The follower was too slow: so many lines passed by. They can be read later.
    Missed(u64),
    /// The attempt ended; the pointer names its whole log.
    Ended(Option<LogPointer>),
}

/// Follows one attempt.
#[derive(Debug)]
pub struct LogFollow {
    /// What was written before the follower came: lines 0 to `next`, exclusive.
    pub written: Option<LogPointer>,
    /// The number of the next line that [`Self::next`] gives.
    next: u64,
    ready: VecDeque<News>,
    news: broadcast::Receiver<News>,
    has_ended: bool,
}

/// Some lines of an attempt that may still run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveLines {
    /// The number of the first of them.
    pub first: u64,
    /// In order; empty where the wait was in vain.
    pub lines: Vec<LogLine>,
    /// The attempt has ended, and these are its last.
    pub has_ended: bool,
}

impl LogFollow {
    pub(super) fn new(
        (written, first, waiting, news): (
            Option<LogPointer>,
            u64,
            Bytes,
            broadcast::Receiver<News>,
        ),
    ) -> Self {
        let mut ready = VecDeque::new();
        if !waiting.is_empty() {
            ready.push_back(News::Lines {
                first,
                payload: waiting,
            });
        }
        Self {
            written,
            next: first,
            ready,
            news,
            has_ended: false,
        }
    }

    /// The number of the first line that comes from here; those before are read with [`Self::written`].
    pub const fn first(&self) -> u64 {
        self.next
    }

    /// Waits for news; none after the end, or when the writer is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<LogNews> {
        loop {
            if self.has_ended {
                return None;
            }
            let news = match self.ready.pop_front() {
                Some(news) => news,
                None => match self.news.recv().await {
                    Ok(news) => news,
                    // How many lines it were is told by the next number.
                    Err(broadcast::error::RecvError::Lagged(_batches)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            match news {
                News::Lines { first, .. } if first > self.next => {
                    let missed = first - self.next;
                    self.next = first;
                    self.ready.push_front(news);
                    return Some(LogNews::Missed(missed));
                }
                News::Lines { first, payload } => {
                    let lines = chunk::decode_lines(&payload).unwrap_or_default();
                    self.next = first + lines.len() as u64;
                    return Some(LogNews::Lines { first, lines });
                }
                News::Ended(pointer) => {
                    self.has_ended = true;
                    return Some(LogNews::Ended(pointer));
                }
            }
        }
    }
}

impl LogWriter {
    /// Lines of an attempt that may still run, from number `from` on, at most
    /// `max`: what was written is read, what wait is added, and where there is
    /// nothing yet it waits for `patience`. None where nothing was heard of the
    /// attempt: it has printed nothing, has ended, or runs elsewhere.
    ///
    /// # Errors
    /// As [`LogWriter::follow`] and [`LogReader::read`].
    pub async fn lines(
        &self,
        reader: &LogReader,
        key: &LogKey,
        from: u64,
        max: usize,
        patience: Duration,
    ) -> Result<Option<LiveLines>, LogError> {
        let until = Instant::now() + patience;
        let mut follow = self.follow(key).await?;
        if from < follow.first()
            && let Some(pointer) = &follow.written
        {
            let page = reader.read(&key.tenant, pointer, from, max).await?;
            return Ok(Some(LiveLines {
                first: page.first,
                lines: page.lines,
                has_ended: false,
            }));
        }
        let mut is_known = follow.first() > 0;
        while let Ok(news) = timeout_at(until, follow.next()).await {
            let (first, lines, has_ended) = match news {
                None | Some(LogNews::Ended(None)) => break,
                Some(LogNews::Missed(_)) => continue,
                Some(LogNews::Ended(Some(_))) => (from, Vec::new(), true),
                Some(LogNews::Lines { first, lines }) => {
                    is_known = true;
                    let skipped = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
                    let lines: Vec<_> = lines.into_iter().skip(skipped).take(max).collect();
                    if lines.is_empty() {
                        continue;
                    }
                    (first.max(from), lines, false)
                }
            };
            return Ok(Some(LiveLines {
                first,
                lines,
                has_ended,
            }));
        }
        Ok(is_known.then(|| LiveLines {
            first: from,
            lines: Vec::new(),
            has_ended: false,
        }))
    }
}
