//! Points and spans of time in milliseconds; the crate never asks what time it is.

use std::fmt;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

/// A span of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct DurationMs(pub u64);

impl Timestamp {
    /// This point plus a span, saturating at the far future.
    #[must_use]
    pub const fn plus(self, span: DurationMs) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }
}

impl From<DurationMs> for std::time::Duration {
    fn from(span: DurationMs) -> Self {
        Self::from_millis(span.0)
    }
}

impl fmt::Display for DurationMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&std::time::Duration::from_millis(self.0), f)
    }
}
