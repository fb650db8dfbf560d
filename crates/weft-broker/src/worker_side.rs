//! The worker's side of a broker.

use crate::{AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// How long a worker may hold an attempt that it does not start. Then it releases the attempt, so
/// that another worker can start it; a scheduler takes back what is held for longer than this
/// and the time that the attempt may run.
pub const MAX_TIME_TO_START: Duration = Duration::from_mins(2);

/// A worker and the queues that it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Unique among the running workers.
    pub id: Arc<str>,
    /// The queues that it claims from, in this order.
    pub queues: Vec<Arc<str>>,
    /// How many attempts it runs at once.
    pub slots: u32,
    /// How many claimed attempts it may hold beyond its slots, to be ready when one ends.
    pub prefetch: u32,
    /// The largest memory limit of an attempt that the worker can run, in bytes; a broker gives
    /// it no larger one. `None` for older workers.
    pub memory_bytes: Option<u64>,
    /// Shown to operators: version, host, architecture and labels of their own.
    pub labels: Vec<(String, String)>,
}

/// The worker's handle; one for each worker.
///
/// A handle for workers that are not trusted ([`crate::VerifyingBroker`]) ignores attempts that
/// are named without the secret of their claim.
#[async_trait]
pub trait WorkerBroker: Send + Sync {
    /// Registers the worker, after [`BrokerError::Unregistered`] with the attempts that it still
    /// holds. Those get a new lease; the first renewal names the ones that it lost. Attempts that
    /// an earlier registration of the same id held and that are not announced expire.
    ///
    /// A registration lasts one lease from the last call of the handle other than
    /// [`Self::signals`]: a worker also renews when it holds nothing.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError>;

    /// Waits for work, then claims at most `max` attempts, and no more than the worker's free slots
    /// and prefetch. A paused worker waits. Cancel-safe: what a dropped call claimed expires with
    /// its lease.
    ///
    /// # Errors
    /// [`BrokerError::Unregistered`], [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError>;

    /// Renews the leases of these attempts and returns those that the worker lost and must kill.
    /// An attempt whose report was accepted is never among them.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError>;

    /// Sends reports. The worker keeps them and sends them again until [`Signal::Confirmed`] names
    /// them. An accepted report ends the claim; after a refused one ([`BrokerError::Full`]) the
    /// worker still holds the attempt and renews it. The broker also forwards reports of attempts
    /// that the worker lost; the scheduler decides whether they count.
    ///
    /// # Errors
    /// As [`Self::claim`], or [`BrokerError::Full`].
    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError>;

    /// Releases attempts that were claimed and never started: undoes their claims and notifies the
    /// scheduler ([`crate::Notice::Released`]), which publishes them again. Attempts that the
    /// worker does not hold are ignored; the broker forgets a released attempt that is not
    /// published again within a lease.
    ///
    /// # Errors
    /// As [`Self::claim`]; releasing again is harmless.
    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError>;

    /// Waits for at most `max` signals. Cancel-safe.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError>;

    /// Stops claims until the worker registers again (a drain); held attempts continue.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn pause(&self) -> Result<(), BrokerError>;

    /// Ends the registration; what the worker still holds expires.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn leave(&self) -> Result<(), BrokerError>;
}

/// A signal of the broker to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// The worker kills this attempt: its outcome no longer counts.
    Revoked(AttemptKey),
    /// The report of this attempt is committed or refused for good; the worker drops it.
    Confirmed(AttemptKey),
    /// The worker claims no more, finishes what runs, and leaves.
    Drain,
}
