//! What a worker does with a broker.

use crate::{AttemptKey, BrokerError, Claim, LeaseTerms, Report};
use async_trait::async_trait;
use std::sync::Arc;

/// Who a worker is and what it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerInfo {
    /// Unique among the workers that live at the same time.
    pub id: Arc<str>,
    /// Queues that it takes from, the first ones first.
    pub queues: Vec<Arc<str>>,
    /// How many attempts it runs at once.
    pub slots: u32,
    /// How many claimed attempts it may hold beyond its slots, to be ready when one ends.
    pub prefetch: u32,
    /// The most memory that one attempt may ask for, in bytes: a broker gives the worker
    /// none that asks for more. Older workers don't say.
    pub memory_bytes: Option<u64>,
    /// Shown to operators: version, host, architecture, own words.
    pub labels: Vec<(String, String)>,
}

/// The worker's end. One handle serves one worker.
#[async_trait]
pub trait WorkerBroker: Send + Sync {
    /// Announces the worker, or announces it anew after [`BrokerError::Unregistered`]
    /// together with the attempts that it still holds. Those go on under a new
    /// lease; what it can't hold any more, the first renewal names. What a
    /// registration under the same id held before and is not announced is given back.
    ///
    /// A registration lasts as long as a lease, from the last call of this
    /// handle on: a worker renews also when it holds nothing.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[AttemptKey],
    ) -> Result<LeaseTerms, BrokerError>;

    /// Waits until there is work, then claims at most `max` attempts, and no more
    /// than the worker's slots and prefetch together have room for. A paused worker waits.
    /// Cancel-safe: what a dropped call claimed comes again when its lease ends.
    ///
    /// # Errors
    /// [`BrokerError::Unregistered`], [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError>;

    /// Renews the leases of these attempts; returns those that the worker no
    /// longer holds and must kill. An attempt whose report was accepted is never among them.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn renew(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError>;

    /// Hands over reports. They are kept by the worker, and handed over again,
    /// until [`Signal::Confirmed`] names them. A report that was accepted ends the
    /// claim; one that was not (see [`BrokerError::Full`]) leaves the attempt
    /// held, to be renewed. Reports of attempts that the worker lost are passed
    /// on too: whether they count is the scheduler's to say.
    ///
    /// # Errors
    /// As [`Self::claim`], or [`BrokerError::Full`].
    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError>;

    /// Hands attempts back that were claimed and never begun, and won't be: their claims
    /// are undone, and the scheduler, which is told so ([`crate::Notice::Released`]),
    /// publishes them again as they are. What the worker doesn't hold is passed over, and
    /// what nobody has published again after a lease is forgotten.
    ///
    /// # Errors
    /// As [`Self::claim`]. What is not known to be given back may be handed over again.
    async fn release(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError>;

    /// Waits for what the scheduler has to say, at most `max` signals. Cancel-safe.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError>;

    /// No more claims from now on, until it registers again (a drain); what is held goes on.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn pause(&self) -> Result<(), BrokerError>;

    /// The worker is gone; what it still held is given back.
    ///
    /// # Errors
    /// As [`Self::claim`].
    async fn leave(&self) -> Result<(), BrokerError>;
}

/// What a worker is told besides new work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Kill this attempt: its outcome doesn't count any more.
    Revoked(AttemptKey),
    /// The report of this attempt is committed or refused for good: forget it.
    Confirmed(AttemptKey),
    /// Somebody wants the worker to leave: take nothing more, end what runs.
    Drain,
}
