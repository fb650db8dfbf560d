//! Variables for running tasks, read for one attempt at a time.

use crate::service::unavailable;
use async_trait::async_trait;
use std::path::Path;
use weft_api::problem::Problem;
use weft_broker::AttemptKey;
use weft_client::transport;
use weft_core::id::TenantId;
use weft_secrets::{SourceOptions, Sources, Variables};
use weft_store_sql::{Database, secret::Keyring};
use weft_worker::{SecretError, Secrets};

/// The key that seals variables and connections, made where there is none.
pub(super) fn keyring(file: &Path) -> Result<Keyring, Problem> {
    Keyring::of_file(file).map_err(|error| unavailable("the key can't be read", &error))
}

/// Reads variables of a database, and from where the operator keeps others; its HTTPS trusts whom
/// this machine trusts.
pub(super) fn variables(
    database: &Database,
    keyring: &Keyring,
    options: SourceOptions,
) -> Result<Variables, Problem> {
    let tls = transport::tls_to_any_server()?;
    let sources = Sources::new(options, &tls)
        .map_err(|error| unavailable("the places of variables can't be set up", &error))?;
    Ok(Variables::new(database.clone(), keyring.clone(), sources))
}

/// Variables for the worker of this process.
#[derive(Clone)]
pub(crate) struct OwnSecrets(pub(crate) Variables);

#[async_trait]
impl Secrets for OwnSecrets {
    /// The worker of this process asks only for what the sandbox has checked
    /// against the grants, while it runs the attempt.
    async fn variable(
        &self,
        _claim: &AttemptKey,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError> {
        self.0
            .value(tenant, name)
            .await
            .map_err(|error| SecretError::Unavailable(error.to_string()))
    }
}
