//! The source of attempts' variables: read one by one, for granted names only, under a live
//! claim.

use async_trait::async_trait;
use weft_broker::AttemptKey;
use weft_core::id::TenantId;

/// Provides secrets to attempts with a live claim.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value of a tenant's variable; `None` if there is none of this name. The worker reads
    /// only names that the attempt was granted; a remote implementation checks grant and claim
    /// itself.
    ///
    /// # Errors
    /// [`SecretError`] says whether another try may help.
    async fn variable(
        &self,
        claim: &AttemptKey,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError>;
}

/// Why a secret was not provided. It never contains the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The attempt holds no live claim, or wasn't granted the name.
    #[error("refused: the attempt holds no live claim, or was not granted the name")]
    Refused,
    /// The store does not answer; the attempt fails as the host's own fault.
    #[error("{0}")]
    Unavailable(String),
}
