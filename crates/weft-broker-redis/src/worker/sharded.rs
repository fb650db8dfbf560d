//! A worker's handle for all shards of an installation.
//!
//! The worker registers with each shard; every call about an attempt goes to the attempt's
//! shard. With one shard this is the handle of that shard and nothing more.
//!
//! With several, a claim call waiters the shards that may have work, in an order that follows
//! their weights ([`ShardOrder`]). It never claims more than it was asked for: a worker with
//! more free slots than there are shards registers a waiter with each for a part of them, so
//! that the next publish is pushed to it; one with fewer is woken, and claims then. Each claim
//! and renewal tells a shard how much the worker holds of the others, so that the shard's
//! queues are kept no longer than the worker's free slots.

use super::{
    ClaimRequest, RedisWorker, claim_waiter::ClaimWaiter, pushed_claim::PushedClaim,
    shard_order::ShardOrder,
};
use crate::broker::{MAX_WAIT, Redis};
use async_trait::async_trait;
use futures_util::{
    FutureExt as _,
    future::{join_all, select_all},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::watch, time::timeout};
use weft_broker::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
};

/// The handle. When the shards change, every call fails with `Unregistered` until the worker
/// has registered with what it holds.
#[derive(Debug)]
pub struct ShardedWorker {
    served: watch::Receiver<Arc<[Arc<Redis>]>>,
    handles: Mutex<Arc<ShardHandles>>,
}

/// The handles of the shards that the worker registered with.
#[derive(Debug)]
struct ShardHandles {
    served: Arc<[Arc<Redis>]>,
    workers: Vec<Arc<RedisWorker>>,
    order: Mutex<ShardOrder>,
    /// About how many attempts the worker holds of each shard; each renewal corrects it.
    held: Mutex<Vec<u32>>,
}

impl ShardedWorker {
    pub(crate) fn new(served: watch::Receiver<Arc<[Arc<Redis>]>>) -> Self {
        let handles = ShardHandles::new(Arc::clone(&served.borrow()), &[]);
        Self {
            served,
            handles: Mutex::new(Arc::new(handles)),
        }
    }

    fn handles(&self) -> Arc<ShardHandles> {
        // No holder of the lock calls foreign code.
        Arc::clone(&self.handles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The handles of the shards that are served now.
    fn refresh_handles(&self) -> Arc<ShardHandles> {
        let served = Arc::clone(&self.served.borrow());
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&handles.served, &served) {
            *handles = Arc::new(ShardHandles::new(served, &handles.workers));
        }
        Arc::clone(&handles)
    }

    /// Calls the handles; fails with `Unregistered` when the shards change meanwhile.
    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(Arc<ShardHandles>) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let mut served = self.served.clone();
        let handles = self.handles();
        if !Arc::ptr_eq(&handles.served, &served.borrow_and_update()) {
            return Err(BrokerError::Unregistered);
        }
        tokio::select! {
            biased;
            answer = call(handles) => answer,
            Ok(()) = served.changed() => Err(BrokerError::Unregistered),
        }
    }
}

impl ShardHandles {
    fn new(served: Arc<[Arc<Redis>]>, before: &[Arc<RedisWorker>]) -> Self {
        let workers: Vec<_> = served
            .iter()
            .map(|redis| {
                let known = before
                    .iter()
                    .find(|worker| Arc::ptr_eq(&worker.session.redis, redis));
                known.map_or_else(|| Arc::new(redis.worker()), Arc::clone)
            })
            .collect();
        Self {
            order: Mutex::new(ShardOrder::new(workers.len())),
            held: Mutex::new(vec![0; workers.len()]),
            served,
            workers,
        }
    }

    /// How many attempts the worker holds of the other shards; `None` when there are none.
    fn held_on_others(&self, shard: usize) -> Option<u32> {
        if self.only().is_some() {
            return None;
        }
        let held = self.held();
        let others = held.iter().enumerate().filter(|(other, _)| *other != shard);
        Some(others.map(|(_, held)| *held).fold(0, u32::saturating_add))
    }

    fn held(&self) -> MutexGuard<'_, Vec<u32>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add_held(&self, shard: usize, count: usize) {
        let held = &mut self.held()[shard];
        *held = held.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn remove_held(&self, key: &AttemptKey) {
        let mut shards = self.served.iter();
        if let Some(shard) = shards.position(|redis| redis.options.shard == key.shard) {
            let held = &mut self.held()[shard];
            *held = held.saturating_sub(1);
        }
    }

    /// Sets the counts to what the worker announces.
    fn set_held<T>(&self, parts: &[(&Arc<RedisWorker>, Vec<T>)]) {
        let counts = parts.iter().map(|(_, part)| part.len());
        *self.held() = counts
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .collect();
    }

    fn order(&self) -> MutexGuard<'_, ShardOrder> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The only handle, if there is one shard.
    fn only(&self) -> Option<&Arc<RedisWorker>> {
        match &*self.workers {
            [worker] => Some(worker),
            _ => None,
        }
    }

    /// The handle of each shard with its part of the items; drops those of shards that are
    /// not served.
    fn split<T>(
        &self,
        all: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &AttemptKey,
    ) -> Vec<(&Arc<RedisWorker>, Vec<T>)> {
        let mut by_shard: BTreeMap<u32, Vec<T>> = BTreeMap::new();
        for one in all {
            by_shard.entry(key(&one).shard).or_default().push(one);
        }
        self.workers
            .iter()
            .map(|worker| {
                let shard = worker.session.redis.options.shard;
                (worker, by_shard.remove(&shard).unwrap_or_default())
            })
            .collect()
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let max = max.max(1);
        // All waiters together get no more than `max`.
        let part = max / u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        let mut waiters: Vec<ClaimWaiter<'_>> = self
            .workers
            .iter()
            .map(|worker| ClaimWaiter::new(&worker.session))
            .collect();
        loop {
            let claims = self.take_pushed(max, &mut waiters)?;
            if !claims.is_empty() {
                return Ok(claims);
            }
            let claims = self.claim_in_order(max).await?;
            if !claims.is_empty() {
                return Ok(claims);
            }
            if part > 0 {
                let claims = self.register_waiters(part, &mut waiters).await?;
                if !claims.is_empty() {
                    return Ok(claims);
                }
            }
            let work = self.workers.iter().map(|worker| {
                let woken = worker.session.work.notified();
                woken.boxed()
            });
            match timeout(MAX_WAIT, select_all(work)).await {
                Ok(((), shard, _others)) => self.order().may_have_work(shard),
                // The next round registers the waiters in every shard anyway.
                Err(_elapsed) if part > 0 => {}
                Err(_elapsed) => {
                    for shard in 0..self.workers.len() {
                        self.order().may_have_work(shard);
                    }
                }
            }
        }
    }

    /// Takes the claims that any shard pushed to the worker.
    fn take_pushed(
        &self,
        max: u32,
        waiters: &mut [ClaimWaiter<'_>],
    ) -> Result<Vec<Claim>, BrokerError> {
        let registrations = self
            .workers
            .iter()
            .map(|worker| worker.session.registration());
        let registrations = all(registrations.collect())?;
        let mut claims = Vec::new();
        for (shard, (worker, registration)) in self.workers.iter().zip(&registrations).enumerate() {
            let left = max.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX));
            let pushed = worker.session.take_pushed(registration, left);
            if pushed
                .iter()
                .any(|pushed: &PushedClaim| pushed.waiter == waiters[shard].id)
            {
                waiters[shard].set_removed();
            }
            if !pushed.is_empty() {
                self.order().record(shard, pushed.len(), None);
            }
            self.add_held(shard, pushed.len());
            claims.extend(pushed.into_iter().filter_map(PushedClaim::into_claim));
        }
        Ok(claims)
    }

    /// Claims what is queued in the shards that may have work.
    async fn claim_in_order(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        for (shard, worker) in self.workers.iter().enumerate() {
            if worker.session.work.notified().now_or_never().is_some() {
                self.order().may_have_work(shard);
            }
        }
        let mut claims: Vec<Claim> = Vec::new();
        let mut failed = None;
        let mut failures = 0;
        loop {
            let left = max.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX));
            let next = self.order().next(left).filter(|_next| left > 0);
            let Some((shard, share)) = next else { break };
            let worker = &self.workers[shard];
            let request = ClaimRequest {
                max: share,
                waiter: None,
                held_on_other_shards: self.held_on_others(shard),
            };
            let claimed = match worker.session.registration() {
                Ok(registration) => worker.claim_queued(&registration, &request).await,
                Err(error) => Err(error),
            };
            match claimed {
                Ok((taken, weight)) => {
                    self.order().record(shard, taken.len(), Some(weight));
                    self.add_held(shard, taken.len());
                    claims.extend(taken);
                }
                // The worker already holds the claims of the other shards.
                Err(_unregistered) if !claims.is_empty() => break,
                Err(BrokerError::Unavailable(why)) => {
                    // The next round asks it again; the others continue.
                    self.order().record(shard, 0, None);
                    failures += 1;
                    failed = Some(BrokerError::Unavailable(why));
                }
                Err(error) => return Err(error),
            }
        }
        match failed {
            Some(error) if failures == self.workers.len() => Err(error),
            _ => Ok(claims),
        }
    }

    /// Registers a waiter with each shard for its part; returns early with queued attempts.
    async fn register_waiters<'p>(
        &'p self,
        part: u32,
        waiters: &mut [ClaimWaiter<'p>],
    ) -> Result<Vec<Claim>, BrokerError> {
        for (shard, worker) in self.workers.iter().enumerate() {
            let registration = worker.session.registration()?;
            waiters[shard].set_registered(&registration);
            let request = ClaimRequest {
                max: part,
                waiter: Some((waiters[shard].id, part)),
                held_on_other_shards: self.held_on_others(shard),
            };
            match worker.claim_queued(&registration, &request).await {
                Ok((claims, weight)) if !claims.is_empty() => {
                    waiters[shard].set_removed();
                    self.order().record(shard, claims.len(), Some(weight));
                    self.add_held(shard, claims.len());
                    return Ok(claims);
                }
                // The next round asks an unavailable shard again.
                Ok(_) | Err(BrokerError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Vec::new())
    }
}

/// The first error, or all answers.
fn all<T>(answers: Vec<Result<T, BrokerError>>) -> Result<Vec<T>, BrokerError> {
    answers.into_iter().collect()
}

#[async_trait]
impl WorkerBroker for ShardedWorker {
    async fn register(
        &self,
        worker: &WorkerInfo,
        holding: &[HeldClaim],
    ) -> Result<LeaseTerms, BrokerError> {
        let handles = self.refresh_handles();
        let parts = handles.split(holding.iter().copied(), |claim| &claim.key);
        handles.set_held(&parts);
        let registered = parts
            .iter()
            .map(|(handle, holding)| handle.register(worker, holding));
        let terms = all(join_all(registered).await)?;
        // The terms that every shard grants.
        Ok(LeaseTerms {
            lease: terms
                .iter()
                .map(|terms| terms.lease)
                .min()
                .unwrap_or_default(),
            renew_every: terms
                .iter()
                .map(|terms| terms.renew_every)
                .min()
                .unwrap_or_default(),
        })
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        self.call(async |handles| match handles.only() {
            Some(worker) => worker.claim(max).await,
            None => handles.claim(max).await,
        })
        .await
    }

    async fn renew(&self, attempts: &[HeldClaim]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.call(async |handles| {
            let parts = handles.split(attempts.iter().copied(), |claim| &claim.key);
            handles.set_held(&parts);
            let renewed = parts.iter().enumerate().map(|(shard, (worker, keys))| {
                worker.renew_leases(keys, handles.held_on_others(shard))
            });
            let mut lost = all(join_all(renewed).await)?.concat();
            let served = |key: &AttemptKey| {
                let mut shards = handles.served.iter();
                shards.any(|redis| redis.options.shard == key.shard)
            };
            let attempts = attempts.iter().map(|claim| claim.key);
            lost.extend(attempts.filter(|key| !served(key)));
            Ok(lost)
        })
        .await
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        self.call(async |handles| {
            for report in &reports {
                handles.remove_held(&report.key);
            }
            let parts = handles.split(reports, |report| &report.key);
            let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
            let reported = parts.map(|(worker, part)| worker.report(part));
            all(join_all(reported).await).map(drop)
        })
        .await
    }

    async fn release(&self, attempts: &[HeldClaim]) -> Result<(), BrokerError> {
        self.call(async |handles| {
            for claim in attempts {
                handles.remove_held(&claim.key);
            }
            let parts = handles.split(attempts.iter().copied(), |claim| &claim.key);
            let given = parts.iter().map(|(worker, keys)| worker.release(keys));
            all(join_all(given).await).map(drop)
        })
        .await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        self.call(async |handles| {
            let signals = handles.workers.iter().map(|worker| worker.signals(max));
            let (signals, _shard, _others) = select_all(signals).await;
            let signals = signals?;
            for signal in &signals {
                if let Signal::Revoked(key) = signal {
                    handles.remove_held(key);
                }
            }
            Ok(signals)
        })
        .await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.call(async |handles| {
            let paused = handles.workers.iter().map(|worker| worker.pause());
            all(join_all(paused).await).map(drop)
        })
        .await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.call(async |handles| {
            let left = handles.workers.iter().map(|worker| worker.leave());
            all(join_all(left).await).map(drop)
        })
        .await
    }
}
