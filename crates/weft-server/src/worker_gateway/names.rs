//! The names of the gateway's workers, in the database.

use async_trait::async_trait;
use weft_broker::BrokerError;
use weft_gateway::{MAX_NAME_IDLE, WorkerNames};
use weft_store_sql::{Database, TokenId};

/// The table of names that all servers of an installation share.
#[derive(Clone)]
pub struct WorkerNamesTable {
    database: Database,
}

impl WorkerNamesTable {
    /// The table of this database.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl WorkerNames for WorkerNamesTable {
    async fn claim_name(&self, worker: &str, token: i64) -> Result<bool, BrokerError> {
        let token = TokenId(token);
        let claimed = self
            .database
            .claim_worker_name(worker, token, MAX_NAME_IDLE);
        claimed
            .await
            .map_err(|error| BrokerError::Unavailable(error.to_string()))
    }
}
