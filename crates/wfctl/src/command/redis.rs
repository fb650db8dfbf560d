//! Which Redis, where attempts reach their workers by one.

use super::address::Server;
use std::path::PathBuf;
use weft_api::problem::Problem;
use weft_node::RedisLocation;

const REDIS: Server = Server {
    what: "a Redis",
    schemes: &[
        "redis",
        "rediss",
        "redis-cluster",
        "rediss-cluster",
        "redis-sentinel",
        "rediss-sentinel",
    ],
    argument: "--redis",
    file_argument: "--redis-file",
    variable: "WEFT_REDIS_URL",
    example: "rediss://USER:PASSWORD@HOST:6379/0",
    elsewhere: "",
};

/// Which Redis.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Redis")]
pub(crate) struct RedisArgs {
    /// A Redis that brings attempts to workers, such as `redis://HOST:6379/0`
    #[arg(
        long,
        value_name = "URL",
        help = "A Redis 7 that brings attempts to workers, so that they outlive this process: redis://HOST:6379/0, \
                redis-cluster://HOST,HOST, redis-sentinel://HOST,HOST/SERVICE/0, rediss for TLS; with a password only in \
                $WEFT_REDIS_URL or --redis-file"
    )]
    redis: Option<String>,
    /// A file whose only line is the address of the Redis
    #[arg(long, value_name = "FILE", conflicts_with = "redis")]
    redis_file: Option<PathBuf>,
    /// Certificates (PEM) that a Redis' own must lead to, instead of the system's
    #[arg(long, value_name = "FILE", env = "WEFT_REDIS_CA")]
    redis_ca: Option<PathBuf>,
    /// What all keys in it begin with; installations that share a Redis differ in it
    #[arg(
        long,
        value_name = "NAME",
        default_value = "weft",
        env = "WEFT_REDIS_NAMESPACE"
    )]
    redis_namespace: String,
}

impl RedisArgs {
    /// The Redis that was named, if one was.
    ///
    /// # Errors
    /// An address that is none, a file that can't be read, a password among the arguments.
    pub(crate) fn place(&self) -> Result<Option<RedisLocation>, Problem> {
        let address = REDIS.address(self.redis.as_deref(), self.redis_file.as_deref())?;
        let Some(url) = address else {
            return Ok(None);
        };
        let roots = match &self.redis_ca {
            None => None,
            Some(path) => {
                Some(std::fs::read(path).map_err(|error| Problem::io("read", path, &error))?)
            }
        };
        Ok(Some(RedisLocation {
            url,
            roots,
            namespace: self.redis_namespace.clone(),
        }))
    }
}
