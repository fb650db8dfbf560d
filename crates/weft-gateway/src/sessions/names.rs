//! Names of workers: each belongs to a token, in the whole installation.
//!
//! A registration ends the one before of the same name and takes over what it announces. So only
//! the owner of a name may register it, at every server: the servers keep the owners of names in
//! one place.

use super::{Session, SessionOwner, WorkerSessions};
use async_trait::async_trait;
use std::time::Duration;
use tokio::time::Instant;
use weft_broker::BrokerError;

/// How often a session claims its worker's name again.
const KEEP_NAME_EVERY: Duration = Duration::from_mins(1);

/// How long a name belongs to a token that does not claim it again: longer than any lease, so that
/// a worker of that name has lost everything before another token gets the name.
pub const MAX_NAME_IDLE: Duration = Duration::from_mins(5);

/// Which token's workers have which names; all servers of an installation share it.
#[async_trait]
pub trait WorkerNames: Send + Sync {
    /// Claims a name for the workers of a token; `false` if it belongs to another token, which was
    /// not revoked and claimed it within [`MAX_NAME_IDLE`].
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn claim_name(&self, worker: &str, token: i64) -> Result<bool, BrokerError>;
}

/// The error of a registration under a name that is not free.
pub(super) fn taken(worker: &str) -> BrokerError {
    BrokerError::Unavailable(format!(
        "there is another worker with the name {worker:?}: give this one a name of its own, or \
         revoke the token that the other one uses"
    ))
}

impl WorkerSessions {
    /// Claims a worker's name before its registration.
    pub(super) async fn claim_name(
        &self,
        owner: SessionOwner,
        worker: &str,
    ) -> Result<(), BrokerError> {
        match owner {
            SessionOwner::Token(token) if !self.names.claim_name(worker, token).await? => {
                Err(taken(worker))
            }
            // The name of a trusted worker contains its token.
            SessionOwner::Token(_) | SessionOwner::Trusted(_) => Ok(()),
        }
    }

    /// Claims the name of a session's worker again if that is due. A session whose name was lost
    /// meanwhile is over.
    pub(super) async fn keep_name(&self, session: &Session) -> Result<(), BrokerError> {
        let now = Instant::now();
        if now.saturating_duration_since(session.state().name_claimed) < KEEP_NAME_EVERY {
            return Ok(());
        }
        let SessionOwner::Token(token) = session.owner else {
            return Ok(());
        };
        match self.names.claim_name(&session.worker, token).await {
            Ok(true) => session.state().name_claimed = now,
            Ok(false) => return Err(BrokerError::Unregistered),
            // The name stays this token's for some time, and leases don't depend on the database.
            Err(error) => {
                tracing::warn!(worker = %session.worker, %error, operation = "claim worker name", "the name was not claimed again; retrying with the next renewal");
            }
        }
        Ok(())
    }
}
