//! Lines and attempts to write logs with.

use weft_blob::logs::{LogKey, LogLine, LogSource};
use weft_core::{id::TenantId, time::Timestamp};

pub(crate) fn line(number: u64, text: &str) -> LogLine {
    LogLine {
        at: Timestamp(1_700_000_000_000 + i64::try_from(number).expect("few")),
        source: LogSource::Stdout,
        message: format!("{number} {text}"),
        fields: Vec::new(),
    }
}

pub(crate) fn lines(numbers: std::ops::Range<u64>, text: &str) -> Vec<LogLine> {
    numbers.map(|number| line(number, text)).collect()
}

/// An attempt of the default tenant.
pub(crate) fn key(name: &str) -> LogKey {
    LogKey {
        tenant: TenantId::default(),
        attempt: name.into(),
    }
}
