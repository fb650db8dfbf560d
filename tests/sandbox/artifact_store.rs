//! Artifacts in memory, for attempts whose files are looked at afterwards.

use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;
use weft_sandbox::{ArtifactError, ArtifactReader, ArtifactRef, ArtifactWriter, Artifacts};

/// Every artifact that was finished, by its reference.
type Finished = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// A store that keeps everything until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ArtifactStore(Finished);

impl ArtifactStore {
    /// Stores these bytes, and says under which reference.
    pub(crate) fn put(&self, bytes: impl Into<Bytes>) -> String {
        finish(&self.0, bytes.into())
    }

    /// What was stored, in the order it was finished.
    pub(crate) fn contents(&self) -> Vec<Bytes> {
        self.0
            .lock()
            .expect("no test panics while it holds the lock")
            .values()
            .cloned()
            .collect()
    }
}

#[async_trait]
impl Artifacts for ArtifactStore {
    async fn create(&self, _media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        Ok(Box::new(Writing {
            artifact_store: self.0.clone(),
            bytes: Vec::new(),
        }))
    }

    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        let found = self
            .0
            .lock()
            .expect("no test panics while it holds the lock")
            .get(reference.as_str())
            .cloned();
        Ok(Box::new(io::Cursor::new(
            found.ok_or(ArtifactError::NotFound)?,
        )))
    }
}

fn finish(artifact_store: &Finished, bytes: Bytes) -> String {
    let mut artifact_store = artifact_store
        .lock()
        .expect("no test panics while it holds the lock");
    let reference = format!("artifact-{:08}", artifact_store.len());
    artifact_store.insert(reference.clone(), bytes);
    reference
}

/// An artifact that can't be opened yet.
struct Writing {
    artifact_store: Finished,
    bytes: Vec<u8>,
}

#[async_trait]
impl ArtifactWriter for Writing {
    async fn finish(self: Box<Self>) -> Result<ArtifactRef, ArtifactError> {
        Ok(ArtifactRef::new(finish(
            &self.artifact_store,
            self.bytes.into(),
        )))
    }
}

impl AsyncWrite for Writing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
