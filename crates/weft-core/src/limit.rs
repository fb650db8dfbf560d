//! Limits of tasks: the one table of every limit, with its name, unit, default, maximum and what
//! happens on breach; the request and its resolution.
//!
//! The table ([`TABLE`]) is declared once, together with the fields of
//! [`Limits`], so that documentation, policy files and code can't drift apart.
//! This module decides numbers only; the sandbox enforces them.

use crate::time::DurationMs;
use std::fmt;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The limits that a task requests; an absent one is the installation's default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitRequest {
    /// Linear memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// CPU time.
    pub cpu: Option<DurationMs>,
    /// Files in the scratch folder, in bytes.
    pub scratch_bytes: Option<u64>,
    /// The output, in bytes of JSON.
    pub output_bytes: Option<u64>,
    /// All of an attempt's log lines, in bytes.
    pub log_bytes: Option<u64>,
    /// One artifact, in bytes.
    pub artifact_bytes: Option<u64>,
}

/// What the number of a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Milliseconds.
    Millis,
    /// Things.
    Count,
    /// Things in one second.
    PerSecond,
}

impl Unit {
    /// The amount as people write it, in the form that the document and the policy read back.
    pub fn show(self, amount: u64) -> String {
        match self {
            Self::Bytes => show_bytes(amount),
            Self::Millis => DurationMs(amount).to_string(),
            Self::Count => amount.to_string(),
            Self::PerSecond => format!("{amount}/s"),
        }
    }
}

/// Exact and short: the largest binary unit that divides the amount.
fn show_bytes(amount: u64) -> String {
    for (unit, name) in [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")] {
        if amount >= unit && amount.is_multiple_of(unit) {
            return format!("{}{name}", amount / unit);
        }
    }
    format!("{amount}B")
}

/// One row of the table of limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The field of [`Limits`], unit last.
    pub field: &'static str,
    /// The key in a policy's `[limits]`, and in a task's where it may be requested.
    pub key: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// What a task gets that asks for nothing.
    pub default: u64,
    /// The most that any policy may allow.
    pub maximum: u64,
    /// Whether a task's `limits` may request it (`timeout` is a field of the task itself).
    pub requestable: bool,
    /// What is limited.
    pub what: &'static str,
    /// What happens to a task that reaches it.
    pub on_breach: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $what:literal])+ $field:ident = $key:literal, $unit:ident, $default:expr, max $max:expr, $req:expr, $breach:literal;)+) => {
        /// What a task may use up, decided: the request within the ceiling,
        /// defaults filled in. Every field is in the unit that ends its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $what])+ #[doc = concat!("\n\nOn breach: ", $breach)] pub $field: u64,)+
        }

        /// Every limit there is.
        pub const TABLE: &[Limit] = &[
            $(Limit {
                field: stringify!($field),
                key: $key,
                unit: Unit::$unit,
                default: $default,
                maximum: $max,
                requestable: $req,
                what: concat!($($what),+).trim_ascii(),
                on_breach: $breach,
            },)+
        ];

        impl Limits {
            /// What a task gets that asks for nothing.
            pub const DEFAULT: Self = Self { $($field: $default,)+ };
            /// The most that any policy may allow.
            pub const MAXIMUM: Self = Self { $($field: $max,)+ };

            /// The amount of a row of [`TABLE`].
            pub fn get(&self, limit: &Limit) -> u64 {
                match limit.field {
                    $(stringify!($field) => self.$field,)+
                    other => unreachable!("{other} is not a row of the table"),
                }
            }

            /// Sets the amount of a row of [`TABLE`].
            pub fn set(&mut self, limit: &Limit, amount: u64) {
                match limit.field {
                    $(stringify!($field) => self.$field = amount,)+
                    other => unreachable!("{other} is not a row of the table"),
                }
            }
        }
    };
}

limits! {
    /// Linear memory, all memories of the component together
    memory_bytes = "memory", Bytes, 256 * MIB, max 4 * GIB, true,
        "growing fails inside the guest; an attempt that dies of it fails with `memory_limit`";
    /// Elements of all tables together
    table_elements = "table_elements", Count, 100_000, max 10_000_000, false,
        "growing fails inside the guest; an attempt that dies of it fails with `table_limit`";
    /// Core instances within the component
    instances = "instances", Count, 100, max 1_000, false,
        "the component is refused before it runs";
    /// Linear memories within the component
    memories = "memories", Count, 8, max 64, false,
        "the component is refused before it runs";
    /// Tables within the component
    tables = "tables", Count, 32, max 256, false,
        "the component is refused before it runs";
    /// Stack of the guest's calls
    stack_bytes = "stack", Bytes, 512 * KIB, max MIB, false,
        "the attempt fails with `stack_overflow`";
    /// CPU time of an attempt
    cpu_ms = "cpu", Millis, 10 * MINUTE, max DAY, true,
        "the attempt is killed and fails with `cpu_limit`";
    /// Wall-clock time of an attempt, host calls included
    timeout_ms = "timeout", Millis, HOUR, max 7 * DAY, false,
        "the attempt is killed and fails with `timeout`";
    /// All log lines of an attempt
    log_bytes = "log", Bytes, 4 * MIB, max 256 * MIB, true,
        "further lines are dropped and counted in one last line";
    /// One log line
    log_line_bytes = "log_line", Bytes, 16 * KIB, max 256 * KIB, false,
        "the rest of the line is cut off and marked";
    /// Log lines in a second, after a burst of ten times as many
    log_lines_per_second = "log_lines", PerSecond, 2_000, max 100_000, false,
        "further lines of that second are dropped and counted";
    /// The output, in bytes of JSON
    output_bytes = "output", Bytes, MIB, max 16 * MIB, true,
        "the attempt fails with `output_limit`; larger data belongs in an artifact";
    /// One artifact
    artifact_bytes = "artifact", Bytes, GIB, max 64 * GIB, true,
        "writing answers `too-large`";
    /// Artifacts that an attempt creates
    artifacts = "artifacts", Count, 1_000, max 100_000, false,
        "creating another answers `too-large`";
    /// Files in the scratch folder
    scratch_bytes = "scratch", Bytes, GIB, max 64 * GIB, true,
        "writing answers that there is no space left";
    /// Files and folders in the scratch folder
    scratch_files = "scratch_files", Count, 10_000, max 1_000_000, false,
        "creating another answers that there is no space left";
    /// Open handles at once: files, streams, requests, pollables
    handles = "handles", Count, 1_000, max 100_000, false,
        "opening another traps or answers an error, as its interface allows";
    /// Outgoing connections at once
    connections = "connections", Count, 16, max 256, false,
        "a further request answers that the limit is reached";
    /// The body of one HTTP request or response
    http_body_bytes = "http_body", Bytes, 256 * MIB, max 16 * GIB, false,
        "the body ends with an error";
    /// Host memory that a guest makes us allocate: lifted values, buffers, header fields
    host_memory_bytes = "host_memory", Bytes, 32 * MIB, max 256 * MIB, false,
        "the call that goes beyond traps";
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// CPU time of an attempt.
    pub const fn cpu(&self) -> DurationMs {
        DurationMs(self.cpu_ms)
    }

    /// Wall-clock time of an attempt.
    pub const fn timeout(&self) -> DurationMs {
        DurationMs(self.timeout_ms)
    }

    /// The request, with defaults filled in; a default above the ceiling is
    /// lowered to it, a request above it is refused.
    ///
    /// ```
    /// use weft_core::limit::{Ceiling, LimitRequest, Limits};
    ///
    /// let request = LimitRequest { memory_bytes: Some(64 << 20), ..LimitRequest::default() };
    /// let limits = Limits::resolve(&request, None, &Ceiling::default()).unwrap();
    /// assert_eq!(limits.memory_bytes, 64 << 20);
    /// assert_eq!(limits.output_bytes, Limits::DEFAULT.output_bytes);
    /// ```
    ///
    /// # Errors
    /// Every request that exceeds the ceiling, in the order of [`TABLE`].
    pub fn resolve(
        request: &LimitRequest,
        timeout: Option<DurationMs>,
        ceiling: &Ceiling,
    ) -> Result<Self, Vec<Exceeded>> {
        let mut limits = Self::DEFAULT;
        let mut exceeded = Vec::new();
        for limit in TABLE {
            let most = ceiling.0.get(limit);
            match request.get(limit.field, timeout) {
                Some(requested) if requested > most => exceeded.push(Exceeded {
                    limit: *limit,
                    requested,
                    most,
                }),
                Some(requested) => limits.set(limit, requested),
                None => limits.set(limit, limit.default.min(most)),
            }
        }
        if exceeded.is_empty() {
            Ok(limits)
        } else {
            Err(exceeded)
        }
    }
}

impl LimitRequest {
    fn get(&self, field: &str, timeout: Option<DurationMs>) -> Option<u64> {
        match field {
            "memory_bytes" => self.memory_bytes,
            "cpu_ms" => self.cpu.map(|span| span.0),
            "timeout_ms" => timeout.map(|span| span.0),
            "scratch_bytes" => self.scratch_bytes,
            "output_bytes" => self.output_bytes,
            "log_bytes" => self.log_bytes,
            "artifact_bytes" => self.artifact_bytes,
            _not_requestable => None,
        }
    }
}

/// The most that an operator allows of each limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(pub Limits);

impl Default for Ceiling {
    /// Each limit's maximum.
    fn default() -> Self {
        Self(Limits::MAXIMUM)
    }
}

/// A request above the ceiling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// Which limit.
    pub limit: Limit,
    /// In the limit's unit.
    pub requested: u64,
    /// The ceiling, in the limit's unit.
    pub most: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limit { key, unit, .. } = self.limit;
        write!(
            f,
            "{key} of {} is more than the {} that is allowed",
            unit.show(self.requested),
            unit.show(self.most)
        )
    }
}
