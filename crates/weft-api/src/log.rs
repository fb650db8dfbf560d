//! Log lines of attempts.

use crate::Time;
use serde::{Deserialize, Serialize};

/// Some of an attempt's log lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogPage {
    /// Which attempt.
    pub attempt: u32,
    /// The number of the first line here, from 0 on; more than was asked for
    /// where those before it are lost.
    pub first: u64,
    /// In the order they were printed.
    pub lines: Vec<LogLine>,
    /// Lines that should be here are gone: too old, or damaged.
    pub incomplete: bool,
    /// Asks for the following lines; absent where the log is complete and this was its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// When it was printed, by the worker's clock.
    pub at: Time,
    /// Where it came from, and how much it matters.
    pub source: LogSource,
    /// Without the line's end.
    pub message: String,
    /// Names and values of a structured line, in the author's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<LogField>,
}

/// One name and value of a structured line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogSource {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A structured line, the finest.
    Trace,
    /// A structured line for whoever looks for a fault.
    Debug,
    /// A structured line of the ordinary course.
    Info,
    /// A structured line: something to look at.
    Warn,
    /// A structured line: something failed.
    Error,
    /// Weft's own words about the attempt or its log.
    Weft,
}
