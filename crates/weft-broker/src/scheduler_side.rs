//! What a scheduler does with a broker.

use crate::{AttemptKey, BrokerError, Dispatch, Report};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// The scheduler's end. One handle serves one scheduler.
#[async_trait]
pub trait SchedulerBroker: Send + Sync {
    /// Hands out attempts that are committed. Publishing the same attempt again
    /// changes nothing while it is queued or claimed. What a worker gave back has had its
    /// turn: it goes before what waits with the same priority.
    ///
    /// # Errors
    /// What was not accepted is handed back with the reason; the scheduler offers it again later.
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)>;

    /// Takes attempts back: those still queued are removed, running ones are
    /// killed. Attempts that are unknown are ignored.
    ///
    /// # Errors
    /// Nothing is known to be revoked; call again.
    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError>;

    /// Waits until there is something, then returns at most `max` notices.
    /// Cancel-safe: what a dropped call would have returned, the next one does.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError>;

    /// The outcomes of these attempts are committed, or refused for good: their
    /// workers may forget them.
    ///
    /// # Errors
    /// The reports will come again; confirm them again.
    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError>;

    /// How many more attempts each queue's workers could start now.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn demand(&self) -> Result<Vec<Demand>, BrokerError>;

    /// After a scheduler started or took over: which of these live attempts the
    /// broker knows (queued, claimed, given back, or reported and unconfirmed). The
    /// others are to be published again, or are lost where they had started. What
    /// became of the known ones is told again: [`Notice::Started`] of those that
    /// are claimed, [`Notice::Released`], and every report that is not confirmed.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError>;

    /// For how long after it lost everything a broker may learn of attempts
    /// from the workers that hold them: an attempt that has started and that it
    /// doesn't know for so long is lost. Nothing where the workers are gone with
    /// the broker, as in one process; at least a lease everywhere else.
    fn announcement_window(&self) -> Duration {
        Duration::ZERO
    }

    /// What the shard counts for where workers take from several: the sum of the weights of its
    /// tenants that have work. They hear of it within seconds; nothing is to be said where there
    /// is one shard.
    fn set_weight(&self, _weight: u32) {}
}

/// What a scheduler is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A worker claimed the attempt. May come again, and is left out where the
    /// attempt ended before anybody received it.
    Started {
        /// Which attempt.
        key: AttemptKey,
        /// The worker.
        worker: Arc<str>,
    },
    /// An attempt ended. Comes again until it is confirmed.
    Finished(Box<Report>),
    /// The attempt's worker did not renew its lease, or left without finishing it.
    Expired {
        /// Which attempt.
        key: AttemptKey,
    },
    /// The attempt's worker will not begin it, and has not: it is to be published again,
    /// as the same attempt. May come again until it is.
    Released {
        /// Which attempt.
        key: AttemptKey,
    },
    /// [`SchedulerBroker::demand`] has risen.
    Demand,
}

/// Free places of the workers that serve a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The queue.
    pub queue: Arc<str>,
    /// How many attempts its workers could take beyond those already published:
    /// free slots and one round of prefetch, less what waits in the queue.
    /// A worker of several queues counts for each of them.
    pub free_slots: u32,
    /// How many wait in the queue beyond what its workers could take, since they were
    /// published ahead of free places; 0 where there are [`Self::free_slots`].
    pub prefetched: u32,
    /// How many workers serve it; 0 where attempts would wait for nobody.
    pub workers: u32,
    /// What the largest of them can give one attempt, in bytes; none where one of them
    /// doesn't say, as older ones do.
    pub memory_bytes: Option<u64>,
}

impl Demand {
    /// Of a queue in which so many wait, while its workers could hold so many more.
    pub fn new(
        queue: Arc<str>,
        free_slots: u32,
        queued: u32,
        workers: u32,
        memory_bytes: Option<u64>,
    ) -> Self {
        Self {
            queue,
            free_slots: free_slots.saturating_sub(queued),
            prefetched: queued.saturating_sub(free_slots),
            workers,
            memory_bytes,
        }
    }
}
