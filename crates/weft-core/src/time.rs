//! Points and spans of time in milliseconds; the crate never asks what time it is.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

/// A span of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct DurationMs(pub u64);

/// Why a text is not a point or a span of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not RFC 3339.
    #[error("{text:?} is no point in time (RFC 3339, such as 2026-11-21T06:00:00Z): {why}")]
    Timestamp {
        /// What was given.
        text: String,
        /// What the parser met.
        why: String,
    },
    /// Not a span.
    #[error("{text:?} is no duration (such as \"30s\", \"5m\", \"1h30m\"): {why}")]
    Duration {
        /// What was given.
        text: String,
        /// What the parser met.
        why: String,
    },
}

impl Timestamp {
    /// This point plus a span, saturating at the far future.
    #[must_use]
    pub const fn plus(self, span: DurationMs) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }

    /// This much earlier; the earliest time where it would overflow.
    #[must_use]
    pub const fn minus(self, span: DurationMs) -> Self {
        Self(self.0.saturating_sub_unsigned(span.0))
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// RFC 3339; what is finer than a millisecond is dropped.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        text.parse::<jiff::Timestamp>()
            .map(|at| Self(at.as_millisecond()))
            .map_err(|error| TimeError::Timestamp {
                text: text.chars().take(80).collect(),
                why: error.to_string(),
            })
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; a point beyond the year 9999 is shown as that year's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        at.fmt(f)
    }
}

impl From<DurationMs> for std::time::Duration {
    fn from(span: DurationMs) -> Self {
        Self::from_millis(span.0)
    }
}

impl FromStr for DurationMs {
    type Err = TimeError;

    /// "30s", "5m", "1h30m", "250ms".
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let refuse = |why: String| TimeError::Duration {
            text: text.chars().take(80).collect(),
            why,
        };
        let span =
            humantime::parse_duration(text.trim()).map_err(|error| refuse(error.to_string()))?;
        let millis =
            u64::try_from(span.as_millis()).map_err(|_too_long| refuse("too long".into()))?;
        Ok(Self(millis))
    }
}

impl fmt::Display for DurationMs {
    /// As people write it, and as it is read back: "1h30m", "250ms", "0s".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, name) in [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1_000, "s"),
            (1, "ms"),
        ] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}
