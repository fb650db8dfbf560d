//! The store of blobs: opened at a place, put into, got from.

use crate::{BlobError, BlobReader, BlobWriter, Kind, figures::Figures, location, signed::Sign};
use bytes::Bytes;
use object_store::{
    ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use prometheus_client::registry::Registry;
use std::{
    fs,
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};
use tokio::sync::RwLock;
use url::Url;
use weft_core::{digest::Digest, id::TenantId};

/// A store of blobs. Cheap to clone: clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    /// The folder, where the store is one.
    folder: Option<PathBuf>,
    /// Shared while a blob is published, alone while one is collected: what is
    /// put at the same moment must not be taken for the old one. This stands
    /// over awaits on purpose; only collecting waits for it, one blob at a time.
    publishing: Arc<RwLock<()>>,
    /// Makes URLs, where the store honours them.
    pub(crate) urls: Option<Arc<dyn Sign>>,
    figures: Figures,
}

impl Blobs {
    /// The largest blob that [`Self::get`] reads into memory: 1 GiB.
    pub const MAX_GET_BYTES: u64 = 1 << 30;

    /// Blobs in a folder of this machine, which is made if it isn't there. Every
    /// put is synced to disk with the folders that lead to it.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub fn local(folder: &FilePath) -> Result<Self, BlobError> {
        let shown = folder.display().to_string();
        fs::create_dir_all(folder).map_err(|error| BlobError::from_io(&error, &shown))?;
        let folder = folder
            .canonicalize()
            .map_err(|error| BlobError::from_io(&error, &shown))?;
        let store = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|error| BlobError::from_store(&error, &shown))?
            .with_fsync(true);
        Ok(Self::over(Arc::new(store), Some(folder)))
    }

    /// Blobs at a URL: `file:///folder`, and `s3://bucket/prefix` where the
    /// feature `s3` is compiled in; `memory:///` is one that is gone with the
    /// process, for tests. `options` are `object_store`'s own, such as
    /// `aws_region` and `aws_endpoint`.
    ///
    /// # Errors
    /// [`BlobError::Place`] for a URL that can't be used, else as [`Self::local`].
    pub fn from_url(
        url: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BlobError> {
        let parsed = Url::parse(url).map_err(|error| place(url, error.to_string()))?;
        let shown = without_credentials(&parsed);
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let reason = "credentials have no place in it; they are options of their own".into();
            return Err(place(&shown, reason));
        }
        if parsed.scheme() == "file" {
            let folder = parsed
                .to_file_path()
                .map_err(|()| place(&shown, "it names no folder of this machine".into()))?;
            return Self::local(&folder);
        }
        if cfg!(not(feature = "s3")) && parsed.scheme() == "s3" {
            let reason = "this build of Weft has no S3; it knows file:// only".into();
            return Err(place(&shown, reason));
        }
        #[cfg(feature = "s3")]
        if parsed.scheme() == "s3" {
            let opened = crate::s3::open(&parsed, options);
            return opened.map_err(|error| place(&shown, error.to_string()));
        }
        let (store, prefix) = object_store::parse_url_opts(&parsed, options)
            .map_err(|error| place(&shown, error.to_string()))?;
        Ok(Self::over(Arc::new(PrefixStore::new(store, prefix)), None))
    }

    pub(crate) fn over(store: Arc<dyn ObjectStore>, folder: Option<PathBuf>) -> Self {
        Self {
            store,
            folder,
            publishing: Arc::new(RwLock::new(())),
            urls: None,
            figures: Figures::default(),
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
        self.figures.wrote(kind, bytes.len() as u64);
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
        self.figures.read(kind, bytes.len() as u64);
        Ok(bytes)
    }

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

    /// Shows what is counted, under names that begin with `blobs_`.
    pub fn register(&self, registry: &mut Registry) {
        self.figures.register(registry);
    }

    pub(crate) const fn figures(&self) -> &Figures {
        &self.figures
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

    /// Where it lies, as an operator looks for it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        self.folder.as_ref().map_or_else(
            || path.to_string(),
            |folder| folder.join(path.as_ref()).display().to_string(),
        )
    }

    pub(crate) fn failure(&self, error: &object_store::Error, path: &Path) -> BlobError {
        self.figures.failed();
        BlobError::from_store(error, &self.shown(path))
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
        self.figures.damaged();
        BlobError::Damaged {
            digest,
            path: self.shown(path),
        }
    }
}

fn place(url: &str, reason: String) -> BlobError {
    BlobError::Place {
        url: url.to_owned(),
        reason,
    }
}

fn without_credentials(url: &Url) -> String {
    format!(
        "{}://{}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}
