//! The port through which large outputs are read.

use async_trait::async_trait;
use weft_blob::{BlobError, Blobs, Kind};
use weft_core::{digest::Digest, id::TenantId};

/// The blob store, as far as a scheduler uses it.
#[async_trait]
pub trait OutputBlobs: Send + Sync {
    /// Reads an output whole and checks it.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`] or [`BlobError::TooLarge`] if a retry does not
    /// help; any other error may pass.
    async fn read_output(&self, tenant: &TenantId, digest: &Digest) -> Result<Vec<u8>, BlobError>;
}

#[async_trait]
impl OutputBlobs for Blobs {
    async fn read_output(&self, tenant: &TenantId, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        let read = self.get(Kind::Output, tenant, digest).await?;
        Ok(read.into())
    }
}
