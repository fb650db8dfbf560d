//! Options of the backends that all servers and schedulers of an installation share: the
//! database, Redis and the object store.

use super::{database::DatabaseArgs, redis::RedisArgs};
use weft_api::problem::{Code, Problem};
use weft_node::{BackendLocations, BlobLocation};

/// The database, Redis and the object store.
#[derive(Debug, clap::Args)]
pub(crate) struct BackendArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    redis: RedisArgs,
    /// Where files, outputs, artifacts and logs are kept: `s3://BUCKET/PREFIX` or `file:///FOLDER`
    #[arg(
        long,
        value_name = "URL",
        env = "WEFT_BLOBS_URL",
        help_heading = "Blobs",
        help = "Where files, outputs, artifacts and logs are kept: s3://BUCKET/PREFIX (with AWS_ACCESS_KEY_ID, \
                AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL), or file:///FOLDER where all servers and schedulers \
                have the same folder"
    )]
    blobs: Option<String>,
}

impl BackendArgs {
    /// The backends that the options name.
    ///
    /// # Errors
    /// One that is not named, or as [`DatabaseArgs::postgres`] and [`RedisArgs::place`].
    pub(super) fn locations(&self) -> Result<BackendLocations, Problem> {
        let missing = |what: &str, how: &str| {
            Problem::new(
                Code::Usage,
                format!(
                    "{what} is not named, which all servers and schedulers of an installation share"
                ),
            )
            .help(format!(
                "{how}; one machine alone needs none of this: wfctl up"
            ))
        };
        let postgres = self.database.postgres()?.ok_or_else(|| {
            missing(
                "the Postgres database",
                "set WEFT_DATABASE_URL, or name it with --database or --database-file",
            )
        })?;
        let redis = self.redis.place()?.ok_or_else(|| {
            missing(
                "the Redis",
                "set WEFT_REDIS_URL, or name it with --redis or --redis-file",
            )
        })?;
        let blobs = self.blobs.clone().ok_or_else(|| {
            missing(
                "the place for blobs",
                "set WEFT_BLOBS_URL, or name it with --blobs",
            )
        })?;
        Ok(BackendLocations {
            postgres,
            redis,
            blobs: BlobLocation(blobs),
        })
    }
}
