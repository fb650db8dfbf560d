//! The direct way: workers of other machines that are trusted with the whole
//! installation, and reach its transport themselves.
//!
//! A *guest* is such a worker as the server took it in. What it is handed, a
//! [`RedisCredentials`], opens the keys of the shards for the commands of a worker's handle and
//! nothing else, and is worth nothing soon after the server last prolonged it. The
//! server's end is [`DirectWorkerBroker`], the worker's end [`SwitchableBroker`].
//!
//! A guest can write whatever it likes where attempts stand: what the transport
//! says of it is no proof of anything. Who it is, is what the server wrote down when
//! it took it in, out of its reach.

mod credentials;

pub use credentials::{CredentialRequest, CredentialResponse, RedisCredentials};

use crate::{AttemptKey, BrokerError};
use async_trait::async_trait;
use std::{fmt, sync::Arc, time::Duration};
use weft_core::digest::Digest;

/// For how long a guest is one, after it was taken in and after each time that it was prolonged.
pub const CREDENTIALS_LIFETIME: Duration = Duration::from_secs(30);
/// How often a guest asks to be prolonged: two lost questions cost nothing.
pub const CREDENTIALS_RENEW_EVERY: Duration = Duration::from_secs(10);
/// What every guest's name begins with, and no registration's at the gate.
const PREFIX: &str = "weft-guest-";

/// A worker that was taken in.
#[derive(Clone, PartialEq, Eq)]
pub struct DirectWorker {
    /// Its name as a user of the transport.
    pub user: Arc<str>,
    /// The number of the token that it showed.
    pub token: i64,
    /// The name that it works under.
    pub worker: Arc<str>,
    /// Of its password, which nobody but itself knows.
    pub password: Digest,
}

impl DirectWorker {
    /// Whether a guest could have this name.
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

/// Why a worker is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectWorkerError {
    /// There is no such way here, and will be none until somebody changes what is set.
    #[error("{0}")]
    Unsupported(String),
    /// Not now.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The server's end.
#[async_trait]
pub trait DirectWorkerBroker: Send + Sync {
    /// Takes a worker in, for [`CREDENTIALS_LIFETIME`].
    ///
    /// # Errors
    /// [`DirectWorkerError`]; the worker is none then, or ceases to be one.
    async fn issue_credentials(
        &self,
        token: i64,
        worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError>;

    /// It stays, for [`CREDENTIALS_LIFETIME`] from now on; what was lost of it meanwhile is made anew.
    ///
    /// # Errors
    /// As [`Self::admit`].
    async fn renew_credentials(&self, guest: &DirectWorker) -> Result<(), DirectWorkerError>;

    /// The guest of this name, if there is one.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError>;

    /// It is none from now on, and what it has open is closed.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; it ceases to be one by itself.
    async fn revoke_credentials(&self, user: &str) -> Result<(), BrokerError>;

    /// Dismisses those that nobody prolonged, whoever took them in; returns how many.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn remove_expired(&self) -> Result<usize, BrokerError>;

    /// The shards whose keys guests have open. One that was let in before there were so many is
    /// let in anew.
    fn shards(&self) -> Vec<u32>;

    /// What a worker of this name holds, as the transport says.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn held_by(&self, worker: &str) -> Result<Vec<AttemptKey>, BrokerError>;
}

/// A transport that nobody else can reach.
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

    async fn renew_credentials(&self, _guest: &DirectWorker) -> Result<(), DirectWorkerError> {
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

/// The beginning of the names of a namespace's guests: of letters and digits that every
/// transport takes, whatever the namespace is called.
pub fn user_prefix(namespace: &str) -> String {
    let digest = Digest::of(namespace.as_bytes()).hex();
    format!("{PREFIX}{}-", &digest[..16])
}
