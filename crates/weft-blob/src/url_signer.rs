//! The signer of URLs to blobs.

use async_trait::async_trait;
use object_store::path::Path;
use std::{fmt, time::Duration};
use url::Url;

/// Signs URLs of a store that honours them.
#[async_trait]
pub(crate) trait UrlSigner: fmt::Debug + Send + Sync {
    /// A URL that reads the object at this path.
    async fn url(&self, path: &Path, lasts: Duration) -> object_store::Result<Url>;
}
