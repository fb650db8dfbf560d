//! S3 and stores that speak its protocol, with signed URLs.

use crate::{Blobs, url_signer::UrlSigner};
use async_trait::async_trait;
use object_store::{
    ClientOptions, ObjectStoreScheme, Result, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
    prefix::PrefixStore,
    signer::{Method, Signer as _},
};
use std::{sync::Arc, time::Duration};
use url::Url;

/// How long a new connection may take.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(5);
/// How long a request waits for its answer, and an answer for its next bytes. A file of 64 MiB is
/// uploaded within it at 30 Mbit/s. A whole download has no end of its own, since a worker reads
/// no faster than its task does.
const MAX_SILENCE: Duration = Duration::from_secs(20);
/// How long a connection stays open unused. Shorter than [`MAX_SILENCE`], so that a request that
/// a vanished server did not answer is repeated over a new connection and not over one that
/// was left beside it.
const MAX_IDLE_TIME: Duration = Duration::from_secs(15);
/// How often a request is repeated, and for how long: a failover of the store takes no longer.
const MAX_RETRIES: usize = 10;
const MAX_RETRY_TIME: Duration = Duration::from_mins(3);

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
        AmazonS3Builder::new()
            .with_url(url.as_str())
            .with_client_options(client_options())
            .with_retry(RetryConfig {
                max_retries: MAX_RETRIES,
                retry_timeout: MAX_RETRY_TIME,
                ..RetryConfig::default()
            }),
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

/// An end to everything that a request waits for; the operator's options come after these.
fn client_options() -> ClientOptions {
    ClientOptions::new()
        .with_timeout_disabled()
        .with_connect_timeout(MAX_CONNECT_TIME)
        .with_read_timeout(MAX_SILENCE)
        .with_pool_idle_timeout(MAX_IDLE_TIME)
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
