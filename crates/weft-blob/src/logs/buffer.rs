//! Buffers the lines of all attempts until they are written, or found lost.
//!
//! Pure state: no file, no clock, no waiting. Chunks are *staged* into a batch;
//! the batch is then written as a whole, and either settled or lost.

use super::{
    LogKey, LogLine, LogPointer, SegmentId,
    chain::Chain,
    chunk::{self, ChunkHead, ChunkKind, Link},
    follower_update::{FollowerStart, FollowerUpdate},
};
use bytes::Bytes;
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::{sync::broadcast, time::Instant};
use weft_core::time::Timestamp;

/// All attempts that have lines or followers.
#[derive(Debug, Default)]
pub(super) struct LogBuffer {
    attempts: HashMap<LogKey, AttemptBuffer>,
    /// In the order in which they got their first waiting line.
    waiting: VecDeque<(Instant, LogKey)>,
    buffered: usize,
    /// Attempts that are followed and have printed nothing.
    silent: usize,
}

/// One attempt.
#[derive(Debug, Default)]
pub(super) struct AttemptBuffer {
    /// Encoded lines that wait.
    payload: Vec<u8>,
    count: u32,
    /// When the first of them came.
    since: Option<Instant>,
    /// Lines that were written, so the number of the first that waits.
    written: u64,
    chain: Chain,
    /// Lines that could not be written, and are reported in the next chunk.
    lost: u64,
    /// As it was before the batch.
    before: Option<(Chain, u64, u64)>,
    followers: Option<broadcast::Sender<FollowerUpdate>>,
}

/// Chunks that are to be written at once.
#[derive(Debug)]
pub(super) struct Batch {
    segment: SegmentId,
    /// Where it will begin in the segment.
    begin: u32,
    /// When it was begun.
    wall: Timestamp,
    pub(super) bytes: Vec<u8>,
    touched: Vec<LogKey>,
}

impl Batch {
    pub(super) fn new(segment: SegmentId, begin: u32, wall: Timestamp) -> Self {
        Self {
            segment,
            begin,
            wall,
            bytes: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Where it will end in the segment.
    pub(super) fn end(&self) -> u32 {
        self.begin + u32::try_from(self.bytes.len()).expect("a batch is bounded by far less")
    }
}

impl LogBuffer {
    /// Attempts that are followed and have printed nothing.
    pub(super) fn silent(&self) -> usize {
        self.silent
    }

    /// Bytes of lines that wait.
    pub(super) fn buffered(&self) -> usize {
        self.buffered
    }

    pub(super) fn knows(&self, key: &LogKey) -> bool {
        self.attempts.contains_key(key)
    }

    /// Takes encoded lines; returns how many bytes of the attempt wait now.
    pub(super) fn append(
        &mut self,
        key: &LogKey,
        payload: &Bytes,
        count: u32,
        now: Instant,
    ) -> usize {
        let entry = self.attempts.entry(key.clone()).or_default();
        if entry.followers.is_some() && !entry.has_lines() {
            self.silent -= 1;
        }
        if let Some(followers) = &entry.followers {
            let lines = FollowerUpdate::Lines {
                first: entry.written + u64::from(entry.count),
                payload: payload.clone(),
            };
            if let Err(broadcast::error::SendError(_unseen)) = followers.send(lines) {
                // All followers are gone.
                entry.followers = None;
            }
        }
        let is_first = entry.since.is_none();
        entry.since = entry.since.or(Some(now));
        entry.payload.extend_from_slice(payload);
        entry.count += count;
        let bytes = entry.payload.len();
        self.buffered += payload.len();
        if is_first {
            self.waiting.push_back((now, key.clone()));
        }
        bytes
    }

    /// Adds a follower: the lines so far, and later ones. `capacity` is in batches of lines.
    pub(super) fn follow(&mut self, key: &LogKey, capacity: usize) -> FollowerStart {
        let entry = self.attempts.entry(key.clone()).or_default();
        let updates = if let Some(followers) = &entry.followers {
            followers.subscribe()
        } else {
            self.silent += usize::from(!entry.has_lines());
            let (sender, receiver) = broadcast::channel(capacity.max(1));
            entry.followers = Some(sender);
            receiver
        };
        let waiting = Bytes::copy_from_slice(&entry.payload);
        FollowerStart {
            written: entry.chain.last(),
            first: entry.written,
            waiting,
            updates,
        }
    }

    /// Forgets attempts without lines and without followers.
    pub(super) fn forget_unfollowed(&mut self) {
        self.attempts.retain(|_key, entry| {
            let is_followed = entry
                .followers
                .as_ref()
                .is_some_and(|followers| followers.receiver_count() > 0);
            is_followed || entry.has_lines()
        });
        self.silent = self
            .attempts
            .values()
            .filter(|entry| !entry.has_lines())
            .count();
    }

    /// When the oldest waiting line came.
    pub(super) fn oldest(&mut self) -> Option<Instant> {
        while let Some((since, key)) = self.waiting.front() {
            if self
                .attempts
                .get(key)
                .is_some_and(|entry| entry.since == Some(*since))
            {
                return Some(*since);
            }
            self.waiting.pop_front();
        }
        None
    }

    /// Attempts whose lines have waited for so long.
    pub(super) fn overdue(&mut self, now: Instant, flush_after: Duration) -> Vec<LogKey> {
        let mut keys = Vec::new();
        while self
            .oldest()
            .is_some_and(|since| since + flush_after <= now)
            && let Some((_since, key)) = self.waiting.pop_front()
        {
            keys.push(key);
        }
        keys
    }

    /// Puts the waiting lines of an attempt into the batch.
    pub(super) fn stage(&mut self, key: &LogKey, batch: &mut Batch) {
        if let Some(entry) = self.attempts.get_mut(key) {
            self.buffered -= entry.payload.len();
            if entry.stage(ChunkKind::Lines, key, batch) {
                batch.touched.push(key.clone());
            }
        }
    }

    /// Puts the last lines of an attempt into the batch; from now on it is unknown.
    pub(super) fn stage_last(&mut self, key: &LogKey, batch: &mut Batch) -> Option<AttemptBuffer> {
        let mut entry = self.attempts.remove(key)?;
        self.silent -= usize::from(!entry.has_lines());
        self.buffered -= entry.payload.len();
        entry.stage(ChunkKind::Last, key, batch);
        Some(entry)
    }

    /// The batch was written.
    pub(super) fn settle(&mut self, batch: &Batch) {
        for key in &batch.touched {
            if let Some(entry) = self.attempts.get_mut(key) {
                entry.before = None;
            }
        }
    }

    /// The batch could not be written: its lines are lost, and counted.
    pub(super) fn lose(&mut self, batch: &Batch) {
        for key in &batch.touched {
            if let Some(entry) = self.attempts.get_mut(key) {
                entry.lose();
            }
        }
    }
}

impl AttemptBuffer {
    fn has_lines(&self) -> bool {
        self.count > 0 || self.written > 0 || self.lost > 0
    }

    /// Whether there was anything to stage.
    fn stage(&mut self, kind: ChunkKind, key: &LogKey, batch: &mut Batch) -> bool {
        if self.count == 0 && self.lost == 0 {
            return false;
        }
        if self.before.is_none() {
            self.before = Some((self.chain.clone(), self.written, self.lost));
        }
        let mut payload = Vec::new();
        if self.lost > 0 {
            let words = format!(
                "{} lines were lost here, since they could not be written",
                self.lost
            );
            chunk::encode_line(&LogLine::weft(batch.wall, words), &mut payload);
            self.count += 1;
            self.lost = 0;
        }
        payload.append(&mut self.payload);
        let (before, further) = self.chain.links();
        let head = ChunkHead {
            kind,
            first: self.written,
            count: self.count,
            before,
            further,
        };
        let offset = batch.end();
        let bytes = chunk::encode(&head, Some(key), &payload, &mut batch.bytes);
        let at = LogPointer {
            segment: batch.segment,
            offset,
            bytes,
        };
        self.chain.push(Link {
            at,
            first: self.written,
        });
        self.written += u64::from(self.count);
        self.count = 0;
        self.since = None;
        true
    }

    fn lose(&mut self) {
        if let Some((chain, written, lost)) = self.before.take() {
            self.lost = lost + (self.written - written);
            self.chain = chain;
            self.written = written;
        }
    }

    /// The attempt ended and its last lines were written, or were not.
    pub(super) fn end(mut self, is_written: bool) -> Option<LogPointer> {
        if !is_written {
            self.lose();
        }
        let pointer = self.chain.last();
        if let Some(followers) = &self.followers
            && let Err(broadcast::error::SendError(_unseen)) =
                followers.send(FollowerUpdate::Ended(pointer))
        {
            // All followers are gone.
        }
        pointer
    }

    /// Whether something of it was in the batch that is being written.
    pub(super) fn is_staged(&self) -> bool {
        self.before.is_some()
    }
}
