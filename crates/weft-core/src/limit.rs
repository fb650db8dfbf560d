//! What a task may use up: names, units, defaults and bounds of every limit.

use crate::time::DurationMs;

/// What a task asks for; an absent one is the installation's default.
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
