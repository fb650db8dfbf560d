//! The lines that running tasks of this process print.

use async_trait::async_trait;
use std::time::Duration;
use weft_blob::logs::{self, LiveLines, LogReader, LogWriter};
use weft_server::ports::{LiveLogs, LogKey};

/// The log writer of the one worker of this process.
pub(crate) struct OneWriter {
    pub(crate) writer: LogWriter,
    pub(crate) reader: LogReader,
}

#[async_trait]
impl LiveLogs for OneWriter {
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

/// No task runs in this process: lines of tasks elsewhere are read once they are uploaded.
pub(crate) struct NoWriter;

#[async_trait]
impl LiveLogs for NoWriter {
    async fn lines(
        &self,
        _attempt: &LogKey,
        _from: u64,
        _max: usize,
        _patience: Duration,
    ) -> Option<LiveLines> {
        None
    }
}
