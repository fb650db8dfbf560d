//! Signed URLs: anyone who has one may read one blob for a while, so that large
//! blobs need not pass through the server.

use crate::{BlobError, Blobs, Kind, location};
use std::time::Duration;
use url::Url;
use weft_core::{digest::Digest, id::TenantId};

impl Blobs {
    #[cfg(feature = "s3")]
    pub(crate) fn with_urls(
        mut self,
        urls: std::sync::Arc<dyn crate::url_signer::UrlSigner>,
    ) -> Self {
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
