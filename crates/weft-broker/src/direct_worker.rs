//! Direct workers: trusted workers on other machines that take their work from Redis
//! themselves.
//!
//! The server issues [`RedisCredentials`] to such a worker. They allow the commands of a
//! worker's handle on the keys of the shards, and expire soon after the server last renewed
//! them. The server's end is [`DirectWorkerBroker`]; the worker uses a
//! [`SwitchableBroker`](crate::SwitchableBroker).
//!
//! A direct worker can write anything to those keys, so what Redis holds about its attempts is
//! no proof. The server's record of the worker is out of the worker's reach.

mod credentials;

pub use credentials::{CredentialRequest, CredentialResponse, RedisCredentials};

use crate::{AttemptKey, BrokerError};
use async_trait::async_trait;
use std::{fmt, sync::Arc, time::Duration};
use weft_core::digest::Digest;

/// The lifetime of credentials, from their issue and from each renewal.
pub const CREDENTIALS_LIFETIME: Duration = Duration::from_secs(30);
/// How often a direct worker renews its credentials: two lost requests are harmless.
pub const CREDENTIALS_RENEW_EVERY: Duration = Duration::from_secs(10);
/// The prefix of every direct worker's user name, which no gateway session has.
const PREFIX: &str = "weft-guest-";

/// A worker with credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectWorker {
    /// Its Redis user name.
    pub user: Arc<str>,
    /// The number of the token that it authenticated with.
    pub token: i64,
    /// Its worker name in the installation.
    pub worker: Arc<str>,
    /// The digest of its password, which only the worker has.
    pub password: Digest,
}

impl DirectWorker {
    /// Whether this could be a direct worker's user name.
    pub fn is_user_name(name: &str) -> bool {
        name.starts_with(PREFIX)
    }
}

impl fmt::Debug for DirectWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectWorker")
            .field("token", &self.token)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// Why a worker gets no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectWorkerError {
    /// The installation does not support direct workers as it is configured.
    #[error("{0}")]
    Unsupported(String),
    /// The broker does not answer now.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The server's handle.
#[async_trait]
pub trait DirectWorkerBroker: Send + Sync {
    /// Issues credentials to a worker, for [`CREDENTIALS_LIFETIME`].
    ///
    /// # Errors
    /// [`DirectWorkerError`]; credentials that were issued anyway expire.
    async fn issue_credentials(
        &self,
        token: i64,
        worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError>;

    /// Renews a worker's credentials for [`CREDENTIALS_LIFETIME`]; creates the user again if Redis
    /// lost it.
    ///
    /// # Errors
    /// As [`Self::issue_credentials`].
    async fn renew_credentials(&self, worker: &DirectWorker) -> Result<(), DirectWorkerError>;

    /// The direct worker with this user name.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError>;

    /// Revokes the credentials and closes the worker's connections.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; the credentials expire by themselves.
    async fn revoke_credentials(&self, user: &str) -> Result<(), BrokerError>;

    /// Removes users whose credentials expired, whichever server issued them; returns how many.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn remove_expired(&self) -> Result<usize, BrokerError>;

    /// The shards whose keys direct workers may access. When there are more, the server issues new
    /// credentials.
    fn shards(&self) -> Vec<u32>;

    /// The attempts that a worker of this name holds, according to Redis.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn held_by(&self, worker: &str) -> Result<Vec<AttemptKey>, BrokerError>;
}

/// A broker without direct workers.
#[derive(Debug, Clone, Copy)]
pub struct NoDirectWorkers;

#[async_trait]
impl DirectWorkerBroker for NoDirectWorkers {
    async fn issue_credentials(
        &self,
        _token: i64,
        _worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError> {
        Err(DirectWorkerError::Unsupported(
            "the server has no Redis: attempts stay within its process".to_owned(),
        ))
    }

    async fn renew_credentials(&self, _worker: &DirectWorker) -> Result<(), DirectWorkerError> {
        Err(DirectWorkerError::Broker(BrokerError::Unregistered))
    }

    async fn find_direct_worker(&self, _user: &str) -> Result<Option<DirectWorker>, BrokerError> {
        Ok(None)
    }

    async fn revoke_credentials(&self, _user: &str) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn remove_expired(&self) -> Result<usize, BrokerError> {
        Ok(0)
    }

    fn shards(&self) -> Vec<u32> {
        Vec::new()
    }

    async fn held_by(&self, _worker: &str) -> Result<Vec<AttemptKey>, BrokerError> {
        Ok(Vec::new())
    }
}

/// The prefix of a namespace's direct workers' user names: letters, digits and hyphens, for any
/// namespace.
pub fn user_prefix(namespace: &str) -> String {
    let digest = Digest::of(namespace.as_bytes()).hex();
    format!("{PREFIX}{}-", &digest[..16])
}
