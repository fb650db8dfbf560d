//! A worker's handle for all shards of an installation.
//!
//! The worker registers with each shard, and an attempt's name says to which of them whatever
//! is said of it goes. Where there is one shard this is its handle and nothing more.
//!
//! Where there are several, a claim asks those that may have something, in turns
//! ([`Turns`]). Nothing is taken that there is no room for: a worker with more free places
//! than there are shards waits in each for its part of them, so what is published is handed
//! to it at once; one with fewer is only woken, and then asks. With each claim and renewal a
//! shard hears how much the worker holds of others, so that its queue is kept no longer than
//! there are places.

use super::{
    RedisWorker,
    handed::{Ask, Handed},
    turns::Turns,
};
use crate::{MAX_WAIT, Redis};
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
    AttemptKey, BrokerError, Claim, LeaseTerms, Report, Signal, WorkerBroker, WorkerInfo,
};

/// The handle. What there is of shards may change: every call answers then that the worker is
/// not registered, until it has registered with what it holds.
#[derive(Debug)]
pub struct ShardedWorker {
    served: watch::Receiver<Arc<[Arc<Redis>]>>,
    team: Mutex<Arc<Team>>,
}

/// The handles of shards that the worker registered with.
#[derive(Debug)]
struct Team {
    served: Arc<[Arc<Redis>]>,
    workers: Vec<Arc<RedisWorker>>,
    turns: Mutex<Turns>,
    /// How many attempts the worker holds of each shard, about: what it lost without being told,
    /// it is told when it renews.
    held: Mutex<Vec<u32>>,
}

impl ShardedWorker {
    pub(crate) fn new(served: watch::Receiver<Arc<[Arc<Redis>]>>) -> Self {
        let team = Team::new(Arc::clone(&served.borrow()), &[]);
        Self {
            served,
            team: Mutex::new(Arc::new(team)),
        }
    }

    fn team(&self) -> Arc<Team> {
        // Nothing foreign is called while it is locked.
        Arc::clone(&self.team.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The team of the shards that there are now.
    fn renewed(&self) -> Arc<Team> {
        let served = Arc::clone(&self.served.borrow());
        let mut team = self.team.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&team.served, &served) {
            *team = Arc::new(Team::new(served, &team.workers));
        }
        Arc::clone(&team)
    }

    /// Calls the handles while they are those of the shards that there are.
    async fn call<T>(
        &self,
        call: impl AsyncFnOnce(Arc<Team>) -> Result<T, BrokerError>,
    ) -> Result<T, BrokerError> {
        let mut served = self.served.clone();
        let team = self.team();
        if !Arc::ptr_eq(&team.served, &served.borrow_and_update()) {
            return Err(BrokerError::Unregistered);
        }
        tokio::select! {
            biased;
            answer = call(team) => answer,
            Ok(()) = served.changed() => Err(BrokerError::Unregistered),
        }
    }
}

impl Team {
    fn new(served: Arc<[Arc<Redis>]>, before: &[Arc<RedisWorker>]) -> Self {
        let workers: Vec<_> = served
            .iter()
            .map(|redis| {
                let known = before
                    .iter()
                    .find(|worker| Arc::ptr_eq(&worker.post.redis, redis));
                known.map_or_else(|| Arc::new(redis.worker()), Arc::clone)
            })
            .collect();
        Self {
            turns: Mutex::new(Turns::new(workers.len())),
            held: Mutex::new(vec![0; workers.len()]),
            served,
            workers,
        }
    }

    /// How much of others the worker holds, for one shard; nothing where there are no others.
    fn beside(&self, shard: usize) -> Option<u32> {
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

    fn holds_more(&self, shard: usize, count: usize) {
        let held = &mut self.held()[shard];
        *held = held.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn holds_less(&self, key: &AttemptKey) {
        let mut shards = self.served.iter();
        if let Some(shard) = shards.position(|redis| redis.options.shard == key.shard) {
            let held = &mut self.held()[shard];
            *held = held.saturating_sub(1);
        }
    }

    /// What the worker itself says that it holds.
    fn holds<T>(&self, parts: &[(&Arc<RedisWorker>, Vec<T>)]) {
        let counts = parts.iter().map(|(_, part)| part.len());
        *self.held() = counts
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX))
            .collect();
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The only handle, where there is one shard.
    fn only(&self) -> Option<&Arc<RedisWorker>> {
        match &*self.workers {
            [worker] => Some(worker),
            _ => None,
        }
    }

    /// The handle of each shard with what of this is its own. Of a shard that is not served
    /// nobody can say anything.
    fn each<T>(
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
                let shard = worker.post.redis.options.shard;
                (worker, by_shard.remove(&shard).unwrap_or_default())
            })
            .collect()
    }

    async fn claim(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        let max = max.max(1);
        // What may be handed to all that wait together is no more than was asked for.
        let part = max / u32::try_from(self.workers.len()).unwrap_or(u32::MAX);
        let mut asks: Vec<Ask<'_>> = self
            .workers
            .iter()
            .map(|worker| Ask::new(&worker.post))
            .collect();
        loop {
            let claims = self.handed(max, &mut asks)?;
            if !claims.is_empty() {
                return Ok(claims);
            }
            let claims = self.take_in_turns(max).await?;
            if !claims.is_empty() {
                return Ok(claims);
            }
            if part > 0 {
                let claims = self.wait_in_each(part, &mut asks).await?;
                if !claims.is_empty() {
                    return Ok(claims);
                }
            }
            let work = self.workers.iter().map(|worker| {
                let woken = worker.post.work.notified();
                woken.boxed()
            });
            match timeout(MAX_WAIT, select_all(work)).await {
                Ok(((), shard, _others)) => self.turns().may_have(shard),
                // Who waits in each asks each anyway.
                Err(_elapsed) if part > 0 => {}
                Err(_elapsed) => {
                    for shard in 0..self.workers.len() {
                        self.turns().may_have(shard);
                    }
                }
            }
        }
    }

    /// What was handed to the worker while it waited, from whichever shard.
    fn handed(&self, max: u32, asks: &mut [Ask<'_>]) -> Result<Vec<Claim>, BrokerError> {
        let sessions = self.workers.iter().map(|worker| worker.post.session());
        let sessions = all(sessions.collect())?;
        let mut claims = Vec::new();
        for (shard, (worker, session)) in self.workers.iter().zip(&sessions).enumerate() {
            let left = max.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX));
            let handed = worker.post.handed(session, left);
            if handed
                .iter()
                .any(|handed: &Handed| handed.ask == asks[shard].name)
            {
                asks[shard].is_over();
            }
            if !handed.is_empty() {
                self.turns().gave(shard, handed.len(), None);
            }
            self.holds_more(shard, handed.len());
            claims.extend(handed.into_iter().filter_map(Handed::into_claim));
        }
        Ok(claims)
    }

    /// What there is in shards that may have something.
    async fn take_in_turns(&self, max: u32) -> Result<Vec<Claim>, BrokerError> {
        for (shard, worker) in self.workers.iter().enumerate() {
            if worker.post.work.notified().now_or_never().is_some() {
                self.turns().may_have(shard);
            }
        }
        let mut claims: Vec<Claim> = Vec::new();
        let mut failed = None;
        let mut failures = 0;
        loop {
            let left = max.saturating_sub(u32::try_from(claims.len()).unwrap_or(u32::MAX));
            let next = self.turns().next(left).filter(|_next| left > 0);
            let Some((shard, share)) = next else { break };
            let worker = &self.workers[shard];
            let taken = match worker.post.session() {
                Ok(session) => worker.take(&session, share, None, self.beside(shard)).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok((taken, weight)) => {
                    self.turns().gave(shard, taken.len(), Some(weight));
                    self.holds_more(shard, taken.len());
                    claims.extend(taken);
                }
                // What was taken already is the worker's all the same.
                Err(_unregistered) if !claims.is_empty() => break,
                Err(BrokerError::Unavailable(why)) => {
                    // It is asked again after a wait; others go on.
                    self.turns().gave(shard, 0, None);
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

    /// Waits in each shard for its part: what there is now is taken at once.
    async fn wait_in_each<'p>(
        &'p self,
        part: u32,
        asks: &mut [Ask<'p>],
    ) -> Result<Vec<Claim>, BrokerError> {
        for (shard, worker) in self.workers.iter().enumerate() {
            let session = worker.post.session()?;
            asks[shard].begins(&session);
            let taken = worker.take(
                &session,
                part,
                Some((asks[shard].name, part)),
                self.beside(shard),
            );
            match taken.await {
                Ok((claims, weight)) if !claims.is_empty() => {
                    asks[shard].is_over();
                    self.turns().gave(shard, claims.len(), Some(weight));
                    self.holds_more(shard, claims.len());
                    return Ok(claims);
                }
                // One that can't be reached is asked again after the wait.
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
        holding: &[AttemptKey],
    ) -> Result<LeaseTerms, BrokerError> {
        let team = self.renewed();
        let parts = team.each(holding.iter().copied(), |key| key);
        team.holds(&parts);
        let registered = parts
            .iter()
            .map(|(handle, holding)| handle.register(worker, holding));
        let terms = all(join_all(registered).await)?;
        // What holds in every shard.
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
        self.call(async |team| match team.only() {
            Some(worker) => worker.claim(max).await,
            None => team.claim(max).await,
        })
        .await
    }

    async fn renew(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.call(async |team| {
            let parts = team.each(attempts.iter().copied(), |key| key);
            team.holds(&parts);
            let renewed = parts.iter().enumerate().map(|(shard, (worker, keys))| {
                worker.renew_beside_others(keys, team.beside(shard))
            });
            let mut lost = all(join_all(renewed).await)?.concat();
            let served = |key: &AttemptKey| {
                let mut shards = team.served.iter();
                shards.any(|redis| redis.options.shard == key.shard)
            };
            lost.extend(attempts.iter().filter(|key| !served(key)));
            Ok(lost)
        })
        .await
    }

    async fn report(&self, reports: Vec<Report>) -> Result<(), BrokerError> {
        self.call(async |team| {
            for report in &reports {
                team.holds_less(&report.key);
            }
            let parts = team.each(reports, |report| &report.key);
            let parts = parts.into_iter().filter(|(_, part)| !part.is_empty());
            let reported = parts.map(|(worker, part)| worker.report(part));
            all(join_all(reported).await).map(drop)
        })
        .await
    }

    async fn release(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.call(async |team| {
            for key in attempts {
                team.holds_less(key);
            }
            let parts = team.each(attempts.iter().copied(), |key| key);
            let given = parts.iter().map(|(worker, keys)| worker.release(keys));
            all(join_all(given).await).map(drop)
        })
        .await
    }

    async fn signals(&self, max: usize) -> Result<Vec<Signal>, BrokerError> {
        self.call(async |team| {
            let signals = team.workers.iter().map(|worker| worker.signals(max));
            let (signals, _shard, _others) = select_all(signals).await;
            let signals = signals?;
            for signal in &signals {
                if let Signal::Revoked(key) = signal {
                    team.holds_less(key);
                }
            }
            Ok(signals)
        })
        .await
    }

    async fn pause(&self) -> Result<(), BrokerError> {
        self.call(async |team| {
            let paused = team.workers.iter().map(|worker| worker.pause());
            all(join_all(paused).await).map(drop)
        })
        .await
    }

    async fn leave(&self) -> Result<(), BrokerError> {
        self.call(async |team| {
            let left = team.workers.iter().map(|worker| worker.leave());
            all(join_all(left).await).map(drop)
        })
        .await
    }
}
