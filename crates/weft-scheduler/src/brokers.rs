//! The brokers of the shards that a scheduler owns.

use crate::limits::MAX_MAILBOX_NOTICES;
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::Notify;
use weft_broker::{
    AttemptKey, BrokerError, CommittedTurns, Demand, Dispatch, Notice, SchedulerBroker,
};
use weft_store::ShardLease;

/// The brokers of an installation: one for each shard, or one for all.
#[async_trait]
pub trait Brokers: Send + Sync {
    /// The scheduler's end of a shard's broker, for the holder of this lease. The broker refuses
    /// every earlier holder from now on.
    ///
    /// # Errors
    /// [`BrokerError::Closed`] where the shard was taken over under a later epoch;
    /// [`BrokerError::Unavailable`].
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError>;
}

/// One broker for all shards, of which this process has the only scheduler. Each notice goes to
/// the shard that it is about, whichever shard received it.
pub struct OneBroker<B> {
    broker: Arc<B>,
    mailboxes: Arc<Mailboxes>,
    turns: Arc<Turns>,
}

/// The last committed turns of the shards, by number.
#[derive(Debug, Default)]
struct Turns(Mutex<BTreeMap<u32, CommittedTurns>>);

/// The mailboxes of the shards, by number.
#[derive(Debug, Default)]
struct Mailboxes(Mutex<BTreeMap<u32, Weak<Mailbox>>>);

/// Notices that another shard received.
#[derive(Debug, Default)]
struct Mailbox {
    notices: Mutex<VecDeque<Notice>>,
    delivered: Notify,
}

/// The broker as one shard sees it.
struct ShardBroker<B> {
    broker: Arc<B>,
    mailboxes: Arc<Mailboxes>,
    turns: Arc<Turns>,
    previous_turn: Option<CommittedTurns>,
    shard: u32,
    mailbox: Arc<Mailbox>,
}

impl<B> OneBroker<B> {
    /// The brokers of all shards are this one.
    pub fn new(broker: Arc<B>) -> Self {
        Self {
            broker,
            mailboxes: Arc::default(),
            turns: Arc::default(),
        }
    }
}

#[async_trait]
impl<B: SchedulerBroker + 'static> Brokers for OneBroker<B> {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        let shard = lease.shard.0.cast_unsigned();
        let mailbox = Arc::new(Mailbox::default());
        self.mailboxes
            .lock()
            .insert(shard, Arc::downgrade(&mailbox));
        Ok(Arc::new(ShardBroker {
            broker: Arc::clone(&self.broker),
            mailboxes: Arc::clone(&self.mailboxes),
            turns: Arc::clone(&self.turns),
            previous_turn: self.turns.lock().get(&shard).copied(),
            shard,
            mailbox,
        }))
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, CommittedTurns>> {
        // No foreign code runs while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailboxes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Weak<Mailbox>>> {
        // No foreign code runs while it is locked; the same holds for each mailbox.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers the notices about other shards than `shard`; returns its own. A notice about a
    /// shard that is not in memory is dropped: its reports come again.
    fn deliver(&self, shard: u32, notices: Vec<Notice>) -> Vec<Notice> {
        let mailboxes = self.lock();
        let others = || mailboxes.iter().filter(|(other, _)| **other != shard);
        let mut own = Vec::with_capacity(notices.len());
        for notice in notices {
            match shard_of(&notice) {
                Some(about) if about != shard => {
                    if let Some(mailbox) = mailboxes.get(&about).and_then(Weak::upgrade) {
                        mailbox.push(notice);
                    }
                }
                Some(_) => own.push(notice),
                None => {
                    for mailbox in others().filter_map(|(_, mailbox)| mailbox.upgrade()) {
                        mailbox.push(notice.clone());
                    }
                    own.push(notice);
                }
            }
        }
        own
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A full mailbox drops the notice, as the broker may.
    fn push(&self, notice: Notice) {
        let mut notices = self.lock();
        if notices.len() < MAX_MAILBOX_NOTICES {
            notices.push_back(notice);
            self.delivered.notify_one();
        }
    }

    fn take(&self, max: usize) -> Vec<Notice> {
        let mut notices = self.lock();
        let taken = notices.len().min(max);
        notices.drain(..taken).collect()
    }
}

/// The shard that a notice is about; none for one that is about all of them.
fn shard_of(notice: &Notice) -> Option<u32> {
    match notice {
        Notice::Started { key, worker: _ } | Notice::Expired { key } | Notice::Released { key } => {
            Some(key.shard)
        }
        Notice::Finished(report) => Some(report.key.shard),
        Notice::Demand => None,
    }
}

#[async_trait]
impl<B: SchedulerBroker> SchedulerBroker for ShardBroker<B> {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        self.broker.publish(dispatches).await
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.broker.revoke(attempts).await
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        loop {
            let delivered = self.mailbox.take(max);
            if !delivered.is_empty() {
                return Ok(delivered);
            }
            let notices = tokio::select! {
                biased;
                () = self.mailbox.delivered.notified() => continue,
                notices = self.broker.receive(max) => notices?,
            };
            let own = self.mailboxes.deliver(self.shard, notices);
            if !own.is_empty() {
                return Ok(own);
            }
        }
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.broker.confirm(attempts).await
    }

    async fn publish_and_confirm(
        &self,
        dispatches: Vec<Dispatch>,
        confirmed: &[AttemptKey],
    ) -> (
        Result<(), (Vec<Dispatch>, BrokerError)>,
        Result<(), BrokerError>,
    ) {
        self.broker.publish_and_confirm(dispatches, confirmed).await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        self.broker.demand().await
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.broker.find_known(attempts).await
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        let mut listed = self.broker.list_attempts().await?;
        listed.retain(|key| key.shard == self.shard);
        Ok(listed)
    }

    fn announcement_window(&self) -> Duration {
        self.broker.announcement_window()
    }

    fn set_turn(&self, turn: CommittedTurns) {
        self.turns.lock().insert(self.shard, turn);
    }

    fn previous_turn(&self) -> Option<CommittedTurns> {
        self.previous_turn
    }

    fn set_weight(&self, weight: u32) {
        self.broker.set_weight(weight);
    }
}
