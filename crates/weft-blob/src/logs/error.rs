//! Why lines could not be written or read.

use super::{LogPointer, SegmentId};
use crate::BlobError;

/// Says what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The last lines could not be written; lines written before are kept.
    #[error("lines of the log were lost: {why}")]
    Lost {
        /// What is there, if anything.
        kept: Option<LogPointer>,
        /// Why; [`BlobError::Full`] where the disk was full.
        why: BlobError,
    },
    /// More attempts that printed nothing are followed than [`LogOptions::followed`](super::LogOptions::followed) allows.
    #[error("{bound} attempts without a line are followed already")]
    TooMany {
        /// The bound.
        bound: usize,
    },
    /// The attempt's name is longer than [`LogKey::MAX_ATTEMPT_BYTES`](super::LogKey::MAX_ATTEMPT_BYTES).
    #[error("the attempt's name has {0} bytes, too many")]
    Name(usize),
    /// The writer was shut down.
    #[error("the log is closed")]
    Closed,
    /// The lines belong to another tenant. Show it as if nothing were there.
    #[error("this log belongs to another tenant")]
    Forbidden,
    /// The segment is gone (its retention is over) or was not uploaded yet.
    #[error("the log segment {0} is not there")]
    Missing(SegmentId),
    /// What the pointer names is torn or changed.
    #[error("the log segment {segment} is damaged at byte {offset}")]
    Damaged {
        /// The damaged segment.
        segment: SegmentId,
        /// Offset of the damage in the segment, in bytes.
        offset: u32,
    },
    /// Neither a spool folder nor a blob store in a folder.
    #[error("a log needs a folder of this machine to write to")]
    NoFolder,
    /// The store or the file system failed.
    #[error(transparent)]
    Store(#[from] BlobError),
}
