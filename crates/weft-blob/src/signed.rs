//! URLs that open one blob for a while, to whoever has them: so that large ones
//! need not go through who gives them out.

use crate::{BlobError, Blobs, Kind, location};
use async_trait::async_trait;
use object_store::path::Path;
use std::{fmt, time::Duration};
use url::Url;
use weft_core::{digest::Digest, id::TenantId};

/// Makes such URLs, of a store that honours them.
#[async_trait]
pub(crate) trait Sign: fmt::Debug + Send + Sync {
    /// One that reads what lies there.
    async fn url(&self, path: &Path, lasts: Duration) -> object_store::Result<Url>;
}

impl Blobs {
    #[cfg(feature = "s3")]
    pub(crate) fn with_urls(mut self, urls: std::sync::Arc<dyn Sign>) -> Self {
        self.urls = Some(urls);
        self
    }

    /// A URL that reads this blob for so long, without any credentials; `None` where the
    /// store has none. Whether there is such a blob is not looked at.
    ///
    /// # Errors
    /// [`BlobError::Unavailable`] where the store's own credentials can't be had.
    pub async fn signed_url(
        &self,
        kind: Kind,
        tenant: &TenantId,
        digest: &Digest,
        lasts: Duration,
    ) -> Result<Option<Url>, BlobError> {
        let Some(urls) = &self.urls else {
            return Ok(None);
        };
        let path = location::of_blob(kind, tenant, digest);
        let url = urls.url(&path, lasts).await;
        url.map(Some).map_err(|error| self.failure(&error, &path))
    }
}
