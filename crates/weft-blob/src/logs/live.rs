//! Pages of an attempt's lines while it runs.

use super::{LogError, LogKey, LogLine, LogReader, LogUpdate, LogWriter};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

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

impl LogWriter {
    /// Lines of an attempt that may still run, from number `from` on, at most
    /// `max`: what was written is read, what wait is added, and where there is
    /// nothing yet it waits for `wait_at_most`. None if this worker
    /// knows no lines of the attempt: it has printed nothing, has ended, or runs elsewhere.
    ///
    /// # Errors
    /// As [`LogWriter::follow`] and [`LogReader::read`].
    pub async fn lines(
        &self,
        reader: &LogReader,
        key: &LogKey,
        from: u64,
        max: usize,
        wait_at_most: Duration,
    ) -> Result<Option<LiveLines>, LogError> {
        let until = Instant::now() + wait_at_most;
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
        while let Ok(update) = timeout_at(until, follow.next()).await {
            let (first, lines, has_ended) = match update {
                None | Some(LogUpdate::Ended(None)) => break,
                Some(LogUpdate::Missed(_)) => continue,
                Some(LogUpdate::Ended(Some(_))) => (from, Vec::new(), true),
                Some(LogUpdate::Lines { first, lines }) => {
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
