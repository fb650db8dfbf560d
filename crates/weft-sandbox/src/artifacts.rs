//! Large data between tasks: the seam to where artifacts are kept, and the
//! host side of `weft:artifacts/store`.

use crate::state::HostState;
use async_trait::async_trait;
use std::fmt;
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime::component::Linker;

/// Names an artifact within a tenant; opaque to guests.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactRef(pub String);

impl fmt::Display for ArtifactRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where artifacts are kept. Who may open which is decided before this is asked.
#[async_trait]
pub trait Artifacts: Send + Sync {
    /// Starts a new artifact.
    ///
    /// # Errors
    /// [`ArtifactError`] says whether another try may help.
    async fn create(&self, media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError>;

    /// Opens one for reading, from its beginning.
    ///
    /// # Errors
    /// [`ArtifactError`] says whether it is missing or the store does not answer.
    async fn open(&self, reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError>;
}

/// The bytes of an artifact.
pub type ArtifactReader = Box<dyn AsyncRead + Send + Sync + Unpin>;

/// An artifact that is being written. Dropped before `finish`, it never was.
#[async_trait]
pub trait ArtifactWriter: AsyncWrite + Send + Sync + Unpin {
    /// Makes it visible under the reference that is returned.
    ///
    /// # Errors
    /// The store could not keep it.
    async fn finish(self: Box<Self>) -> Result<ArtifactRef, ArtifactError>;
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// No such artifact.
    #[error("no such artifact")]
    NotFound,
    /// The store does not answer or is full.
    #[error("artifacts are unavailable: {0}")]
    Unavailable(String),
}

/// Nowhere to keep artifacts: nothing can be created or opened.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoArtifacts;

#[async_trait]
impl Artifacts for NoArtifacts {
    async fn create(&self, _media_type: &str) -> Result<Box<dyn ArtifactWriter>, ArtifactError> {
        Err(ArtifactError::Unavailable("no store was given".into()))
    }

    async fn open(&self, _reference: &ArtifactRef) -> Result<ArtifactReader, ArtifactError> {
        Err(ArtifactError::NotFound)
    }
}

/// One attempt's artifacts: what it may open, what it wrote.
#[derive(Default)]
pub(crate) struct ArtifactState {}

/// Offers `weft:artifacts/store`.
pub(crate) fn add_to_linker(_linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    Ok(())
}
