//! The shards of this scheduler: leased, taken over and released.
//!
//! Each scheduler counts the others and computes its own share; there is no coordinator. It
//! releases shards above its share and leases free ones below it. A shard is committed before it
//! is released, so that its next owner has only to read it.

use super::{SchedulerError, Service, check_temporary, driver::Driver};
use crate::{
    limits::{MAX_RETRY_DELAY, MIN_RETRY_DELAY},
    options::millis,
    shard::Shard,
};
use std::time::Duration;
use tokio::time::Instant;
use weft_store::{ShardId, ShardLease, StoreError};

/// The shards that the database counts as this scheduler's.
struct Leases {
    /// How many it should own.
    share: u32,
    leases: Vec<ShardLease>,
}

impl Service {
    /// Renews the leases if that is due, takes over free shards, and releases shards above the
    /// share.
    pub(super) async fn renew_leases(&mut self) -> Result<(), SchedulerError> {
        let called = Instant::now();
        if called < self.next_renewal {
            return Ok(());
        }
        let lease_span = self.context.options.lease;
        let retry = called + MAX_RETRY_DELAY.min(lease_span / 3);
        self.next_renewal = called + lease_span / 3;
        if let Err(error) = self.release_unknown_shards().await {
            check_temporary(error, "release shards")?;
            self.next_renewal = retry;
            return Ok(());
        }
        let Leases { share, leases } = match self.lease_shards().await {
            Ok(leases) => leases,
            Err(error) => {
                check_temporary(error, "lease shards")?;
                self.give_up_expired_shards(called);
                self.next_renewal = retry;
                return Ok(());
            }
        };
        match self.deps.store.now().await {
            Ok(now) => self.context.clock.adjust(now),
            Err(error) => check_temporary(error, "read clock")?,
        }
        self.lease_ends = called + lease_span;
        self.drop_lost_shards(&leases);
        let surplus = leases.len().saturating_sub(share as usize);
        for lease in leases {
            if let Some(shard) = self.shards.get_mut(&lease.shard) {
                shard.lease = lease;
            } else if let Some(delay) = self.take_over(lease).await? {
                self.next_renewal = called + delay.min(lease_span / 3);
            }
        }
        self.release_surplus(surplus).await?;
        self.context
            .heartbeat
            .set_owns_shards(!self.shards.is_empty());
        Ok(())
    }

    /// Releases shards that the database may count as this scheduler's and that are not in
    /// memory, so that they come under a new epoch, in which turns are numbered from the start.
    async fn release_unknown_shards(&mut self) -> Result<(), StoreError> {
        if self.may_own_more && self.context.faults.releases_before_lease() {
            let id = &self.context.options.id;
            self.deps.store.release_shards(id).await?;
            self.may_own_more = false;
        }
        Ok(())
    }

    async fn lease_shards(&self) -> Result<Leases, StoreError> {
        let (id, store) = (&self.context.options.id, &self.deps.store);
        let lease = millis(self.context.options.lease);
        let share = store.share_of_shards(id, lease).await?;
        let leases = store.lease_shards(id, lease, share).await?;
        Ok(Leases { share, leases })
    }

    /// Gives up all shards if their leases have expired.
    fn give_up_expired_shards(&mut self, now: Instant) {
        if now >= self.lease_ends && !self.shards.is_empty() {
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
                .any(|lease| lease.shard == *id && lease.epoch == shard.lease.epoch);
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

    /// Reads a shard that was leased; returns after which delay to retry where that failed.
    async fn take_over(&mut self, lease: ShardLease) -> Result<Option<Duration>, SchedulerError> {
        let broker = match self.deps.brokers.take_over(lease).await {
            Ok(broker) => broker,
            Err(error) => {
                tracing::warn!(%error, shard = lease.shard.0, operation = "take over", "broker call failed; the shard is taken over later");
                return Ok(Some(MAX_RETRY_DELAY));
            }
        };
        let mut shard = Shard::new(lease, broker);
        let mut driver = Driver::new(&self.deps, &mut self.context, &mut shard);
        match driver.recover().await {
            Ok(()) => {
                self.shards.insert(lease.shard, shard);
                Ok(None)
            }
            Err(error) => {
                check_temporary(error, "recover shard")?;
                Ok(Some(MIN_RETRY_DELAY))
            }
        }
    }

    /// Releases shards above the share: those with the fewest runs, which are read again soonest.
    /// A shard that can't be released stays until the next renewal.
    async fn release_surplus(&mut self, surplus: usize) -> Result<(), SchedulerError> {
        let mut by_size: Vec<(usize, ShardId)> = self
            .shards
            .iter()
            .map(|(id, shard)| (shard.runs.len(), *id))
            .collect();
        by_size.sort_unstable();
        for (_runs, id) in by_size.into_iter().take(surplus) {
            let Some(mut shard) = self.shards.remove(&id) else {
                continue;
            };
            let has_uncommitted = shard.batch.lazy_due().is_some();
            let mut driver = Driver::new(&self.deps, &mut self.context, &mut shard);
            if has_uncommitted && driver.commit().await.is_err() {
                tracing::warn!(
                    shard = id.0,
                    operation = "release shard",
                    "another scheduler owns the shard; it is dropped here"
                );
                continue;
            }
            match self.deps.store.release_shard(shard.lease).await {
                Ok(()) => {
                    tracing::info!(
                        shard = id.0,
                        operation = "release shard",
                        "the shard is above this scheduler's share; another scheduler may lease it"
                    );
                    self.context.heartbeat.notify_shard_released();
                }
                Err(error) => {
                    check_temporary(error, "release shard")?;
                    // The next renewal shows whether it was released.
                    self.shards.insert(id, shard);
                }
            }
        }
        Ok(())
    }
}
