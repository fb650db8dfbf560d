//! Streams between a guest of WASI 0.3 and files of the scratch folder: each counts as an open
//! file while it lives, and writes go through the ledger.
//!
//! One portion of a stream is in progress at a time, on a thread that may block; how many
//! streams of an attempt work at once is bounded by the scratch folder's permits.

use super::ledger::{Ledger, Listing, OpenFile, Place};
use bytes::BytesMut;
use std::{
    fs::File,
    io, mem,
    os::unix::fs::FileExt as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::sync::{Semaphore, oneshot};
use wasmtime::{
    StoreContextMut,
    component::{Destination, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer},
};
use wasmtime_wasi::{
    p3::bindings::filesystem::types::{DirectoryEntry, ErrorCode},
    runtime::{AbortOnDropJoinHandle, spawn, spawn_blocking},
};

/// The most that is read or written, and so held in memory, at once.
const PORTION_BYTES: usize = 16 << 10;

/// Directory entries per read of a guest that does not bound their number.
const PORTION_ENTRIES: usize = 32;

/// Sends a guest the end of its stream, once.
pub(super) struct Ending(Option<oneshot::Sender<Result<(), ErrorCode>>>);

impl Ending {
    /// The sender and the receiver of a stream's end.
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<(), ErrorCode>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    pub(super) fn send(&mut self, how: Result<(), ErrorCode>) {
        if let Some(sender) = self.0.take()
            && sender.send(how).is_err()
        {
            // The guest dropped its end.
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.send(Ok(()));
    }
}

/// Work on a file, elsewhere.
type Working<T> = AbortOnDropJoinHandle<io::Result<T>>;

/// Starts work that may block, once there is a permit.
fn work<T: Send + 'static>(
    permits: &Arc<Semaphore>,
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Working<T> {
    let permits = Arc::clone(permits);
    spawn(async move {
        let _permits = permits.acquire_owned().await.map_err(io::Error::other)?;
        spawn_blocking(job).await
    })
}

/// A file, on its way to the guest.
pub(super) struct Reading {
    pub(super) file: Arc<File>,
    /// Counts it as open; the folders that a program starts with are not counted.
    pub(super) _open: Option<Arc<OpenFile>>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) offset: u64,
    pub(super) ending: Ending,
    pub(super) portion: Option<Working<BytesMut>>,
}

impl<D> StreamProducer<D> for Reading {
    type Item = u8;
    type Buffer = BytesMut;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, u8, BytesMut>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if self.portion.is_none() && destination.remaining(&mut store) == Some(0) {
            // Only reading shows whether there is something to read.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let me = &mut *self;
        let portion = me.portion.get_or_insert_with(|| {
            let mut bytes = destination.take_buffer();
            let (file, offset) = (Arc::clone(&me.file), me.offset);
            work(&me.permits, move || {
                bytes.resize(PORTION_BYTES, 0);
                let read = file.read_at(&mut bytes, offset)?;
                bytes.truncate(read);
                Ok(bytes)
            })
        });
        // What was begun is waited for, even if the guest gives up: it takes a moment.
        let bytes = ready!(Pin::new(portion).poll(context));
        me.portion = None;
        Poll::Ready(Ok(match bytes {
            Ok(bytes) if bytes.is_empty() => StreamResult::Dropped,
            Ok(bytes) => {
                me.offset = me.offset.saturating_add(bytes.len() as u64);
                destination.set_buffer(bytes);
                StreamResult::Completed
            }
            Err(error) => {
                me.ending.send(Err(error.into()));
                StreamResult::Dropped
            }
        }))
    }
}

/// What a guest writes, on its way to a file.
pub(super) struct Writing {
    pub(super) ledger: Ledger,
    pub(super) file: Arc<File>,
    pub(super) open: Arc<OpenFile>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) place: Place,
    pub(super) ending: Ending,
    pub(super) portion: Option<Working<usize>>,
}

impl<D> StreamConsumer<D> for Writing {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut source = source.as_direct(store);
        let me = &mut *self;
        if me.portion.is_none() {
            let bytes = source.remaining();
            if bytes.is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            let bytes = bytes[..bytes.len().min(PORTION_BYTES)].to_vec();
            let (ledger, file, open) = (
                me.ledger.clone(),
                Arc::clone(&me.file),
                Arc::clone(&me.open),
            );
            let place = me.place;
            me.portion = Some(work(&me.permits, move || {
                ledger.write(open.key(), &file, place, &bytes)
            }));
        }
        let portion = me.portion.as_mut().expect("it was begun above");
        let written = ready!(Pin::new(portion).poll(context));
        me.portion = None;
        let written = match written {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            written => written,
        };
        Poll::Ready(Ok(match written {
            Ok(written) => {
                source.mark_read(written);
                if let Place::At(offset) = &mut me.place {
                    *offset = offset.saturating_add(written as u64);
                }
                StreamResult::Completed
            }
            Err(error) => {
                me.ending.send(Err(error.into()));
                StreamResult::Dropped
            }
        }))
    }
}

/// What a listing found, and its place in the books.
pub(super) type Listed = Result<(Vec<DirectoryEntry>, Listing), ErrorCode>;

/// The entries of a folder, on their way to the guest.
pub(super) struct Entries {
    state: Found,
    ending: Ending,
}

enum Found {
    Looking(AbortOnDropJoinHandle<wasmtime::Result<Listed>>),
    Here {
        rest: Vec<DirectoryEntry>,
        _listing: Listing,
    },
    Over,
}

impl Entries {
    pub(super) fn new(
        looking: AbortOnDropJoinHandle<wasmtime::Result<Listed>>,
        ending: Ending,
    ) -> Self {
        Self {
            state: Found::Looking(looking),
            ending,
        }
    }
}

impl<D> StreamProducer<D> for Entries {
    type Item = DirectoryEntry;
    type Buffer = VecBuffer<DirectoryEntry>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, DirectoryEntry, VecBuffer<DirectoryEntry>>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let me = &mut *self;
        if let Found::Looking(looking) = &mut me.state {
            match ready!(Pin::new(looking).poll(context))? {
                Ok((mut rest, listing)) => {
                    // Taken from the end, in the order of the folder.
                    rest.reverse();
                    me.state = Found::Here {
                        rest,
                        _listing: listing,
                    };
                }
                Err(code) => {
                    me.state = Found::Over;
                    me.ending.send(Err(code));
                }
            }
        }
        let Found::Here { rest, .. } = &mut me.state else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        let wanted = destination.remaining(&mut store).unwrap_or(PORTION_ENTRIES);
        if wanted == 0 && !rest.is_empty() {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let left = rest.len().saturating_sub(wanted);
        let mut portion = rest.split_off(left);
        portion.reverse();
        let is_last = rest.is_empty();
        destination.set_buffer(portion.into());
        Poll::Ready(Ok(if is_last {
            // Gives the place in the books back.
            drop(mem::replace(&mut me.state, Found::Over));
            me.ending.send(Ok(()));
            StreamResult::Dropped
        } else {
            StreamResult::Completed
        }))
    }
}
