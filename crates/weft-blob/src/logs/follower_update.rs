//! Messages from the log's task to its followers.

use super::LogPointer;
use bytes::Bytes;
use tokio::sync::broadcast;

/// What is sent to followers.
#[derive(Debug, Clone)]
pub(super) enum FollowerUpdate {
    /// Lines, encoded, and the number of the first.
    Lines { first: u64, payload: Bytes },
    /// The attempt ended.
    Ended(Option<LogPointer>),
}

/// What a follower begins with.
#[derive(Debug)]
pub(super) struct FollowerStart {
    /// The lines that are in the file.
    pub(super) written: Option<LogPointer>,
    /// The number of the first line that isn't.
    pub(super) first: u64,
    /// Those lines, encoded.
    pub(super) waiting: Bytes,
    /// Later lines.
    pub(super) updates: broadcast::Receiver<FollowerUpdate>,
}
