//! The scheduler's side of a broker.

use crate::{AttemptKey, BrokerError, Dispatch, Report};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// The scheduler's handle; one for each scheduler and shard.
#[async_trait]
pub trait SchedulerBroker: Send + Sync {
    /// Publishes committed attempts. Publishing an attempt again changes nothing while it is
    /// queued or claimed. A released attempt goes before the others of its priority.
    ///
    /// # Errors
    /// Returns the refused dispatches with the reason; the scheduler publishes them again later.
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)>;

    /// Revokes attempts: removes queued ones and signals the workers of claimed ones. Unknown
    /// attempts are ignored.
    ///
    /// # Errors
    /// Any of them may be revoked or not; call again.
    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError>;

    /// Waits for notices and returns at most `max`. Cancel-safe: the next call returns what a
    /// dropped one would have returned.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError>;

    /// Confirms the reports of attempts whose outcomes are committed or refused for good, so that
    /// their workers drop them.
    ///
    /// # Errors
    /// The broker delivers the reports again; confirm them again.
    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError>;

    /// As [`Self::publish`] and [`Self::confirm`] at once, in as few calls as the broker can. Returns
    /// the result of each.
    async fn publish_and_confirm(
        &self,
        dispatches: Vec<Dispatch>,
        confirmed: &[AttemptKey],
    ) -> (
        Result<(), (Vec<Dispatch>, BrokerError)>,
        Result<(), BrokerError>,
    ) {
        let publish = async {
            if dispatches.is_empty() {
                return Ok(());
            }
            self.publish(dispatches).await
        };
        let confirm = async {
            if confirmed.is_empty() {
                return Ok(());
            }
            self.confirm(confirmed).await
        };
        tokio::join!(publish, confirm)
    }

    /// How many more attempts each queue's workers could start now.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn demand(&self) -> Result<Vec<Demand>, BrokerError>;

    /// The demand that came with the last received notices, if the broker sent it and nothing
    /// was published since; it spares a call of [`Self::demand`]. The next call returns `None`
    /// until other notices are received.
    fn noticed_demand(&self) -> Option<Vec<Demand>> {
        None
    }

    /// Returns which of these attempts the broker knows: queued, claimed, released, or reported
    /// and unconfirmed. The scheduler calls it after a takeover and publishes the others again,
    /// or fails those that had started. The broker delivers the notices of the known ones again:
    /// [`Notice::Started`], [`Notice::Released`], and every unconfirmed report.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError>;

    /// Returns the attempts that the broker has: queued, claimed or released. The scheduler calls
    /// it after a takeover and revokes those that are over.
    ///
    /// # Errors
    /// [`BrokerError::Unavailable`] or [`BrokerError::Closed`].
    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError>;

    /// How long workers may still announce attempts that the broker lost. A started attempt that
    /// the broker does not know after this is lost. Zero where the workers end with the broker,
    /// as in one process; at least a lease otherwise.
    fn announcement_window(&self) -> Duration {
        Duration::ZERO
    }

    /// Sets the last committed turn of the shard, which the broker keeps for the scheduler that
    /// takes over next, from its next call of Redis on, or within a second.
    fn set_turn(&self, _turn: CommittedTurns) {}

    /// What earlier schedulers of the shard set last, as of the takeover; `None` where the broker
    /// does not know it.
    fn previous_turn(&self) -> Option<CommittedTurns> {
        None
    }

    /// Sets the shard's weight, the sum of the weights of its tenants with work. Workers of
    /// several shards divide their claims by it, within seconds. An installation with one shard
    /// needs no weight.
    fn set_weight(&self, _weight: u32) {}
}

/// The turns that the database acknowledged to one scheduler of a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommittedTurns {
    /// The scheduler's epoch.
    pub epoch: i64,
    /// The number of its last one.
    pub last: i64,
    /// The number before its first one.
    pub before: i64,
}

/// A notice of the broker to the scheduler.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// A worker claimed the attempt. May repeat, and is omitted when the attempt ended before
    /// the notice was received.
    Started {
        /// The attempt that started.
        key: AttemptKey,
        /// The worker.
        worker: Arc<str>,
    },
    /// An attempt ended. Repeats until it is confirmed.
    Finished(Box<Report>),
    /// The attempt's worker did not renew its lease, or left without finishing it.
    Expired {
        /// The attempt whose lease expired.
        key: AttemptKey,
    },
    /// The worker released the attempt without starting it: the scheduler publishes the same
    /// attempt again. May repeat until then.
    Released {
        /// The attempt that its worker returned.
        key: AttemptKey,
    },
    /// [`SchedulerBroker::demand`] has risen.
    Demand,
}

/// The free slots of the workers that serve a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The queue.
    pub queue: Arc<str>,
    /// How many attempts its workers could claim beyond the published ones: free slots and one
    /// round of prefetch, less the queued attempts.
    /// A worker of several queues counts for each of them.
    pub free_slots: u32,
    /// How many queued attempts exceed what its workers could claim; 0 if there are
    /// [`Self::free_slots`].
    pub prefetched: u32,
    /// How many workers serve it.
    pub workers: u32,
    /// The most memory that one of them can give one attempt, in bytes; `None` if one of them is
    /// an older worker that does not tell.
    pub memory_bytes: Option<u64>,
}

impl Demand {
    /// The demand of a queue, from its workers' free slots and its queued attempts.
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
