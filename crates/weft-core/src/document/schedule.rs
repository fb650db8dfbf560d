//! When a DAG runs by itself, as the author wrote it, checked.
//!
//! The timetable that makes dates of it is not here.

use crate::time::DurationMs;
use std::fmt;

/// When runs start by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Five fields (minute, hour, day, month, weekday) or six with seconds in front; presets such as `@daily` are read into theirs.
    Cron(String),
    /// At this distance, at least a second.
    Every(DurationMs),
    /// One run, at the start.
    Once,
    /// A run as soon as the one before has ended.
    Continuous,
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cron(text) => f.write_str(text),
            Self::Every(span) => write!(f, "every {span}"),
            Self::Once => f.write_str("@once"),
            Self::Continuous => f.write_str("@continuous"),
        }
    }
}
