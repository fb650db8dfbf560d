//! Opens a store of blobs: a folder, or a URL.

use crate::{BlobError, Blobs};
use object_store::{local::LocalFileSystem, prefix::PrefixStore};
use std::{fs, path::Path, sync::Arc};
use url::Url;

impl Blobs {
    /// Blobs in a folder of this machine, which is made if it isn't there. Every
    /// put is synced to disk with the folders that lead to it.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub fn local(folder: &Path) -> Result<Self, BlobError> {
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
    /// [`BlobError::InvalidUrl`] for a URL that can't be used, else as [`Self::local`].
    pub fn from_url(
        url: &str,
        options: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BlobError> {
        let parsed = Url::parse(url).map_err(|error| invalid_url(url, error.to_string()))?;
        let shown = without_credentials(&parsed);
        if !parsed.username().is_empty() || parsed.password().is_some() {
            let reason = "it must not hold credentials; they are options of their own".into();
            return Err(invalid_url(&shown, reason));
        }
        if parsed.scheme() == "file" {
            let folder = parsed
                .to_file_path()
                .map_err(|()| invalid_url(&shown, "it names no folder of this machine".into()))?;
            return Self::local(&folder);
        }
        if cfg!(not(feature = "s3")) && parsed.scheme() == "s3" {
            let reason = "this build of Weft has no S3; it knows file:// only".into();
            return Err(invalid_url(&shown, reason));
        }
        #[cfg(feature = "s3")]
        if parsed.scheme() == "s3" {
            let opened = crate::s3::open(&parsed, options);
            return opened.map_err(|error| invalid_url(&shown, error.to_string()));
        }
        let (store, prefix) = object_store::parse_url_opts(&parsed, options)
            .map_err(|error| invalid_url(&shown, error.to_string()))?;
        Ok(Self::over(Arc::new(PrefixStore::new(store, prefix)), None))
    }
}

fn invalid_url(url: &str, reason: String) -> BlobError {
    BlobError::InvalidUrl {
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
