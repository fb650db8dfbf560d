//! Log lines of attempts.

use crate::Time;
use serde::{Deserialize, Serialize};

/// Some of an attempt's log lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogPage {
    /// The number of the attempt.
    pub attempt: u32,
    /// The number of the first line of this page, from 0 on; higher than requested if earlier lines
    /// are lost.
    pub first: u64,
    /// The lines, in the order in which they were printed.
    pub lines: Vec<LogLine>,
    /// Whether lines of this page are missing, because they were past retention or damaged.
    pub incomplete: bool,
    /// How many lines the log has; absent until the attempt has ended and its log is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The cursor of the following lines; absent at the end of a complete log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What a search of a log found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogSearch {
    /// The number of the attempt.
    pub attempt: u32,
    /// How many lines match, with those that are not in `hits`.
    pub total: u64,
    /// How many lines were searched.
    pub lines: u64,
    /// Whether all lines were searched: none is lost, and the search did not take too long.
    pub complete: bool,
    /// How many of the searched lines each stream and level has.
    pub sources: std::collections::BTreeMap<String, u64>,
    /// How many of the searched lines each level has. A line of standard output or standard error
    /// has the level that its first word names, `info` if it names none.
    #[serde(default)]
    pub levels: std::collections::BTreeMap<String, u64>,
    /// The number of the line after the last one that was searched: a search from there on continues
    /// this one while the attempt prints.
    #[serde(default)]
    pub next: u64,
    /// The first lines that match; empty if only positions were requested.
    pub hits: Vec<LogHit>,
    /// The numbers of the lines that match, if they were requested: the first, and then the
    /// difference of each to the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub positions: Vec<u64>,
}

/// A line that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogHit {
    /// Its number, from 0 on.
    pub line: u64,
    /// Its stream and level.
    pub source: LogSource,
    /// Where in its message the first matches begin and end, in UTF-16 code units; at most 20.
    pub spans: Vec<[u64; 2]>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogLine {
    /// When it was printed, by the worker's clock.
    pub at: Time,
    /// Its stream and level.
    pub source: LogSource,
    /// The text, without the line break.
    pub message: String,
    /// The fields of a structured line, in the task's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<LogField>,
}

/// One field of a structured line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LogField {
    /// Name of the field.
    pub name: String,
    /// Value of the field, as text.
    pub value: String,
}

/// The stream or level of a line.
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
    /// A structured line for debugging.
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
