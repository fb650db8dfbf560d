//! What the services of many machines stand on: one database, one Redis, one place
//! for blobs, which all servers and schedulers of an installation name alike.

use super::{
    database::{PostgresUrl, unfit},
    failed,
    transport::{self, RedisPlace},
};
use std::sync::Arc;
use weft_api::problem::{Code, Problem};
use weft_blob::{BlobError, Blobs};
use weft_broker_redis::Shards;
use weft_store_sql::{Database, OpenError};

/// Where an installation keeps what it has.
pub(crate) struct Places {
    pub(crate) postgres: PostgresUrl,
    pub(crate) redis: RedisPlace,
    pub(crate) blobs: BlobsPlace,
}

/// Where blobs are: `file:///folder` or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlobsPlace(pub(crate) String);

/// What the variables of S3's own tools begin with.
const S3_VARIABLES: &str = "AWS_";

impl BlobsPlace {
    /// The blobs that are there.
    ///
    /// # Errors
    /// A problem with the URL or the folder; an S3 that doesn't answer is met at its first use.
    pub(super) fn open(&self) -> Result<Blobs, Problem> {
        let settings = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            name.starts_with(S3_VARIABLES)
                .then(|| (name.to_ascii_lowercase(), value))
        });
        Blobs::from_url(&self.0, settings).map_err(|error| match &error {
            BlobError::InvalidUrl { .. } => Problem::new(Code::InvalidUrl, error.to_string())
                .help("blobs are at file:///FOLDER or s3://BUCKET/PREFIX; S3's settings are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"),
            _ => failed("the blobs can't be opened", &error),
        })
    }
}

/// What is there, open.
pub(super) struct Foundation {
    pub(super) database: Database,
    pub(super) shards: Arc<Shards>,
    pub(super) blobs: Blobs,
}

impl Foundation {
    /// Opens all of it, together with others that do so.
    ///
    /// # Errors
    /// A problem that names what is not there, or not fit.
    pub(super) async fn open(places: &Places) -> Result<Self, Problem> {
        let blobs = places.blobs.open()?;
        let database = Database::open(&places.postgres.place())
            .await
            .map_err(unfit)?;
        database.lock_shared().await.map_err(|error| match error {
            OpenError::InUseElsewhere => unfit(error)
                .help("a 'wfctl up' has the whole database for itself, and so does not go with other services"),
            error => unfit(error),
        })?;
        database.check().await.map_err(unfit)?;
        let shards = transport::connect(&places.redis, &database).await?;
        Ok(Self {
            database,
            shards,
            blobs,
        })
    }
}
