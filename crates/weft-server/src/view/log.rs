//! Log lines.

use weft_api as api;
use weft_blob::logs::{LogLine, LogSource};

/// A line as it travels.
pub(crate) fn line(line: LogLine) -> api::LogLine {
    api::LogLine {
        at: line.at.into(),
        source: match line.source {
            LogSource::Stdout => api::LogSource::Stdout,
            LogSource::Stderr => api::LogSource::Stderr,
            LogSource::Trace => api::LogSource::Trace,
            LogSource::Debug => api::LogSource::Debug,
            LogSource::Info => api::LogSource::Info,
            LogSource::Warn => api::LogSource::Warn,
            LogSource::Error => api::LogSource::Error,
            LogSource::Weft => api::LogSource::Weft,
        },
        message: line.message,
        fields: line
            .fields
            .into_iter()
            .map(|(name, value)| api::LogField { name, value })
            .collect(),
    }
}
