//! The shards of this scheduler: leased, taken over and released.
//!
//! Each scheduler counts the others and computes its own share; there is no coordinator. It
//! releases shards above its share and leases free ones below it. A shard is committed before it
//! is released, so that its next owner has only to read it.
//!
//! The calls of a renewal run beside everything else; only their result is applied here.

use super::{SchedulerError, check_temporary, supervisor::Supervisor};
use crate::{faults::FaultPoints, limits::MAX_RETRY_DELAY, options::millis, why::Reason};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use weft_core::time::Timestamp;
use weft_store::{Lost, RunStore, ShardId, ShardLease, StoreError};

/// What one renewal came to.
pub(super) struct Renewal {
    called: Instant,
    /// The leases that it was to release.
    releases: Vec<(ShardLease, Lost)>,
    result: Result<Renewed, StoreError>,
}

/// The shards that the database counts as this scheduler's.
struct Renewed {
    /// How many it should own.
    share: u32,
    leases: Vec<ShardLease>,
    /// The database's clock, if it was read.
    now: Result<Timestamp, StoreError>,
}

/// The calls of one renewal.
struct Calls {
    store: Arc<dyn RunStore>,
    id: String,
    lease: Duration,
    /// Whether all shards are released first, so that they come under a new epoch, in which turns
    /// are numbered from the start.
    release_all: bool,
    releases: Vec<(ShardLease, Lost)>,
    /// What the calls wait for: nothing, unless a bug is planted.
    turns: Option<mpsc::Receiver<Vec<Reason>>>,
}

impl Calls {
    async fn make(mut self) -> Renewal {
        if let Some(turns) = &mut self.turns {
            drop(turns.recv().await);
        }
        let called = Instant::now();
        // A call without an answer must not be the last one.
        let result = timeout(self.lease, self.renew()).await;
        Renewal {
            called,
            result: result.unwrap_or_else(|_elapsed| {
                let why = format!("no answer within {:?}", self.lease);
                Err(StoreError::Unavailable(why))
            }),
            releases: self.releases,
        }
    }

    async fn renew(&self) -> Result<Renewed, StoreError> {
        let (store, id) = (&self.store, &self.id);
        if self.release_all {
            store.release_shards(id).await?;
        }
        for (lease, lost) in &self.releases {
            if *lost == Lost::default() {
                store.release_shard(*lease).await?;
            } else {
                store.give_up_shard(*lease, *lost).await?;
            }
        }
        let lease = millis(self.lease);
        let share = store.share_of_shards(id, lease).await?;
        let leases = store.lease_shards(id, lease, share).await?;
        let now = store.now().await;
        Ok(Renewed { share, leases, now })
    }
}

impl Supervisor {
    /// Starts the renewal of the leases if it is due.
    pub(super) fn start_renewal_if_due(&mut self) {
        if self.renewal.is_some() || Instant::now() < self.next_renewal {
            return;
        }
        self.end_stuck_shards();
        let faults = FaultPoints::of(&self.options);
        let calls = Calls {
            store: Arc::clone(&self.deps.store),
            id: self.options.id.clone(),
            lease: self.options.lease,
            release_all: self.may_own_more,
            releases: std::mem::take(&mut self.to_release),
            turns: (!faults.renews_beside_turns()).then(|| self.await_turns()),
        };
        self.next_renewal = Instant::now() + self.options.lease / 3;
        self.renewal = Some(Box::pin(calls.make()));
    }

    /// Applies what a renewal came to: drops shards that were lost, starts those that were
    /// leased, and stops those above the share.
    pub(super) fn finish_renewal(&mut self, renewal: Renewal) -> Result<(), SchedulerError> {
        self.renewal = None;
        let Renewal {
            called,
            releases,
            result,
        } = renewal;
        let Renewed { share, leases, now } = match result {
            Ok(leases) => leases,
            Err(error) => {
                check_temporary(error, "lease shards")?;
                self.to_release.extend(releases);
                self.give_up_expired_shards();
                self.next_renewal = called + MAX_RETRY_DELAY.min(self.options.lease / 3);
                return Ok(());
            }
        };
        self.may_own_more = false;
        if !releases.is_empty() {
            self.heartbeat.notify_shard_released();
        }
        match now {
            Ok(now) => self.clock.adjust(now),
            Err(error) => check_temporary(error, "read clock")?,
        }
        self.lease_ends = called + self.options.lease;
        self.check_refused(&leases, called)?;
        self.drop_lost_shards(&leases);
        let tenure = self.tenure();
        for shard in self.shards.values() {
            shard.tenure.send_replace(tenure);
        }
        let mut owned = 0;
        for lease in leases {
            if self.is_given_up(lease) {
                continue;
            }
            let is_running = self.shards.contains_key(&lease.shard);
            let last = self.last_epochs.get(&lease.shard);
            if let Some(last) = last.filter(|last| !is_running && lease.epoch <= **last) {
                // Turns of the epochs up to the last one may still be on their way to the
                // database.
                let epochs = u32::try_from(last - lease.epoch).unwrap_or(u32::MAX);
                self.to_release.push((lease, Lost { turns: 0, epochs }));
                self.next_renewal = Instant::now();
                continue;
            }
            owned += 1;
            if !self.is_stopping && !is_running {
                self.start_shard(lease);
            }
        }
        self.stop_surplus(share as usize, owned);
        Ok(())
    }

    /// Whether a lease is about to be released, or was refused by its broker, since the renewal
    /// that returned it was called.
    fn is_given_up(&self, lease: ShardLease) -> bool {
        let refused = self.refused.iter().map(|(refused, _)| refused);
        let released = self.to_release.iter().map(|(released, _)| released);
        let mut given_up = released.chain(refused);
        given_up.any(|given_up| given_up.shard == lease.shard && given_up.epoch == lease.epoch)
    }

    /// Ends the tasks of shards that made no progress for too long, twice in a row: their leases are
    /// released with this renewal, and taken over under a new epoch. What such a task still sends
    /// is refused by the fence. One look is not enough: after a pause of the whole process no task
    /// has advanced yet.
    fn end_stuck_shards(&mut self) {
        let most = self.options.max_without_progress;
        let stuck = self.shards.extract_if(.., |_, shard| {
            let was_suspect = shard.is_suspect;
            shard.is_suspect = shard.progress.since_last() >= most;
            was_suspect && shard.is_suspect
        });
        for (id, shard) in stuck {
            tracing::error!(
                shard = id.0,
                epoch = shard.lease.epoch,
                without_progress_s = shard.progress.since_last().as_secs(),
                operation = "lease shards",
                "the task of the shard makes no progress; it is ended, and the shard is taken over under a new epoch"
            );
            self.heartbeat.metrics.record_stuck_shard();
            self.to_release.push((shard.lease, Lost::default()));
        }
    }

    /// Gives up all shards if their leases have expired.
    fn give_up_expired_shards(&mut self) {
        if Instant::now() >= self.lease_ends && !self.shards.is_empty() {
            tracing::warn!(
                operation = "lease shards",
                "the leases expired before they could be renewed; all shards are given up"
            );
            self.shards.clear();
            self.may_own_more = true;
        }
    }

    /// Drops shards that another scheduler has taken over.
    fn drop_lost_shards(&mut self, leases: &[ShardLease]) {
        self.shards.retain(|id, shard| {
            let is_owned = leases
                .iter()
                // A sweep of the shard notices that the database lost the last takeover.
                .any(|lease| lease.shard == *id && lease.epoch <= shard.lease.epoch);
            if !is_owned {
                tracing::warn!(
                    shard = id.0,
                    operation = "lease shards",
                    "another scheduler owns the shard; it is dropped here"
                );
            }
            is_owned
        });
    }

    /// Stops the shards above the share: those with the fewest runs, which are read again
    /// soonest. They are released once they have committed their last turn.
    fn stop_surplus(&mut self, share: usize, owned: usize) {
        let running = self.shards.iter().filter(|(_, shard)| !shard.is_stopping());
        let mut by_size: Vec<(usize, ShardId)> = running
            .map(|(id, shard)| (shard.facts.borrow().runs, *id))
            .collect();
        let stopping = self.shards.len() - by_size.len();
        let surplus = owned.saturating_sub(share).saturating_sub(stopping);
        by_size.sort_unstable();
        for (_runs, id) in by_size.into_iter().take(surplus) {
            tracing::info!(
                shard = id.0,
                operation = "release shard",
                "the shard is above this scheduler's share; it is released after its next turn"
            );
            self.stop_shard(id);
            self.next_renewal = Instant::now();
        }
    }
}
