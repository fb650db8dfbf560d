//! The backends that all servers and schedulers of an installation share: one database,
//! one Redis, one store of blobs.

use crate::{
    database::{PostgresUrl, unfit},
    service::unavailable,
    transport::{self, RedisLocation},
};
use std::sync::Arc;
use weft_api::problem::{Code, Problem};
use weft_blob::{BlobError, Blobs};
use weft_broker_redis::Shards;
use weft_store_sql::{Database, OpenError};

/// Where the backends of an installation are.
pub struct BackendLocations {
    /// The database.
    pub postgres: PostgresUrl,
    /// Redis.
    pub redis: RedisLocation,
    /// The store of blobs.
    pub blobs: BlobLocation,
}

/// Where blobs are: `file:///folder` or `s3://bucket/prefix`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobLocation(pub String);

/// The prefix of the environment variables of S3's own tools.
const S3_VARIABLES: &str = "AWS_";

impl BlobLocation {
    /// Opens the blobs.
    ///
    /// # Errors
    /// A problem with the URL or the folder; an S3 that doesn't answer fails at its first use.
    pub(super) fn open(&self) -> Result<Blobs, Problem> {
        let settings = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            name.starts_with(S3_VARIABLES)
                .then(|| (name.to_ascii_lowercase(), value))
        });
        Blobs::from_url(&self.0, settings).map_err(|error| match &error {
            BlobError::InvalidUrl { .. } => Problem::new(Code::InvalidUrl, error.to_string())
                .help("blobs are at file:///FOLDER or s3://BUCKET/PREFIX; S3's settings are AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL"),
            _ => unavailable("the blobs can't be opened", &error),
        })
    }
}

/// Open connections to all backends.
pub(super) struct SharedBackends {
    pub(super) database: Database,
    pub(super) shards: Arc<Shards>,
    pub(super) blobs: Blobs,
}

impl SharedBackends {
    /// Opens all of them; other processes may have them open too.
    ///
    /// # Errors
    /// A problem that names the backend that is missing or unfit.
    pub(super) async fn open(locations: &BackendLocations) -> Result<Self, Problem> {
        let blobs = locations.blobs.open()?;
        let database = Database::open(&locations.postgres.location())
            .await
            .map_err(unfit)?;
        database.lock_shared().await.map_err(|error| match error {
            OpenError::InUseElsewhere => unfit(error)
                .help("a 'wfctl up' has the whole database for itself, and so does not go with other services"),
            error => unfit(error),
        })?;
        database.check().await.map_err(unfit)?;
        let shards = transport::connect(&locations.redis, &database).await?;
        Ok(Self {
            database,
            shards,
            blobs,
        })
    }
}
