//! Artifacts in the blob store, as the sandbox writes and reads them.
//!
//! A reference is `sha256:` and the digest of the bytes; which of them an
//! attempt may open is decided by the sandbox, and a tenant reaches its own only.

use async_trait::async_trait;
use bytes::{Buf as _, Bytes};
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use weft_blob::{BlobError, BlobReader, BlobWriter, Blobs, Kind};
use weft_core::{digest::Digest, id::TenantId};
use weft_sandbox::{ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter};

/// The most that is copied for one write.
const WRITE_BYTES: usize = 64 << 10;

type Written = (Box<BlobWriter>, Result<(), BlobError>);
type Read = (Box<BlobReader>, Result<Option<Bytes>, BlobError>);
type Operation<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Begins an artifact.
pub(crate) async fn create(
    blobs: &Blobs,
    tenant: &TenantId,
) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
    let writer = blobs
        .writer(Kind::Artifact, tenant)
        .await
        .map_err(|error| unavailable(&error))?;
    Ok(Box::new(Writer(Mutex::new(Writing::Idle(Box::new(
        writer,
    ))))))
}

/// Opens an artifact.
pub(crate) async fn open(
    blobs: &Blobs,
    tenant: &TenantId,
    reference: &ArtifactRef,
) -> Result<ArtifactReader, ArtifactError> {
    let digest: Digest = reference
        .as_str()
        .parse()
        .map_err(|_no_reference| ArtifactError::NotFound)?;
    match blobs.reader(Kind::Artifact, tenant, &digest).await {
        Ok(reader) => Ok(Box::new(Reader(Mutex::new(Reading::Ready {
            reader: Box::new(reader),
            part: Bytes::new(),
        })))),
        Err(BlobError::Missing { .. }) => Err(ArtifactError::NotFound),
        Err(error) => Err(unavailable(&error)),
    }
}

fn unavailable(error: &BlobError) -> ArtifactError {
    ArtifactError::Unavailable(error.to_string())
}

fn broken() -> io::Error {
    io::Error::other("the artifact failed before")
}

/// The lock is never contended, and never waited for: it makes what is only
/// `Send` `Sync`, as the sandbox asks.
struct Writer(Mutex<Writing>);

enum Writing {
    Idle(Box<BlobWriter>),
    Busy(Operation<Written>),
    Failed,
}

impl Writing {
    /// Ends the write that is in progress.
    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Idle(_) => Poll::Ready(Ok(())),
            Self::Failed => Poll::Ready(Err(broken())),
            Self::Busy(operation) => {
                let (writer, result) = ready!(operation.as_mut().poll(context));
                *self = match &result {
                    Ok(()) => Self::Idle(writer),
                    Err(_) => Self::Failed,
                };
                Poll::Ready(result.map_err(io::Error::other))
            }
        }
    }
}

impl Writer {
    fn state(self: Pin<&mut Self>) -> &mut Writing {
        self.get_mut()
            .0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let state = self.state();
        ready!(state.poll_idle(context))?;
        let Writing::Idle(mut writer) = std::mem::replace(state, Writing::Failed) else {
            return Poll::Ready(Err(broken()));
        };
        let taken = bytes.len().min(WRITE_BYTES);
        let bytes = bytes[..taken].to_vec();
        *state = Writing::Busy(Box::pin(async move {
            let result = writer.write(&bytes).await;
            (writer, result)
        }));
        // What was taken is written while the guest goes on; its failure shows at the next call.
        match state.poll_idle(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().poll_idle(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[async_trait]
impl ArtifactWriter for Writer {
    async fn finish(mut self: Box<Self>) -> Result<ArtifactRef, ArtifactError> {
        self.flush()
            .await
            .map_err(|error| ArtifactError::Unavailable(error.to_string()))?;
        let state = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Writing::Idle(writer) = state else {
            return Err(ArtifactError::Unavailable(broken().to_string()));
        };
        match writer.finish().await {
            Ok((digest, _bytes)) => Ok(ArtifactRef::new(digest.to_string())),
            Err(error) => Err(unavailable(&error)),
        }
    }
}

/// As [`Writer`], the other way round.
struct Reader(Mutex<Reading>);

enum Reading {
    Ready {
        reader: Box<BlobReader>,
        part: Bytes,
    },
    Busy(Operation<Read>),
    Ended,
    Failed,
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let state = self
            .get_mut()
            .0
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            match state {
                Reading::Ended => return Poll::Ready(Ok(())),
                Reading::Failed => return Poll::Ready(Err(broken())),
                Reading::Ready { part, .. } if part.has_remaining() => {
                    let count = part.len().min(buffer.remaining());
                    buffer.put_slice(&part.split_to(count));
                    return Poll::Ready(Ok(()));
                }
                Reading::Ready { .. } => {
                    if let Reading::Ready { mut reader, .. } =
                        std::mem::replace(state, Reading::Failed)
                    {
                        *state = Reading::Busy(Box::pin(async move {
                            let result = reader.next().await;
                            (reader, result)
                        }));
                    }
                }
                Reading::Busy(operation) => {
                    let (reader, result) = ready!(operation.as_mut().poll(context));
                    *state = match result {
                        Ok(Some(part)) => Reading::Ready { reader, part },
                        Ok(None) => Reading::Ended,
                        Err(error) => {
                            *state = Reading::Failed;
                            return Poll::Ready(Err(io::Error::other(error)));
                        }
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    async fn read(blobs: &Blobs, tenant: &TenantId, reference: &ArtifactRef) -> Vec<u8> {
        let mut reader = open(blobs, tenant, reference).await.expect("it is there");
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).await.expect("it is whole");
        bytes
    }

    #[tokio::test]
    async fn what_is_written_is_read_back_by_its_tenant_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::local(folder.path()).expect("a store");
        let tenant = TenantId::default();
        for size in [0_u8, 1, 250] {
            let bytes: Vec<u8> = (0..size).cycle().take(usize::from(size) * 1_000).collect();
            let mut writer = create(&blobs, &tenant).await.expect("room");
            writer.write_all(&bytes).await.expect("room");
            let reference = writer.finish().await.expect("room");
            assert_eq!(reference.as_str(), Digest::of(&bytes).to_string());
            assert_eq!(read(&blobs, &tenant, &reference).await, bytes);
            let other = "other".parse().expect("an id");
            let refused = open(&blobs, &other, &reference).await.err();
            assert_eq!(refused, Some(ArtifactError::NotFound));
        }
    }

    #[tokio::test]
    async fn a_text_that_is_no_reference_names_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::local(folder.path()).expect("a store");
        for text in ["", "sha256:", "../x", "sha256:../../../../etc/passwd"] {
            let refused = open(&blobs, &TenantId::default(), &ArtifactRef::new(text)).await;
            assert_eq!(refused.err(), Some(ArtifactError::NotFound), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_damaged_artifact_is_an_error_at_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::local(folder.path()).expect("a store");
        let tenant = TenantId::default();
        let mut writer = create(&blobs, &tenant).await.expect("room");
        writer.write_all(b"hello").await.expect("room");
        let reference = writer.finish().await.expect("room");
        damage(folder.path(), &reference);
        let mut reader = open(&blobs, &tenant, &reference)
            .await
            .expect("it is there");
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .await
            .expect_err("it is not whole");
    }

    /// Changes the one file that is named after the reference.
    fn damage(folder: &std::path::Path, reference: &ArtifactRef) {
        let mut open = vec![folder.to_owned()];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                let inside = std::fs::read_dir(&path).expect("a folder");
                open.extend(inside.map(|entry| entry.expect("an entry").path()));
            } else if std::fs::read(&path).expect("a file") == b"hello" {
                std::fs::write(&path, "jello").expect("room");
                return;
            }
        }
        panic!("there is no {reference}");
    }
}
