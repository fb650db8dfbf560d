//! `weft:artifacts/store`, as guests call it.

use super::{
    ArtifactError, ArtifactRef, ArtifactState, Problem, Tally,
    stream::{ArtifactStream, Slot},
};
use crate::state::HostState;
use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, ReadBuf};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, pipe::AsyncReadStream};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["wit/wasi-io.wit", "../../wit/artifacts.wit"],
        world: "weft:artifacts/artifacts",
        imports: { default: async | trappable },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "weft:artifacts/store.writer": super::Writing,
        },
    });
}

use bindings::weft::artifacts::store::{self, Error};

/// The longest media type; a longer one is kept as [`UNKNOWN_TYPE`].
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// What nobody said anything usable about.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// An artifact that a guest is writing.
#[expect(unreachable_pub, reason = "the generated module names it as its own")]
pub struct Writing {
    slot: Slot,
}

struct ArtifactHost;

impl HasData for ArtifactHost {
    type Data<'a> = View<'a>;
}

struct View<'a> {
    state: &'a mut ArtifactState,
    table: &'a mut ResourceTable,
}

/// Offers `weft:artifacts/store`.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, ArtifactHost>(linker, |state: &mut HostState| View {
        state: &mut state.artifacts,
        table: &mut state.table,
    })
}

impl View<'_> {
    fn failed(&mut self, error: ArtifactError) -> Error {
        let answer = match error {
            ArtifactError::NotFound => Error::NotFound,
            ArtifactError::Unavailable(_) => Error::Unavailable,
        };
        self.state.remember(Problem::Store(error));
        answer
    }
}

impl store::Host for View<'_> {
    async fn create(
        &mut self,
        media_type: String,
    ) -> wasmtime::Result<Result<Resource<Writing>, Error>> {
        if !self.state.start() {
            return Ok(Err(Error::TooLarge));
        }
        let is_usable = !media_type.is_empty()
            && media_type.len() <= MAX_MEDIA_TYPE_BYTES
            && media_type
                .bytes()
                .all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let media_type = if is_usable {
            media_type.as_str()
        } else {
            UNKNOWN_TYPE
        };
        let store = Arc::clone(&self.state.store);
        Ok(match store.create(media_type).await {
            Ok(writer) => Ok(self.table.push(Writing {
                slot: Slot::new(writer),
            })?),
            Err(error) => Err(self.failed(error)),
        })
    }

    async fn open(
        &mut self,
        reference: String,
    ) -> wasmtime::Result<Result<Resource<DynInputStream>, Error>> {
        let reference = ArtifactRef(reference);
        if !self.state.known.contains(&reference) {
            self.state.remember(Problem::Denied(reference));
            return Ok(Err(Error::Denied));
        }
        let store = Arc::clone(&self.state.store);
        Ok(match store.open(&reference).await {
            Ok(inner) => {
                let counted = Counted {
                    inner,
                    tally: Arc::clone(&self.state.tally),
                };
                let stream: DynInputStream = Box::new(AsyncReadStream::new(counted));
                Ok(self.table.push(stream)?)
            }
            Err(error) => Err(self.failed(error)),
        })
    }
}

impl store::HostWriter for View<'_> {
    async fn body(
        &mut self,
        writer: Resource<Writing>,
    ) -> wasmtime::Result<Result<Resource<DynOutputStream>, Error>> {
        let slot = self.table.get(&writer)?.slot.clone();
        let Some(inner) = slot.take() else {
            return Ok(Err(Error::StillOpen));
        };
        let stream: DynOutputStream = Box::new(ArtifactStream::new(
            slot,
            inner,
            Arc::clone(&self.state.tally),
            self.state.bytes_limit,
        ));
        Ok(Ok(self.table.push(stream)?))
    }

    async fn finish(
        &mut self,
        writer: Resource<Writing>,
    ) -> wasmtime::Result<Result<String, Error>> {
        let slot = self.table.delete(writer)?.slot;
        let Some(inner) = slot.take() else {
            return Ok(Err(Error::StillOpen));
        };
        if slot.is_broken() {
            let too_large = self.state.tally.too_large.load(Ordering::Relaxed);
            return Ok(Err(if too_large {
                Error::TooLarge
            } else {
                Error::Unavailable
            }));
        }
        Ok(match inner.finish().await {
            Ok(reference) => {
                self.state.finished(reference.clone());
                Ok(reference.0)
            }
            Err(error) => Err(self.failed(error)),
        })
    }

    async fn drop(&mut self, writer: Resource<Writing>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

/// Counts what is read.
struct Counted {
    inner: super::ArtifactReader,
    tally: Arc<Tally>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let bytes = (buffer.filled().len() - before) as u64;
        self.tally.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}
