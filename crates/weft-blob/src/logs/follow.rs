//! Follows the lines of an attempt as they are written.

use super::{
    LogLine, LogPointer, chunk,
    follower_update::{FollowerStart, FollowerUpdate},
};
use std::collections::VecDeque;
use tokio::sync::broadcast;

/// What a follower receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogUpdate {
    /// Lines, in order.
    Lines {
        /// The number of the first, from 0 on.
        first: u64,
        /// The lines.
        lines: Vec<LogLine>,
    },
    /// The follower was too slow: so many lines passed by. They can be read later.
    Missed(u64),
    /// The attempt ended; the pointer names its whole log.
    Ended(Option<LogPointer>),
}

/// Follows one attempt.
#[derive(Debug)]
pub struct LogFollower {
    /// What was written before the follower came: lines 0 to `next`, exclusive.
    pub written: Option<LogPointer>,
    /// The number of the next line that [`Self::next`] gives.
    next: u64,
    ready: VecDeque<FollowerUpdate>,
    updates: broadcast::Receiver<FollowerUpdate>,
    has_ended: bool,
}

impl LogFollower {
    pub(super) fn new(start: FollowerStart) -> Self {
        let FollowerStart {
            written,
            first,
            waiting,
            updates,
        } = start;
        let mut ready = VecDeque::new();
        if !waiting.is_empty() {
            ready.push_back(FollowerUpdate::Lines {
                first,
                payload: waiting,
            });
        }
        Self {
            written,
            next: first,
            ready,
            updates,
            has_ended: false,
        }
    }

    /// The number of the first line that comes from here; those before are read with [`Self::written`].
    pub const fn first(&self) -> u64 {
        self.next
    }

    /// Waits for the next update; none after the end, or when the writer is gone. Cancel-safe.
    pub async fn next(&mut self) -> Option<LogUpdate> {
        loop {
            if self.has_ended {
                return None;
            }
            let update = match self.ready.pop_front() {
                Some(update) => update,
                None => match self.updates.recv().await {
                    Ok(update) => update,
                    // The next update's number shows how many lines were missed.
                    Err(broadcast::error::RecvError::Lagged(_batches)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            };
            match update {
                FollowerUpdate::Lines { first, .. } if first > self.next => {
                    let missed = first - self.next;
                    self.next = first;
                    self.ready.push_front(update);
                    return Some(LogUpdate::Missed(missed));
                }
                FollowerUpdate::Lines { first, payload } => {
                    let lines = chunk::decode_lines(&payload).unwrap_or_default();
                    self.next = first + lines.len() as u64;
                    return Some(LogUpdate::Lines { first, lines });
                }
                FollowerUpdate::Ended(pointer) => {
                    self.has_ended = true;
                    return Some(LogUpdate::Ended(pointer));
                }
            }
        }
    }
}
