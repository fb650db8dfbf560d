//! Streams over files of the scratch folder, counted by the ledger.

use super::ledger::{Ledger, OpenFile, Place};
use bytes::Bytes;
use std::{fs::File, io, mem, sync::Arc};
use wasmtime_wasi::{
    async_trait,
    p2::{DynInputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult},
    runtime::{AbortOnDropJoinHandle, spawn_blocking},
};

/// The most that is written, and so held in memory, at once.
const WRITE_BYTES: usize = 16 << 10;

/// The most that is read ahead of a guest. It may hold many streams and read none of them.
const READ_AHEAD_BYTES: usize = 16 << 10;

/// A read stream that counts its file as open.
pub(crate) struct CountedInput {
    inner: DynInputStream,
    _open: Arc<OpenFile>,
}

impl CountedInput {
    pub(crate) fn new(inner: DynInputStream, open: Arc<OpenFile>) -> Self {
        Self { inner, _open: open }
    }
}

#[async_trait]
impl Pollable for CountedInput {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait]
impl InputStream for CountedInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.read(size.min(READ_AHEAD_BYTES))
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.blocking_read(size).await
    }

    fn skip(&mut self, count: usize) -> StreamResult<usize> {
        self.inner.skip(count)
    }

    async fn blocking_skip(&mut self, count: usize) -> StreamResult<usize> {
        self.inner.blocking_skip(count).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// A write stream. One write at a time is in progress on a thread that may block.
pub(crate) struct CountedOutput {
    ledger: Ledger,
    file: Arc<File>,
    open: Arc<OpenFile>,
    place: Place,
    state: State,
}

enum State {
    Ready,
    Writing(AbortOnDropJoinHandle<io::Result<()>>),
    Failed(io::Error),
    Closed,
}

impl CountedOutput {
    /// Writes from an offset on.
    pub(crate) fn at(ledger: Ledger, file: Arc<File>, open: Arc<OpenFile>, offset: u64) -> Self {
        Self {
            ledger,
            file,
            open,
            place: Place::At(offset),
            state: State::Ready,
        }
    }

    /// Writes after the file's last byte.
    pub(crate) fn append(ledger: Ledger, file: Arc<File>, open: Arc<OpenFile>) -> Self {
        Self {
            ledger,
            file,
            open,
            place: Place::End,
            state: State::Ready,
        }
    }

    fn state(&mut self) -> StreamResult<()> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            State::Closed => Err(StreamError::Closed),
            kept @ (State::Ready | State::Writing(_)) => {
                self.state = kept;
                Ok(())
            }
        }
    }
}

fn write_all(
    ledger: &Ledger,
    open: &OpenFile,
    file: &File,
    mut place: Place,
    mut bytes: Bytes,
) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = ledger.write(open.key(), file, place, &bytes)?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        drop(bytes.split_to(written));
        if let Place::At(offset) = &mut place {
            *offset += written as u64;
        }
    }
    Ok(())
}

#[async_trait]
impl Pollable for CountedOutput {
    async fn ready(&mut self) {
        if let State::Writing(writing) = &mut self.state {
            self.state = match writing.await {
                Ok(()) => State::Ready,
                Err(error) => State::Failed(error),
            };
        }
    }
}

#[async_trait]
impl OutputStream for CountedOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.state()?;
        if matches!(self.state, State::Writing(_)) || bytes.len() > WRITE_BYTES {
            return Err(StreamError::trap(
                "a write without the leave of check-write",
            ));
        }
        let (ledger, file, open) = (
            self.ledger.clone(),
            Arc::clone(&self.file),
            Arc::clone(&self.open),
        );
        let place = self.place;
        if let Place::At(offset) = &mut self.place {
            *offset = offset.saturating_add(bytes.len() as u64);
        }
        self.state = State::Writing(spawn_blocking(move || {
            write_all(&ledger, &open, &file, place, bytes)
        }));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing is buffered here: a write that is in progress is waited for by `ready`.
        self.state()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.state()?;
        Ok(if matches!(self.state, State::Writing(_)) {
            0
        } else {
            WRITE_BYTES
        })
    }

    async fn cancel(&mut self) {
        if let State::Writing(writing) = mem::replace(&mut self.state, State::Closed) {
            // A write that has begun can't be stopped; waiting for it prevents a guest
            // from piling them up.
            writing.cancel().await;
        }
    }
}
