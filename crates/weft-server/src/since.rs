//! A time in the past, as queries name it: how long ago, or when.

use crate::problem::{Code, Problem};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{borrow::Cow, str::FromStr};
use weft_core::time::{DurationMs, Timestamp};

/// Since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// So long ago.
    Ago(DurationMs),
    /// Since this time.
    At(Timestamp),
}

impl Since {
    /// A day ago.
    pub(crate) const DAY: Self = Self::Ago(DurationMs(24 * 3_600_000));

    /// The time, which is not further back than `most`, nor in the future.
    pub(crate) fn at(self, now: Timestamp, most: DurationMs) -> Result<Timestamp, Problem> {
        let at = match self {
            Self::Ago(span) => Timestamp(now.0.saturating_sub_unsigned(span.0)),
            Self::At(at) => at,
        };
        let earliest = now.0.saturating_sub_unsigned(most.0);
        if !(earliest..=now.0).contains(&at.0) {
            let days = most.0 / (24 * 3_600_000);
            let detail = format!("`since` is a time in the past, at most {days} days back");
            return Err(Problem::new(Code::InvalidValue, detail));
        }
        Ok(at)
    }
}

impl<'de> Deserialize<'de> for Since {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        if let Ok(span) = DurationMs::from_str(&text) {
            return Ok(Self::Ago(span));
        }
        Timestamp::from_str(&text)
            .map(Self::At)
            .map_err(|_odd| D::Error::custom("it is neither a duration such as 24h nor a time"))
    }
}
