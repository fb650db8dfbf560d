//! The output stream of an artifact that is being written.

use super::{ArtifactWriter, Tally};
use bytes::Bytes;
use std::{
    io, mem,
    sync::{Arc, Mutex, atomic::Ordering},
};
use tokio::{io::AsyncWriteExt as _, sync::OwnedSemaphorePermit};
use wasmtime_wasi::{
    async_trait,
    p2::{OutputStream, Pollable, StreamError, StreamResult},
    runtime::{AbortOnDropJoinHandle, spawn},
};

/// The most that is written, and so held in memory, at once.
const WRITE_BYTES: usize = 16 << 10;

/// A writer that lies here unless a stream has it. Clones share it.
#[derive(Clone)]
pub(super) struct Slot(Arc<Mutex<Held>>);

struct Held {
    writer: Option<Box<dyn ArtifactWriter>>,
    bytes: u64,
    /// A write failed, so what is there is not what the guest wrote.
    broken: bool,
    /// One of those that may be open at once.
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    pub(super) fn new(writer: Box<dyn ArtifactWriter>, permit: OwnedSemaphorePermit) -> Self {
        Self(Arc::new(Mutex::new(Held {
            writer: Some(writer),
            bytes: 0,
            broken: false,
            _permit: permit,
        })))
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        // Whatever panicked while it held the writer took it along.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The writer, unless a stream has it.
    pub(super) fn take(&self) -> Option<Box<dyn ArtifactWriter>> {
        self.held().writer.take()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.held().broken
    }
}

/// Writes to an artifact and gives the writer back when dropped.
pub(super) struct ArtifactStream {
    slot: Slot,
    tally: Arc<Tally>,
    limit: u64,
    state: State,
}

type Written = (Box<dyn ArtifactWriter>, io::Result<()>);

enum State {
    Ready(Box<dyn ArtifactWriter>),
    Writing(AbortOnDropJoinHandle<Written>),
    Failed(Box<dyn ArtifactWriter>, io::Error),
    Closed,
}

impl ArtifactStream {
    pub(super) fn new(
        slot: Slot,
        writer: Box<dyn ArtifactWriter>,
        tally: Arc<Tally>,
        limit: u64,
    ) -> Self {
        Self {
            slot,
            tally,
            limit,
            state: State::Ready(writer),
        }
    }

    fn written(&mut self, (writer, result): Written) {
        self.state = match result {
            Ok(()) => State::Ready(writer),
            Err(error) => {
                self.slot.held().broken = true;
                State::Failed(writer, error)
            }
        };
    }

    fn check(&mut self) -> StreamResult<()> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Failed(writer, error) => {
                self.slot.held().writer = Some(writer);
                Err(StreamError::LastOperationFailed(error.into()))
            }
            State::Closed => Err(StreamError::Closed),
            kept @ (State::Ready(_) | State::Writing(_)) => {
                self.state = kept;
                Ok(())
            }
        }
    }
}

impl Drop for ArtifactStream {
    fn drop(&mut self) {
        if let State::Ready(writer) | State::Failed(writer, _) =
            mem::replace(&mut self.state, State::Closed)
        {
            self.slot.held().writer = Some(writer);
        }
    }
}

#[async_trait]
impl Pollable for ArtifactStream {
    async fn ready(&mut self) {
        if let State::Writing(writing) = &mut self.state {
            let written = writing.await;
            self.written(written);
        }
    }
}

#[async_trait]
impl OutputStream for ArtifactStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.check()?;
        if bytes.len() > WRITE_BYTES {
            return Err(StreamError::trap(
                "a write without the leave of check-write",
            ));
        }
        let mut writer = match mem::replace(&mut self.state, State::Closed) {
            State::Ready(writer) => writer,
            other @ (State::Writing(_) | State::Failed(..) | State::Closed) => {
                self.state = other;
                return Err(StreamError::trap(
                    "a write without the leave of check-write",
                ));
            }
        };
        let mut held = self.slot.held();
        held.bytes = held.bytes.saturating_add(bytes.len() as u64);
        if held.bytes > self.limit {
            held.broken = true;
            drop(held);
            self.tally.too_large.store(true, Ordering::Relaxed);
            self.state = State::Failed(writer, io::ErrorKind::FileTooLarge.into());
            return self.check();
        }
        drop(held);
        self.tally
            .bytes_out
            .fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.state = State::Writing(spawn(async move {
            let result = writer.write_all(&bytes).await;
            (writer, result)
        }));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is buffered here; the store flushes when the artifact is finished.
        self.check()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.check()?;
        Ok(if matches!(self.state, State::Writing(_)) {
            0
        } else {
            WRITE_BYTES
        })
    }

    async fn cancel(&mut self) {
        // A write that is in progress is part of the artifact, so it is waited for.
        self.ready().await;
    }
}
