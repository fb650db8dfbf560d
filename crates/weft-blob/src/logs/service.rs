//! The task that owns a worker's log: it alone buffers, writes and rotates.
//!
//! Calls are taken in batches, and what they bring is written at once: many
//! attempts that end at the same moment cost one write.

use super::{
    LogError, LogKey, LogOptions, LogPointer, SegmentId,
    buffer::{AttemptBuffer, Batch, LogBuffer},
    follower_update::FollowerStart,
    segment::Segment,
    upload::Uploads,
};
use crate::{BlobError, garbage_collection::timestamp};
use bytes::Bytes;
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};

/// Calls that are received together.
const MAX_COMMANDS: usize = 256;

/// Calls of the handles.
#[derive(Debug)]
pub(super) enum Command {
    Append {
        key: LogKey,
        payload: Bytes,
        count: u32,
    },
    Finish {
        key: LogKey,
        reply: oneshot::Sender<Result<Option<LogPointer>, LogError>>,
    },
    Follow {
        key: LogKey,
        reply: oneshot::Sender<Result<FollowerStart, LogError>>,
    },
    Close {
        reply: oneshot::Sender<Result<(), BlobError>>,
    },
}

/// Attempts that ended in this batch, and who waits for that.
type Endings = Vec<(
    Option<AttemptBuffer>,
    oneshot::Sender<Result<Option<LogPointer>, LogError>>,
)>;

#[derive(Debug)]
pub(super) struct Service {
    folder: PathBuf,
    options: LogOptions,
    uploads: Option<Uploads>,
    followed: Arc<AtomicUsize>,
    buffer: LogBuffer,
    segment: Option<Segment>,
}

impl Service {
    pub(super) fn new(
        folder: PathBuf,
        options: LogOptions,
        uploads: Option<Uploads>,
        followed: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            folder,
            options,
            uploads,
            followed,
            buffer: LogBuffer::default(),
            segment: None,
        }
    }

    /// Until it is closed, or every handle is gone.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Command>) {
        let mut commands = Vec::with_capacity(MAX_COMMANDS);
        loop {
            let due = self.due();
            let is_open = tokio::select! {
                count = receiver.recv_many(&mut commands, MAX_COMMANDS) => count > 0,
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => true,
            };
            let closing = self.handle_commands(&mut commands, !is_open).await;
            if !is_open || closing.is_some() {
                receiver.close();
                let result = self.close_segment().await;
                if let Some(uploads) = self.uploads.take() {
                    uploads.close().await;
                }
                if let Some((reply, lost)) = closing
                    && let Err(_unheard) = reply.send(lost.and(result))
                {
                    tracing::debug!(
                        operation = "close log",
                        "the caller left before the log was closed"
                    );
                }
                return;
            }
        }
    }

    /// When something is to be written or closed even without calls.
    fn due(&mut self) -> Option<Instant> {
        let flush = self
            .buffer
            .oldest()
            .map(|since| since + self.options.flush_after);
        let rotate = self
            .segment
            .as_ref()
            .filter(|segment| segment.exists())
            .map(|segment| segment.opened + self.options.segment_age);
        flush.into_iter().chain(rotate).min()
    }

    /// Handles the received calls, writes what is due, and answers.
    async fn handle_commands(
        &mut self,
        commands: &mut Vec<Command>,
        mut is_last: bool,
    ) -> Option<(
        oneshot::Sender<Result<(), BlobError>>,
        Result<(), BlobError>,
    )> {
        let now = Instant::now();
        let mut batch = self.batch(now);
        let mut endings = Endings::new();
        let mut closing = None;
        let mut result = Ok(());
        for command in commands.drain(..) {
            match command {
                Command::Append {
                    key,
                    payload,
                    count,
                } => {
                    if self.buffer.append(&key, &payload, count, now) >= self.options.chunk_bytes {
                        self.buffer.stage(&key, &mut batch);
                    }
                }
                Command::Finish { key, reply } => {
                    endings.push((self.buffer.stage_last(&key, &mut batch), reply));
                }
                Command::Follow { key, reply } => {
                    // The reply names lines as written, so they are written first.
                    result = result.and(self.write_out(&mut batch, &mut endings, now).await);
                    if let Err(_unheard) = reply.send(self.follow(&key)) {
                        tracing::debug!(
                            operation = "follow log",
                            "a follower left before it was answered"
                        );
                    }
                }
                Command::Close { reply } => {
                    is_last = true;
                    closing = Some(reply);
                }
            }
            if batch.end() >= self.options.segment_bytes {
                result = result.and(self.write_out(&mut batch, &mut endings, now).await);
            }
        }
        let is_over = is_last || self.buffer.buffered() > self.options.buffered_bytes;
        let flush_after = if is_over {
            Duration::ZERO
        } else {
            self.options.flush_after
        };
        for key in self.buffer.overdue(now, flush_after) {
            self.buffer.stage(&key, &mut batch);
        }
        result = result.and(self.write_out(&mut batch, &mut endings, now).await);
        self.followed.store(self.buffer.silent(), Ordering::Release);
        closing.map(|reply| (reply, result))
    }

    /// Writes the batch, answers the waiting calls, and begins the next batch.
    async fn write_out(
        &mut self,
        batch: &mut Batch,
        endings: &mut Endings,
        now: Instant,
    ) -> Result<(), BlobError> {
        let written = self.write(batch).await;
        self.answer(batch, std::mem::take(endings), &written);
        if self
            .segment
            .as_ref()
            .is_some_and(|segment| self.is_over(segment, now))
            && let Err(error) = self.close_segment().await
        {
            tracing::warn!(%error, operation = "close segment", "log segment not closed; its newest lines may be lost on a power failure");
        }
        *batch = self.batch(now);
        written
    }

    /// A batch at the end of the current segment, or of one that the first chunk will make.
    fn batch(&mut self, now: Instant) -> Batch {
        let folder = &self.folder;
        let wall = timestamp(SystemTime::now());
        let segment = self.segment.get_or_insert_with(|| {
            Segment::new(SegmentId::new(wall, fastrand::u128(..)), folder, now)
        });
        let batch = Batch::new(segment.id, segment.length(), wall);
        if !segment.exists() {
            // It is as old as its first chunk.
            segment.opened = now;
        }
        batch
    }

    fn is_over(&self, segment: &Segment, now: Instant) -> bool {
        segment.is_broken()
            || segment.length() >= self.options.segment_bytes
            || (segment.exists() && segment.opened + self.options.segment_age <= now)
    }

    fn follow(&mut self, key: &LogKey) -> Result<FollowerStart, LogError> {
        let bound = self.options.followed;
        if self.buffer.silent() >= bound && !self.buffer.knows(key) {
            self.buffer.forget_unfollowed();
            if self.buffer.silent() >= bound {
                return Err(LogError::TooMany { bound });
            }
        }
        Ok(self.buffer.follow(key, self.options.follow_batches))
    }

    async fn write(&mut self, batch: &Batch) -> Result<(), BlobError> {
        if batch.bytes.is_empty() {
            return Ok(());
        }
        let mut segment = self
            .segment
            .take()
            .expect("each batch is for the current segment");
        let path = segment.path.display().to_string();
        let bytes = Bytes::copy_from_slice(&batch.bytes);
        let written = spawn_blocking(move || {
            let result = segment.append(&bytes);
            (segment, result)
        })
        .await;
        match written {
            Ok((segment, result)) => {
                self.segment = Some(segment);
                result.map_err(|error| BlobError::from_io(&error, &path))
            }
            Err(error) => Err(BlobError::from_io(&io::Error::other(error), &path)),
        }
    }

    fn answer(&mut self, batch: &Batch, endings: Endings, written: &Result<(), BlobError>) {
        match written {
            Ok(()) => self.buffer.settle(batch),
            Err(error) => {
                tracing::warn!(%error, operation = "append lines", "lines of task logs not written; they are lost");
                self.buffer.lose(batch);
            }
        }
        for (entry, reply) in endings {
            let result = match (entry, written) {
                (None, _) => Ok(None),
                (Some(entry), Err(why)) if entry.is_staged() => Err(LogError::Lost {
                    kept: entry.end(false),
                    why: why.clone(),
                }),
                (Some(entry), _) => Ok(entry.end(true)),
            };
            if let Err(_unheard) = reply.send(result) {
                tracing::debug!(
                    operation = "end attempt log",
                    "the caller left before its attempt's log ended"
                );
            }
        }
    }

    async fn close_segment(&mut self) -> Result<(), BlobError> {
        let Some(segment) = self.segment.take().filter(Segment::exists) else {
            return Ok(());
        };
        let (id, path) = (segment.id, segment.path.clone());
        let shown = path.display().to_string();
        let result = match spawn_blocking(move || segment.close()).await {
            Ok(result) => result,
            Err(error) => Err(io::Error::other(error)),
        };
        if let Some(uploads) = &self.uploads {
            uploads.add(id, path);
        }
        result.map_err(|error| BlobError::from_io(&error, &shown))
    }
}
