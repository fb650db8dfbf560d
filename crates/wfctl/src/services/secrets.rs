//! Variables for running tasks, from the database, opened for one attempt at a time.

use async_trait::async_trait;
use weft_broker::AttemptKey;
use weft_core::id::TenantId;
use weft_store::{
    Database,
    secret::{Keyring, SecretKind, SecretPlace},
};
use weft_worker::{SecretError, Secrets};

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
        let unavailable = |why: String| SecretError::Unavailable(why);
        let found = self
            .database
            .show_secret(tenant, SecretKind::Variable, name)
            .await
            .map_err(|error| unavailable(error.to_string()))?;
        let Some((_, sealed)) = found else {
            return Ok(None);
        };
        let place = SecretPlace {
            tenant: tenant.clone(),
            kind: SecretKind::Variable,
            name: name.to_owned(),
        };
        let value = self
            .keyring
            .open(&place, &sealed)
            .map_err(|error| unavailable(error.to_string()))?;
        String::from_utf8(value)
            .map(Some)
            .map_err(|_not_text| unavailable(format!("the variable {name:?} is not UTF-8")))
    }
}
