//! Options of a worker's log.

use std::{path::PathBuf, time::Duration};

/// What can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Where segments are written before they are uploaded, a folder of this
    /// worker alone. None: straight into the blob store, which must be a folder
    /// of this machine then.
    pub spool: Option<PathBuf>,
    /// A segment that has so many bytes is closed; at most 2 GiB.
    pub segment_bytes: u32,
    /// A segment so old is closed. Others see a spooled segment only then, and
    /// retention removes whole segments.
    pub segment_age: Duration,
    /// An attempt's lines are written when they have so many bytes…
    pub chunk_bytes: usize,
    /// …or are so old, or the attempt ends.
    pub flush_after: Duration,
    /// The lines of all attempts that wait to be written; beyond it everything is written.
    pub buffered_bytes: usize,
    /// Attempts that are followed though they have printed nothing.
    pub followed: usize,
    /// Batches of lines that a follower may be behind; what is beyond is counted as missed.
    pub follow_batches: usize,
}

impl LogOptions {
    /// For a blob store in a folder of this machine.
    pub fn local() -> Self {
        Self {
            spool: None,
            segment_bytes: 64 << 20,
            segment_age: Duration::from_hours(1),
            chunk_bytes: 64 << 10,
            flush_after: Duration::from_secs(1),
            buffered_bytes: 16 << 20,
            followed: 10_000,
            follow_batches: 256,
        }
    }

    /// For any blob store: segments are written here, and uploaded each minute.
    pub fn spooled(folder: PathBuf) -> Self {
        Self {
            spool: Some(folder),
            segment_age: Duration::from_mins(1),
            ..Self::local()
        }
    }
}
