//! Blobs that are written and read part by part, in bounded memory.
//!
//! A blob's name is known at its end, so it is uploaded under a random one and
//! renamed. What is left of uploads that never ended is collected with the rest.

use crate::{BlobError, Blobs, Kind, location};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{MultipartUpload, ObjectStoreExt as _, path::Path};
use sha2::{Digest as _, Sha256};
use weft_core::{digest::Digest, id::TenantId};

/// Parts are at least so large, but for the last: S3 takes no smaller ones.
const PART_BYTES: usize = 5 << 20;

/// A blob that is being written. Dropped without [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    kind: Kind,
    tenant: TenantId,
    path: Path,
    upload: Box<dyn MultipartUpload>,
    buffered: BytesMut,
    hash: Sha256,
    bytes: u64,
}

/// A blob that is being read.
pub struct BlobReader {
    blobs: Blobs,
    path: Path,
    digest: Digest,
    size: u64,
    parts: BoxStream<'static, object_store::Result<Bytes>>,
    hash: Sha256,
    read: u64,
}

impl BlobWriter {
    pub(crate) async fn begin(
        blobs: Blobs,
        kind: Kind,
        tenant: TenantId,
    ) -> Result<Self, BlobError> {
        let path = location::of_upload(kind, &tenant);
        let upload = blobs
            .store()
            .put_multipart(&path)
            .await
            .map_err(|error| blobs.failure(&error, &path))?;
        Ok(Self {
            blobs,
            kind,
            tenant,
            path,
            upload,
            buffered: BytesMut::new(),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// As [`Blobs::put`]; the blob can't be finished then.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PART_BYTES - self.buffered.len()));
            self.buffered.extend_from_slice(now);
            rest = later;
            if self.buffered.len() >= PART_BYTES {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// How many bytes were written so far.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends the blob: it is there whole from now on. Returns its name and size in bytes.
    ///
    /// # Errors
    /// As [`Blobs::put`]; nothing is stored then.
    pub async fn finish(mut self) -> Result<(Digest, u64), BlobError> {
        if !self.buffered.is_empty() {
            self.send().await?;
        }
        let digest = Digest(self.hash.clone().finalize().into());
        let target = location::of_blob(self.kind, &self.tenant, &digest);
        let _publishing = self.blobs.publishing().read().await;
        self.upload
            .complete()
            .await
            .map_err(|error| self.blobs.failure(&error, &self.path))?;
        self.blobs
            .store()
            .rename(&self.path, &target)
            .await
            .map_err(|error| self.blobs.failure(&error, &target))?;
        Ok((digest, self.bytes))
    }

    /// Gives the blob up, and waits until what was uploaded is gone.
    ///
    /// # Errors
    /// As [`Blobs::delete`]; what is left is collected later.
    pub async fn abort(mut self) -> Result<(), BlobError> {
        self.upload
            .abort()
            .await
            .map_err(|error| self.blobs.failure(&error, &self.path))
    }

    async fn send(&mut self) -> Result<(), BlobError> {
        let part = self.buffered.split().freeze();
        self.upload
            .put_part(part.into())
            .await
            .map_err(|error| self.blobs.failure(&error, &self.path))
    }
}

impl BlobReader {
    pub(crate) async fn open(
        blobs: Blobs,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Self, BlobError> {
        let path = location::of_blob(kind, tenant, digest);
        let found = blobs
            .store()
            .get(&path)
            .await
            .map_err(|error| blobs.not_found(&error, kind, digest, &path))?;
        Ok(Self {
            blobs,
            path,
            digest: *digest,
            size: found.meta.size,
            parts: found.into_stream(),
            hash: Sha256::new(),
            read: 0,
        })
    }

    /// The size of the blob in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The next part; none at the end, when the whole was found to be right.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] at the end, [`BlobError::Unavailable`] at any time.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        match self.parts.next().await {
            // A file that shrinks while it is read would give empty parts for ever.
            Some(Ok(part)) if part.is_empty() => Err(self.blobs.damaged(self.digest, &self.path)),
            Some(Ok(part)) => {
                self.hash.update(&part);
                self.read += part.len() as u64;
                Ok(Some(part))
            }
            Some(Err(error)) => Err(self.blobs.failure(&error, &self.path)),
            None if self.read == self.size
                && Digest(self.hash.clone().finalize().into()) == self.digest =>
            {
                Ok(None)
            }
            None => Err(self.blobs.damaged(self.digest, &self.path)),
        }
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReader")
            .field("path", &self.path)
            .field("size", &self.size)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}
