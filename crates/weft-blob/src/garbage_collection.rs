//! Lists blobs, and removes those that are no longer referenced.
//!
//! A blob is put before anything refers to it, so a young blob may look like
//! garbage: nothing written since a given time is removed.

use crate::{BlobError, Blobs, Kind, location};
use futures_util::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStoreExt as _, path::Path};
use std::time::{Duration, SystemTime};
use weft_core::{digest::Digest, id::TenantId, time::Timestamp};

/// A blob, as a listing shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobInfo {
    /// Digest of the blob.
    pub digest: Digest,
    /// Size of the blob, in bytes.
    pub bytes: u64,
    /// When it was put last, by the store's clock.
    pub written: Timestamp,
}

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Blobs that were removed.
    pub removed: u64,
    /// Size of the removed blobs, in bytes.
    pub removed_bytes: u64,
    /// Blobs that stay: live or young.
    pub kept: u64,
    /// Uploads that never ended and were removed.
    pub uploads: u64,
}

impl Blobs {
    /// The tenants that have blobs, in order.
    ///
    /// # Errors
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, BlobError> {
        let folder = Path::from(location::TENANTS);
        let found = match self.store().list_with_delimiter(Some(&folder)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(Vec::new()),
            Err(error) => return Err(self.failure(&error, &folder)),
        };
        let mut tenants: Vec<TenantId> = found
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename()?.parse().ok())
            .collect();
        tenants.sort();
        Ok(tenants)
    }

    /// At most `limit` blobs in the order of their digests, those after `after`
    /// (exclusive). A page that is shorter than `limit` is the last.
    ///
    /// # Errors
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`].
    pub async fn list(
        &self,
        kind: Kind,
        tenant: &TenantId,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<BlobInfo>, BlobError> {
        let mut page = Vec::new();
        for first in after.map_or(0, |digest| digest.0[0])..=u8::MAX {
            if page.len() >= limit {
                break;
            }
            let mut shard = self.shard(kind, tenant, first).await?;
            shard.retain(|blob| after.is_none_or(|after| blob.digest > *after));
            shard.truncate(limit - page.len());
            page.append(&mut shard);
        }
        Ok(page)
    }

    /// Removes the blobs of a kind that are not live and were put before
    /// `before`, and what uploads left behind before then. A reference
    /// to a blob must be committed before the blob is so old: `before` is a day
    /// ago, not a minute.
    ///
    /// # Errors
    /// [`BlobError::Forbidden`] or [`BlobError::Unavailable`]; what was removed until then is gone.
    pub async fn collect(
        &self,
        kind: Kind,
        tenant: &TenantId,
        live: impl Fn(&Digest) -> bool + Send + Sync,
        before: Timestamp,
    ) -> Result<Collected, BlobError> {
        let mut collected = Collected::default();
        for first in 0..=u8::MAX {
            for blob in self.shard(kind, tenant, first).await? {
                let is_kept = blob.written >= before
                    || live(&blob.digest)
                    || !self.remove_old(kind, tenant, &blob.digest, before).await?;
                if is_kept {
                    collected.kept += 1;
                } else {
                    collected.removed += 1;
                    collected.removed_bytes += blob.bytes;
                }
            }
        }
        let incoming = location::of_incoming(kind, tenant);
        for upload in self.all(&incoming).await? {
            if written(&upload) < before && self.remove(&upload.location).await? {
                collected.uploads += 1;
            }
        }
        collected.uploads += self.remove_staged(kind, tenant, before)?;
        Ok(collected)
    }

    /// Removes a blob, unless it was put again meanwhile.
    async fn remove_old(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
        before: Timestamp,
    ) -> Result<bool, BlobError> {
        let path = location::of_blob(kind, tenant, digest);
        let _alone = self.publishing().write().await;
        match self.store().head(&path).await {
            Ok(found) if written(&found) < before => self.remove(&path).await,
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.failure(&error, &path)),
        }
    }

    async fn shard(
        &self,
        kind: Kind,
        tenant: &TenantId,
        first: u8,
    ) -> Result<Vec<BlobInfo>, BlobError> {
        let found = self.all(&location::of_shard(kind, tenant, first)).await?;
        let mut blobs: Vec<BlobInfo> = found
            .iter()
            .filter_map(|found| {
                Some(BlobInfo {
                    digest: Digest::from_hex(found.location.filename()?)?,
                    bytes: found.size,
                    written: written(found),
                })
            })
            .collect();
        blobs.sort_by_key(|blob| blob.digest);
        Ok(blobs)
    }

    pub(crate) async fn all(&self, folder: &Path) -> Result<Vec<ObjectMeta>, BlobError> {
        self.store()
            .list(Some(folder))
            .filter(|found| {
                // Another process removed it between listing and reading.
                let is_gone = matches!(found, Err(object_store::Error::NotFound { .. }));
                std::future::ready(!is_gone)
            })
            .try_collect()
            .await
            .map_err(|error| self.failure(&error, folder))
    }

    /// Local disk only: the files of writes that a crash interrupted, which no listing shows.
    fn remove_staged(
        &self,
        kind: Kind,
        tenant: &TenantId,
        before: Timestamp,
    ) -> Result<u64, BlobError> {
        let Some(root) = self.folder() else {
            return Ok(0);
        };
        let folder = root.join(location::of_kind(kind, tenant).as_ref());
        let mut removed = 0;
        let shards = match std::fs::read_dir(&folder) {
            Ok(shards) => shards,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(BlobError::from_io(&error, &folder.display().to_string())),
        };
        for shard in shards.filter_map(Result::ok) {
            let Ok(files) = std::fs::read_dir(shard.path()) else {
                continue;
            };
            for file in files.filter_map(Result::ok) {
                let is_staged = is_staged(&file.file_name().to_string_lossy());
                let is_old = file
                    .metadata()
                    .and_then(|found| found.modified())
                    .is_ok_and(|modified| timestamp(modified) < before);
                if is_staged && is_old && std::fs::remove_file(file.path()).is_ok() {
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

/// `object_store` writes `<name>#<number>` and renames it.
fn is_staged(name: &str) -> bool {
    name.split_once('#').is_some_and(|(_name, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub(crate) fn written(found: &ObjectMeta) -> Timestamp {
    Timestamp(found.last_modified.timestamp_millis())
}

pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let since = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
