//! Which shards are this scheduler's: its share is kept, taken and given back.
//!
//! Each scheduler counts who else is there and works out its own share, and nobody hands
//! shards out: what is above one's share is given back, what is free is taken by who is below
//! its own. A shard that is given back was committed to its end, so its next owner finds
//! nothing to make good for but what it reads.

use super::{SchedulerError, Service, temporary};
use crate::{
    fault::planted,
    options::{COMMIT_RETRY, COMMIT_RETRY_MAX, millis},
    shard::Shard,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;
use weft_store::{RunStore, ShardId, ShardLease, StoreError};

impl Service {
    /// Keeps the leases, takes shards that nobody owns, and gives back what is others' share.
    pub(super) async fn renew(&mut self) -> Result<(), SchedulerError> {
        let asked = Instant::now();
        if asked < self.next_renewal {
            return Ok(());
        }
        let lease_span = self.context.options.lease;
        let soon = asked + COMMIT_RETRY_MAX.min(lease_span / 3);
        self.next_renewal = asked + lease_span / 3;
        let store = Arc::clone(&self.context.deps.store);
        if self.may_own_more && !planted!(self.context, EpochKept) {
            // They are to come under a new epoch, in which turns are numbered
            // from the beginning.
            if let Err(error) = store.release_shards(&self.context.options.id).await {
                temporary(error)?;
                self.next_renewal = soon;
                return Ok(());
            }
            self.may_own_more = false;
        }
        let (share, leases) = match self.ask(store.as_ref(), lease_span).await {
            Ok(answer) => answer,
            Err(error) => {
                temporary(error)?;
                if asked >= self.lease_ends && !self.shards.is_empty() {
                    tracing::warn!(
                        "the leases could not be renewed in time: all shards are given up"
                    );
                    self.shards.clear();
                    self.may_own_more = true;
                }
                self.next_renewal = soon;
                return Ok(());
            }
        };
        match store.now().await {
            Ok(shown) => self.context.clock.adjust(shown),
            Err(error) => temporary(error)?,
        }
        self.lease_ends = asked + lease_span;
        self.shards.retain(|id, shard| {
            let is_kept = leases
                .iter()
                .any(|lease| lease.shard == *id && lease.epoch == shard.lease.epoch);
            if !is_kept {
                tracing::warn!(shard = id.0, "another scheduler owns the shard now");
            }
            is_kept
        });
        let surplus = leases.len().saturating_sub(share as usize);
        for lease in leases {
            if let Some(shard) = self.shards.get_mut(&lease.shard) {
                shard.lease = lease;
            } else if let Err(again) = self.take_over(lease).await? {
                self.next_renewal = asked + again.min(lease_span / 3);
            }
        }
        self.give_back(surplus).await?;
        self.context
            .heartbeat
            .owns
            .store(!self.shards.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// How many shards are this scheduler's share, and those that it has now.
    async fn ask(
        &self,
        store: &dyn RunStore,
        lease: Duration,
    ) -> Result<(u32, Vec<ShardLease>), StoreError> {
        let id = &self.context.options.id;
        let lease = millis(lease);
        let share = store.share_of_shards(id, lease).await?;
        Ok((share, store.lease_shards(id, lease, share).await?))
    }

    /// Loads a shard that is this scheduler's from now on, or says after how long that is to be
    /// tried again.
    async fn take_over(
        &mut self,
        lease: ShardLease,
    ) -> Result<Result<(), Duration>, SchedulerError> {
        let broker = match self.context.deps.brokers.take_over(lease).await {
            Ok(broker) => broker,
            Err(error) => {
                tracing::warn!(%error, shard = lease.shard.0, "the broker of a shard can't be taken over yet");
                return Ok(Err(COMMIT_RETRY_MAX));
            }
        };
        let mut shard = Shard::new(lease, broker);
        match shard.recover(&mut self.context).await {
            Ok(()) => {
                self.shards.insert(lease.shard, shard);
                Ok(Ok(()))
            }
            Err(error) => {
                temporary(error)?;
                Ok(Err(COMMIT_RETRY))
            }
        }
    }

    /// Gives shards back that are others' share: those with the fewest runs, which are the soonest
    /// loaded again. What can't be given back now stays, and is looked at with the next renewal.
    async fn give_back(&mut self, surplus: usize) -> Result<(), SchedulerError> {
        let mut smallest: Vec<(usize, ShardId)> = self
            .shards
            .iter()
            .map(|(id, shard)| (shard.runs.len(), *id))
            .collect();
        smallest.sort_unstable();
        for (_runs, id) in smallest.into_iter().take(surplus) {
            let Some(mut shard) = self.shards.remove(&id) else {
                continue;
            };
            if shard.lazy_due().is_some() && shard.commit(&mut self.context).await.is_err() {
                tracing::warn!(shard = id.0, "another scheduler owns the shard now");
                continue;
            }
            match self.context.deps.store.release_shard(shard.lease).await {
                Ok(()) => {
                    tracing::info!(shard = id.0, "a shard is another scheduler's share now");
                    self.context.heartbeat.shard_released.notify_one();
                }
                Err(error) => {
                    temporary(error)?;
                    // Whether it was given back is not known: the next renewal says.
                    self.shards.insert(id, shard);
                }
            }
        }
        Ok(())
    }
}
