//! The store of blobs: put, get, size and delete.

use crate::{BlobError, Kind, location, metrics::Metrics, url_signer::UrlSigner};
use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use prometheus_client::registry::Registry;
use std::{
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};
use tokio::sync::RwLock;
use weft_core::{digest::Digest, id::TenantId};

/// A store of blobs. Cheap to clone: clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, where the store is one.
    folder: Option<PathBuf>,
    /// Shared while a blob is published, alone while one is collected: what is
    /// put at the same moment must not be taken for the old one. It is held
    /// across awaits on purpose; only collecting waits for it, one blob at a time.
    publishing: Arc<RwLock<()>>,
    /// Makes URLs, where the store honours them.
    pub(crate) urls: Option<Arc<dyn UrlSigner>>,
    metrics: Metrics,
}

impl Blobs {
    /// The largest blob that [`Self::get`] reads into memory: 1 GiB.
    pub const MAX_GET_BYTES: u64 = 1 << 30;

    pub(crate) fn over(store: Arc<dyn ObjectStore>, folder: Option<PathBuf>) -> Self {
        Self {
            store,
            folder,
            publishing: Arc::new(RwLock::new(())),
            urls: None,
            metrics: Metrics::default(),
        }
    }

    /// Stores bytes and names them. The same bytes again change nothing but
    /// their age, and heal a damaged blob.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Forbidden`] or [`BlobError::Unavailable`]; nothing is stored then.
    pub async fn put(
        &self,
        kind: Kind,
        tenant: &TenantId,
        bytes: impl Into<Bytes> + Send,
    ) -> Result<Digest, BlobError> {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let path = location::of_blob(kind, tenant, &digest);
        let _publishing = self.publishing.read().await;
        self.store
            .put(&path, bytes.clone().into())
            .await
            .map_err(|error| self.failure(&error, &path))?;
        self.metrics.record_write(kind, bytes.len() as u64);
        Ok(digest)
    }

    /// Reads a blob whole and checks it.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Damaged`], [`BlobError::TooLarge`],
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub async fn get(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Bytes, BlobError> {
        let path = location::of_blob(kind, tenant, digest);
        let found = self
            .store
            .get(&path)
            .await
            .map_err(|error| self.not_found(&error, kind, digest, &path))?;
        if found.meta.size > Self::MAX_GET_BYTES {
            let (bytes, digest) = (found.meta.size, *digest);
            return Err(BlobError::TooLarge {
                kind,
                digest,
                bytes,
            });
        }
        let bytes = found
            .bytes()
            .await
            .map_err(|error| self.failure(&error, &path))?;
        if Digest::of(&bytes) != *digest {
            return Err(self.damaged(*digest, &path));
        }
        self.metrics.record_read(kind, bytes.len() as u64);
        Ok(bytes)
    }

    /// The size of a blob in bytes, or none where there is no such blob.
    ///
    /// # Errors
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub async fn size(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<Option<u64>, BlobError> {
        let path = location::of_blob(kind, tenant, digest);
        match self.store.head(&path).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure(&error, &path)),
        }
    }

    /// Whether there is such a blob; its bytes are not looked at.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub async fn exists(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<bool, BlobError> {
        Ok(self.size(kind, tenant, digest).await?.is_some())
    }

    /// Removes a blob; says whether there was one.
    ///
    /// # Errors
    /// As [`Self::size`].
    pub async fn delete(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
    ) -> Result<bool, BlobError> {
        self.remove(&location::of_blob(kind, tenant, digest)).await
    }

    /// The folder that holds everything, where it is one of this machine.
    pub fn folder(&self) -> Option<&FilePath> {
        self.folder.as_deref()
    }

    /// Registers the metrics, whose names begin with `blobs_`.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) async fn remove(&self, path: &Path) -> Result<bool, BlobError> {
        match self.store.delete(path).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failure(&error, path)),
        }
    }

    pub(crate) fn store(&self) -> &dyn ObjectStore {
        &*self.store
    }

    pub(crate) fn publishing(&self) -> &RwLock<()> {
        &self.publishing
    }

    /// Where a blob is, as an operator looks for it.
    pub(crate) fn display_path(&self, path: &Path) -> String {
        self.folder.as_ref().map_or_else(
            || path.to_string(),
            |folder| folder.join(path.as_ref()).display().to_string(),
        )
    }

    pub(crate) fn failure(&self, error: &object_store::Error, path: &Path) -> BlobError {
        self.metrics.record_failure();
        BlobError::from_store(error, &self.display_path(path))
    }

    pub(crate) fn not_found(
        &self,
        error: &object_store::Error,
        kind: Kind,
        digest: &Digest,
        path: &Path,
    ) -> BlobError {
        match error {
            object_store::Error::NotFound { .. } => BlobError::Missing {
                kind,
                digest: *digest,
            },
            other => self.failure(other, path),
        }
    }

    pub(crate) fn damaged(&self, digest: Digest, path: &Path) -> BlobError {
        self.metrics.record_damage();
        BlobError::Damaged {
            digest,
            path: self.display_path(path),
        }
    }
}
