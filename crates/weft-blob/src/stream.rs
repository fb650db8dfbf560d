//! Blobs that are written and read part by part, in bounded memory.
//!
//! A blob's name is known at its end, so it is written under a random one and
//! renamed. What is left of blobs that never ended is collected with the rest.
//! What is open is on disk: a guest that opens many costs the host's disk, which
//! its quota counts, and hardly any memory.

mod parts;
mod staged;

use crate::{BlobError, Blobs, Kind, location, metrics::OpenWriter};
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use object_store::{ObjectStoreExt as _, path::Path};
use parts::{PartError, Parts};
use sha2::{Digest as _, Sha256};
use staged::Staged;
use weft_core::{digest::Digest, id::TenantId};

/// A blob that is being written. Dropped without [`Self::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    blobs: Blobs,
    kind: Kind,
    tenant: TenantId,
    path: Path,
    target: Target,
    hash: Sha256,
    bytes: u64,
    _counted: OpenWriter,
}

/// Where the bytes go.
#[derive(Debug)]
enum Target {
    /// A folder of this machine.
    Folder(Staged),
    /// Any other store.
    Store(Parts),
}

/// A blob that is being read.
pub struct BlobReader {
    blobs: Blobs,
    kind: Kind,
    path: Path,
    digest: Digest,
    size: u64,
    parts: BoxStream<'static, object_store::Result<Bytes>>,
    hash: Sha256,
    read: u64,
}

impl Blobs {
    /// Begins a blob that is too large for memory, or comes bit by bit.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn writer(&self, kind: Kind, tenant: &TenantId) -> Result<BlobWriter, BlobError> {
        BlobWriter::begin(self.clone(), kind, tenant.clone()).await
    }

    /// Reads a blob part by part. What was read is checked at its end only: a
    /// damaged blob's parts come before the error does.
    ///
    /// # Errors
    /// As [`Self::get`], but for [`BlobError::TooLarge`].
    pub async fn reader(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<BlobReader, BlobError> {
        BlobReader::open(self.clone(), kind, tenant, digest).await
    }
}

impl BlobWriter {
    pub(crate) async fn begin(
        blobs: Blobs,
        kind: Kind,
        tenant: TenantId,
    ) -> Result<Self, BlobError> {
        let path = location::of_upload(kind, &tenant);
        let target = if let Some(folder) = blobs.folder() {
            let staged = Staged::create(folder.join(path.as_ref())).await;
            Target::Folder(
                staged.map_err(|error| BlobError::from_io(&error, &blobs.display_path(&path)))?,
            )
        } else {
            let upload = blobs
                .store()
                .put_multipart(&path)
                .await
                .map_err(|error| blobs.failure(&error, &path))?;
            let parts = Parts::begin(upload).await;
            Target::Store(parts.map_err(|error| error.of(&blobs, &path))?)
        };
        Ok(Self {
            _counted: blobs.metrics().count_writer(),
            blobs,
            kind,
            tenant,
            path,
            target,
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
        let written = match &mut self.target {
            Target::Folder(file) => file.write(bytes).await.map_err(PartError::Disk),
            Target::Store(parts) => parts.write(bytes).await,
        };
        written.map_err(|error| error.of(&self.blobs, &self.path))
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
        let digest = Digest(self.hash.clone().finalize().into());
        let path = location::of_blob(self.kind, &self.tenant, &digest);
        let written = match &mut self.target {
            Target::Folder(file) => file.sync().await.map_err(PartError::Disk),
            Target::Store(parts) => parts.finish().await,
        };
        written.map_err(|error| error.of(&self.blobs, &self.path))?;
        let _publishing = self.blobs.publishing().read().await;
        if let Target::Store(parts) = &mut self.target {
            parts
                .complete()
                .await
                .map_err(|error| self.blobs.failure(&error, &self.path))?;
        }
        self.blobs
            .store()
            .rename(&self.path, &path)
            .await
            .map_err(|error| self.blobs.failure(&error, &path))?;
        if let Target::Folder(file) = &mut self.target {
            file.keep();
        }
        self.blobs.metrics().record_write(self.kind, self.bytes);
        Ok((digest, self.bytes))
    }

    /// Gives the blob up, and waits until what was written is gone.
    ///
    /// # Errors
    /// As [`Blobs::delete`]; what is left is collected later.
    pub async fn abort(self) -> Result<(), BlobError> {
        match self.target {
            Target::Folder(file) => file.remove().await.map_err(PartError::Disk),
            Target::Store(mut parts) => parts.abort().await.map_err(PartError::Store),
        }
        .map_err(|error| error.of(&self.blobs, &self.path))
    }
}

impl PartError {
    fn of(&self, blobs: &Blobs, path: &Path) -> BlobError {
        match self {
            Self::Disk(error) => BlobError::from_io(error, &blobs.display_path(path)),
            Self::Store(error) => blobs.failure(error, path),
        }
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
            kind,
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
                self.blobs.metrics().record_read(self.kind, self.size);
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
