//! The log of one attempt: an attempt that prints nothing costs nothing.

use super::{LogError, LogKey, LogLine, LogPointer, LogWriter};

/// Writes one attempt's lines.
#[derive(Debug)]
pub struct AttemptLog {
    writer: LogWriter,
    key: LogKey,
    has_lines: bool,
}

impl LogWriter {
    /// A handle for one attempt, which costs nothing before its first line.
    pub fn attempt(&self, key: LogKey) -> AttemptLog {
        AttemptLog::new(self.clone(), key)
    }
}

impl AttemptLog {
    pub(super) const fn new(writer: LogWriter, key: LogKey) -> Self {
        Self {
            writer,
            key,
            has_lines: false,
        }
    }

    /// The attempt that the log belongs to.
    pub const fn key(&self) -> &LogKey {
        &self.key
    }

    /// As [`LogWriter::append`].
    ///
    /// # Errors
    /// As there.
    pub async fn append(&mut self, lines: Vec<LogLine>) -> Result<(), LogError> {
        self.has_lines |= !lines.is_empty();
        self.writer.append(&self.key, lines).await
    }

    /// As [`LogWriter::finish`], and immediately if there are no lines and no followers.
    ///
    /// # Errors
    /// As there.
    pub async fn finish(self) -> Result<Option<LogPointer>, LogError> {
        if !self.has_lines && !self.writer.has_followers() {
            return Ok(None);
        }
        self.writer.finish(&self.key).await
    }
}
