//! The lines that running tasks print: of this process' own worker, and of workers elsewhere.

mod remote;

/// What a line counts beside its texts, in bytes.
const LINE_OVERHEAD: usize = 64;

/// What a line counts against the bounds, in bytes.
pub(crate) fn bytes_of(line: &LogLine) -> usize {
    let fields: usize = line.fields.iter().map(|(n, v)| n.len() + v.len()).sum();
    line.message.len() + fields + LINE_OVERHEAD
}

pub(crate) use remote::{Added, RemoteLines};

use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use weft_blob::logs::{self, LiveLines, LogLine, LogReader, LogWriter};
use weft_server::ports::{LiveLogs, LogKey};

/// The log writer of the one worker of this process.
pub(crate) struct OneWriter {
    pub(crate) writer: LogWriter,
    pub(crate) reader: LogReader,
}

impl OneWriter {
    async fn lines(
        &self,
        attempt: &LogKey,
        from: u64,
        max: usize,
        patience: Duration,
    ) -> Option<LiveLines> {
        let key = logs::LogKey {
            tenant: attempt.tenant.clone(),
            attempt: weft_worker::log_name(attempt.run, attempt.instance, attempt.number).into(),
        };
        match self
            .writer
            .lines(&self.reader, &key, from, max, patience)
            .await
        {
            Ok(lines) => lines,
            Err(error) => {
                tracing::warn!(%error, run = %attempt.run, operation = "follow log", "a running attempt's log can't be followed");
                None
            }
        }
    }
}

/// Lines of all running attempts that this process knows.
pub(crate) struct AllLiveLogs {
    /// `None` where no task runs in this process.
    pub(crate) own: Option<OneWriter>,
    /// What workers elsewhere sent.
    pub(crate) remote: Arc<RemoteLines>,
}

#[async_trait]
impl LiveLogs for AllLiveLogs {
    async fn lines(
        &self,
        attempt: &LogKey,
        from: u64,
        max: usize,
        patience: Duration,
    ) -> Option<LiveLines> {
        let remote = self.remote.lines(attempt, from, max, patience);
        let Some(own) = self.own.as_ref().filter(|_own| !self.remote.knows(attempt)) else {
            return remote.await;
        };
        // Which of the two it is shows with the first line.
        tokio::select! {
            Some(lines) = own.lines(attempt, from, max, patience) => Some(lines),
            Some(lines) = remote => Some(lines),
            else => None,
        }
    }

    fn add(&self, attempt: &LogKey, first: u64, lines: Vec<LogLine>) {
        self.remote.add(attempt, first, lines);
    }
}
