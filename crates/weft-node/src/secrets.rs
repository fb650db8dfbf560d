//! Variables for running tasks, from the database, opened for one attempt at a time.

use crate::service::unavailable;
use async_trait::async_trait;
use std::path::Path;
use weft_api::problem::Problem;
use weft_broker::AttemptKey;
use weft_core::id::TenantId;
use weft_store_sql::{Database, secret::Keyring};
use weft_worker::{SecretError, Secrets};

/// The key that seals variables and connections, made where there is none.
pub(super) fn keyring(file: &Path) -> Result<Keyring, Problem> {
    Keyring::of_file(file).map_err(|error| unavailable("the key can't be read", &error))
}

/// Secrets of the database of this process.
#[derive(Clone)]
pub(crate) struct StoredSecrets {
    pub(crate) database: Database,
    pub(crate) keyring: Keyring,
}

#[async_trait]
impl Secrets for StoredSecrets {
    /// The worker of this process asks only for what the sandbox has checked
    /// against the grants, while it runs the attempt.
    async fn variable(
        &self,
        _claim: &AttemptKey,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError> {
        self.database
            .open_variable(&self.keyring, tenant, name)
            .await
            .map_err(|error| SecretError::Unavailable(error.to_string()))
    }
}
