//! S3 and stores that speak its protocol, with signed URLs.

use crate::{Blobs, url_signer::UrlSigner};
use async_trait::async_trait;
use object_store::{
    ObjectStoreScheme, Result,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
    prefix::PrefixStore,
    signer::{Method, Signer as _},
};
use std::{sync::Arc, time::Duration};
use url::Url;

/// A bucket, and what all names in it begin with.
#[derive(Debug)]
struct Bucket {
    store: AmazonS3,
    prefix: Path,
}

/// Blobs at `s3://bucket/prefix`.
pub(crate) fn open(
    url: &Url,
    options: impl IntoIterator<Item = (String, String)>,
) -> Result<Blobs> {
    provide_cryptography();
    // Options that are no settings of S3 belong to other stores.
    let builder = options.into_iter().fold(
        AmazonS3Builder::new().with_url(url.as_str()),
        |builder, (name, value)| match name.to_ascii_lowercase().parse() {
            Ok(setting) => builder.with_config(setting, value),
            Err(_unknown) => builder,
        },
    );
    let store = builder.build()?;
    let (_scheme, prefix) = ObjectStoreScheme::parse(url)?;
    let prefix = Path::parse(prefix)?;
    let bucket = Bucket {
        store: store.clone(),
        prefix: prefix.clone(),
    };
    let store = Arc::new(PrefixStore::new(store, prefix));
    Ok(Blobs::over(store, None).with_urls(Arc::new(bucket)))
}

#[async_trait]
impl UrlSigner for Bucket {
    async fn url(&self, path: &Path, lasts: Duration) -> Result<Url> {
        let whole: Path = self.prefix.parts().chain(path.parts()).collect();
        self.store.signed_url(Method::GET, &whole, lasts).await
    }
}

/// The client of S3 takes the process' own cryptography; where there is none yet it is ring.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none()
        && let Err(_other) = rustls::crypto::ring::default_provider().install_default()
    {
        // Another task installed one at the same moment.
    }
}
