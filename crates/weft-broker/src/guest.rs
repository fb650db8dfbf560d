//! The direct way: workers of other machines that are trusted with the whole
//! installation, and reach its transport themselves.
//!
//! A *guest* is such a worker as the server took it in. What it is handed, a
//! [`Pass`], opens the keys of the shards for the commands of a worker's handle and
//! nothing else, and is worth nothing soon after the server last prolonged it. The
//! server's end is [`GuestBroker`], the worker's end [`EitherWay`].
//!
//! A guest can write whatever it likes where attempts stand: what the transport
//! says of it is no proof of anything. Who it is, is what the server wrote down when
//! it took it in, out of its reach.

mod either_way;
mod pass;

pub use {
    either_way::EitherWay,
    pass::{Asked, Pass, Told},
};

use crate::{AttemptKey, BrokerError};
use async_trait::async_trait;
use std::{fmt, sync::Arc, time::Duration};
use weft_core::digest::Digest;

/// For how long a guest is one, after it was taken in and after each time that it was prolonged.
pub const STAYS_FOR: Duration = Duration::from_secs(30);
/// How often a guest asks to be prolonged: two lost questions cost nothing.
pub const ASKS_EVERY: Duration = Duration::from_secs(10);
/// What every guest's name begins with, and no registration's at the gate.
const PREFIX: &str = "weft-guest-";

/// A worker that was taken in.
#[derive(Clone, PartialEq, Eq)]
pub struct Guest {
    /// Its name as a user of the transport.
    pub user: Arc<str>,
    /// The number of the token that it showed.
    pub token: i64,
    /// The name that it works under.
    pub worker: Arc<str>,
    /// Of its password, which nobody but itself knows.
    pub password: Digest,
}

impl Guest {
    /// Whether a guest could have this name.
    pub fn is_one(name: &str) -> bool {
        name.starts_with(PREFIX)
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("token", &self.token)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}

/// Why a worker is not taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// There is no such way here, and will be none until somebody changes what is set.
    #[error("{0}")]
    NoWay(String),
    /// Not now.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// The server's end.
#[async_trait]
pub trait GuestBroker: Send + Sync {
    /// Takes a worker in, for [`STAYS_FOR`].
    ///
    /// # Errors
    /// [`GuestError`]; the worker is none then, or ceases to be one.
    async fn admit(&self, token: i64, worker: &str) -> Result<(Guest, Pass), GuestError>;

    /// It stays, for [`STAYS_FOR`] from now on; what was lost of it meanwhile is made anew.
    ///
    /// # Errors
    /// As [`Self::admit`].
    async fn prolong(&self, guest: &Guest) -> Result<(), GuestError>;

    /// The guest of this name, if there is one.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn guest(&self, user: &str) -> Result<Option<Guest>, BrokerError>;

    /// It is none from now on, and what it has open is closed.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`]; it ceases to be one by itself.
    async fn dismiss(&self, user: &str) -> Result<(), BrokerError>;

    /// Dismisses those that nobody prolonged, whoever took them in; returns how many.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`].
    async fn tidy(&self) -> Result<usize, BrokerError>;

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
pub struct NoGuests;

#[async_trait]
impl GuestBroker for NoGuests {
    async fn admit(&self, _token: i64, _worker: &str) -> Result<(Guest, Pass), GuestError> {
        Err(GuestError::NoWay(
            "the server has no Redis: attempts stay within its process".to_owned(),
        ))
    }

    async fn prolong(&self, _guest: &Guest) -> Result<(), GuestError> {
        Err(GuestError::Broker(BrokerError::Unregistered))
    }

    async fn guest(&self, _user: &str) -> Result<Option<Guest>, BrokerError> {
        Ok(None)
    }

    async fn dismiss(&self, _user: &str) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn tidy(&self) -> Result<usize, BrokerError> {
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
pub fn prefix(namespace: &str) -> String {
    let digest = Digest::of(namespace.as_bytes()).hex();
    format!("{PREFIX}{}-", &digest[..16])
}
