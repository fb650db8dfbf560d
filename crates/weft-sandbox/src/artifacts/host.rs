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
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::OwnedSemaphorePermit,
};
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

/// The longest media type; a longer one becomes [`UNKNOWN_TYPE`].
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// The media type of artifacts without a usable one.
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
        self.state.record(Problem::Store(error));
        answer
    }
}

impl store::Host for View<'_> {
    async fn create(
        &mut self,
        media_type: String,
    ) -> wasmtime::Result<Result<Resource<Writing>, Error>> {
        let Some(permit) = self.state.open_another() else {
            return Ok(Err(Error::Unavailable));
        };
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
                slot: Slot::new(writer, permit),
            })?),
            Err(error) => Err(self.failed(error)),
        })
    }

    async fn open(
        &mut self,
        reference: String,
    ) -> wasmtime::Result<Result<Resource<DynInputStream>, Error>> {
        let reference = ArtifactRef::new(reference);
        if !self.state.known.contains(&reference) {
            self.state.record(Problem::Denied(reference));
            return Ok(Err(Error::Denied));
        }
        let Some(permit) = self.state.open_another() else {
            return Ok(Err(Error::Unavailable));
        };
        let store = Arc::clone(&self.state.store);
        Ok(match store.open(&reference).await {
            Ok(inner) => {
                let counted = Counted {
                    inner,
                    tally: Arc::clone(&self.state.tally),
                    _permit: permit,
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
                Ok(reference.as_str().to_owned())
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
    _permit: OwnedSemaphorePermit,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Artifacts, FailureKind, FolderArtifacts};
    use store::{Host as _, HostWriter as _};
    use weft_core::limit::Limits;

    struct Guest {
        state: ArtifactState,
        table: ResourceTable,
        _folder: tempfile::TempDir,
    }

    impl Guest {
        fn new(limits: &Limits) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store: Arc<dyn Artifacts> = Arc::new(FolderArtifacts::new(folder.path()));
            Self {
                state: ArtifactState::new(store, [], limits),
                table: ResourceTable::new(),
                _folder: folder,
            }
        }

        fn view(&mut self) -> View<'_> {
            View {
                state: &mut self.state,
                table: &mut self.table,
            }
        }

        async fn create(&mut self) -> Result<Resource<Writing>, Error> {
            self.view().create("text/plain".into()).await.unwrap()
        }

        fn again(writer: &Resource<Writing>) -> Resource<Writing> {
            Resource::new_borrow(writer.rep())
        }

        /// Writes the bytes through a stream of their own.
        async fn write(&mut self, writer: &Resource<Writing>, bytes: &'static [u8]) -> bool {
            let stream = self
                .view()
                .body(Self::again(writer))
                .await
                .unwrap()
                .unwrap();
            let mut stream = self.table.delete(stream).unwrap();
            let written = stream.write(bytes.into()).is_ok();
            stream.cancel().await;
            written
        }
    }

    #[tokio::test]
    async fn what_is_written_in_parts_is_read_as_one() {
        let mut guest = Guest::new(&Limits::DEFAULT);
        let writer = guest.create().await.unwrap();
        assert!(guest.write(&writer, b"hello ").await);
        assert!(guest.write(&writer, b"world").await);
        let reference = guest.view().finish(writer).await.unwrap().unwrap();
        assert_eq!(guest.state.created(), [ArtifactRef::new(reference.clone())]);
        let stream = guest.view().open(reference).await.unwrap().unwrap();
        let mut stream = guest.table.delete(stream).unwrap();
        assert_eq!(stream.blocking_read(100).await.unwrap(), "hello world");
        assert_eq!(guest.state.bytes(), (11, 11));
    }

    #[tokio::test]
    async fn only_what_the_attempt_has_is_opened() {
        let mut guest = Guest::new(&Limits::DEFAULT);
        let refused = guest
            .view()
            .open("sha256:guessed".into())
            .await
            .unwrap()
            .err();
        assert!(matches!(refused, Some(Error::Denied)), "{refused:?}");
        let (kind, message) = guest.state.failure().unwrap();
        assert_eq!(kind, FailureKind::Denied);
        assert!(message.contains("sha256:guessed"), "{message}");
    }

    #[tokio::test]
    async fn an_artifact_beyond_its_size_is_none() {
        let mut guest = Guest::new(&Limits {
            artifact_bytes: 8,
            ..Limits::DEFAULT
        });
        let writer = guest.create().await.unwrap();
        assert!(guest.write(&writer, b"12345").await);
        assert!(!guest.write(&writer, b"6789").await);
        let refused = guest.view().finish(writer).await.unwrap();
        assert!(matches!(refused, Err(Error::TooLarge)), "{refused:?}");
        assert!(guest.state.created().is_empty());
        let (kind, message) = guest.state.failure().unwrap();
        assert_eq!(kind, FailureKind::ArtifactLimit);
        assert!(message.contains("8B"), "{message}");
    }

    #[tokio::test]
    async fn one_stream_at_a_time_and_no_end_before_its_own() {
        let mut guest = Guest::new(&Limits {
            artifacts: 1,
            ..Limits::DEFAULT
        });
        let writer = guest.create().await.unwrap();
        let _stream = guest
            .view()
            .body(Guest::again(&writer))
            .await
            .unwrap()
            .unwrap();
        let second = guest
            .view()
            .body(Guest::again(&writer))
            .await
            .unwrap()
            .map(|_| ());
        assert!(matches!(second, Err(Error::StillOpen)), "{second:?}");
        let early = guest.view().finish(writer).await.unwrap();
        assert!(matches!(early, Err(Error::StillOpen)), "{early:?}");
        let another = guest.create().await.map(|_| ());
        assert!(matches!(another, Err(Error::TooLarge)), "{another:?}");
    }
}
