//! Where an attempt's variables come from: asked one by one, for granted names
//! only, in the name of the claim that is live.

use async_trait::async_trait;
use weft_broker::AttemptKey;
use weft_core::id::TenantId;

/// Hands out secrets to attempts that hold a live claim.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value of a tenant's variable, `None` where it has none of this name.
    /// Asked only for names that the attempt was granted, and never before; an
    /// implementation far away checks grant and claim itself.
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

/// Why a secret was not handed out. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The attempt holds no live claim, or wasn't granted the name.
    #[error("refused: the attempt holds no live claim, or was not granted the name")]
    Refused,
    /// The store does not answer; the attempt fails as the host's own fault.
    #[error("{0}")]
    Unavailable(String),
}
