//! The service: one task that owns all shards of this process.

mod leases;

use crate::{
    clock::Clock,
    commit::Deposed,
    fault::planted,
    feed::Feed,
    handle::{Handle, Heartbeat, Request, Wake},
    options::{COMMIT_RETRY, COMMIT_RETRY_MAX, Deps, NOTICES_A_TURN, REQUESTS, SchedulerOptions},
    shard::{Context, Shard},
    versions::Versions,
};
use futures_util::future::select_all;
use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use weft_broker::{AttemptKey, BrokerError, Notice};
use weft_store::{DagKey, ShardId, StoreError};

/// Why a scheduler stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The database holds something that no scheduler can work with.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker was shut down.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// A scheduler that is not running yet.
pub struct Scheduler {
    deps: Deps,
    options: SchedulerOptions,
    handle: Handle,
    requests: mpsc::Receiver<Request>,
}

/// What the loop waits for.
enum Event {
    /// From the workers of a shard.
    Notices(ShardId, Result<Vec<Notice>, BrokerError>),
    /// Through a handle.
    Request(Request),
    /// A timer, a scheduled run, a late commit, a sweep.
    Time,
    /// Somebody wants it to end.
    Shutdown,
}

impl Scheduler {
    /// A scheduler, and what others hold of it.
    pub fn new(options: SchedulerOptions, deps: Deps) -> (Self, Handle) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        let handle = Handle {
            requests: sender,
            feed: Feed::new(),
            heartbeat: Arc::new(Heartbeat::default()),
        };
        let scheduler = Self {
            deps,
            options,
            handle: handle.clone(),
            requests,
        };
        (scheduler, handle)
    }

    /// Schedules until `shutdown` is ready; then commits what has happened and
    /// gives its shards back. Dropping the future at any point loses nothing
    /// that was acknowledged.
    ///
    /// # Errors
    /// Only what no waiting mends; a database or broker that doesn't answer is waited for.
    pub async fn run(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        let Self {
            deps,
            options,
            handle,
            requests,
        } = self;
        let shown = patiently(|| deps.store.now()).await?;
        let random = options
            .seed
            .map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let context = Context {
            versions: Versions::new(options.defaults.clone()),
            clock: Clock::set(shown),
            random,
            feed: handle.feed.clone(),
            heartbeat: Arc::clone(&handle.heartbeat),
            output_bytes: 0,
            policy_generation: 0,
            deps,
            options,
        };
        let mut service = Service {
            context,
            shards: BTreeMap::new(),
            requests,
            next_sweep: Instant::now(),
            next_renewal: Instant::now(),
            lease_ends: Instant::now(),
            failing: None,
            orphan_reports: Vec::new(),
            may_own_more: true,
        };
        service.run(shutdown).await
    }
}

struct Service {
    context: Context,
    shards: BTreeMap<ShardId, Shard>,
    requests: mpsc::Receiver<Request>,
    next_sweep: Instant,
    next_renewal: Instant,
    /// By this machine's clock, counted from before the renewal was asked for.
    lease_ends: Instant,
    /// The database didn't answer the last turn: until when it is left in peace,
    /// and how long that is.
    failing: Option<(Instant, Duration)>,
    /// Reports of runs that are not in memory.
    orphan_reports: Vec<AttemptKey>,
    /// The database may count shards as its own that it knows nothing of: those
    /// of a process that had its name before, and those that it gave up.
    may_own_more: bool,
}

impl Service {
    async fn run(
        &mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        tokio::pin!(shutdown);
        loop {
            self.renew().await?;
            let event = self.next_event(shutdown.as_mut()).await;
            let ending = matches!(event, Event::Shutdown);
            let began = Instant::now();
            self.handle(event).await?;
            while let Ok(request) = self.requests.try_recv() {
                self.request(request);
            }
            self.turn().await?;
            self.context.heartbeat.metrics.turned(began.elapsed());
            self.context.heartbeat.record_turn();
            if ending {
                break;
            }
        }
        self.context
            .deps
            .store
            .release_shards(&self.context.options.id)
            .await?;
        Ok(())
    }

    async fn next_event(&mut self, shutdown: impl Future<Output = ()> + Send) -> Event {
        let wake = self.wake_at();
        let owns = !self.shards.is_empty();
        let news = news(&self.shards);
        tokio::select! {
            biased;
            () = shutdown => Event::Shutdown,
            (shard, notices) = news, if owns => Event::Notices(shard, notices),
            Some(request) = self.requests.recv() => Event::Request(request),
            () = sleep_until(wake) => Event::Time,
        }
    }

    /// When the loop has something to do even if nothing happens.
    fn wake_at(&self) -> Instant {
        let due = self
            .shards
            .values()
            .flat_map(|shard| [shard.next_due(), shard.lazy_due()])
            .flatten()
            .min()
            .map(|at| self.context.clock.instant(at));
        let busy = self.shards.values().any(Shard::has_more_to_do);
        let mut wake = self.next_sweep.min(self.next_renewal);
        if let Some(due) = due {
            wake = wake.min(due);
        }
        let wake = if busy { Instant::now() } else { wake };
        // What failed is not tried again at once, however much there is to do.
        self.failing.map_or(wake, |(until, _)| wake.max(until))
    }

    async fn handle(&mut self, event: Event) -> Result<(), SchedulerError> {
        match event {
            Event::Notices(_shard, Ok(notices)) => {
                for notice in notices {
                    self.notice(notice);
                }
            }
            Event::Notices(shard, Err(error @ BrokerError::Closed)) => {
                // Another scheduler has the shard, which the database knows as well; or nobody has.
                self.next_renewal = Instant::now();
                self.renew().await?;
                if self.shards.contains_key(&shard) {
                    return Err(error.into());
                }
            }
            Event::Notices(_shard, Err(error @ BrokerError::Unregistered)) => {
                return Err(error.into());
            }
            Event::Notices(
                _shard,
                Err(error @ (BrokerError::Unavailable(_) | BrokerError::Full { .. })),
            ) => {
                tracing::warn!(%error, "the broker was asked for news");
                sleep(COMMIT_RETRY).await;
            }
            Event::Request(request) => self.request(request),
            Event::Time | Event::Shutdown => {}
        }
        Ok(())
    }

    fn notice(&mut self, notice: Notice) {
        let concerned = self
            .shards
            .values_mut()
            .find(|shard| shard.concerns(&notice));
        match (concerned, notice) {
            (Some(shard), notice) => shard.notice(&mut self.context, notice),
            (None, Notice::Finished(report)) => self.orphan_reports.push(report.key),
            (
                None,
                Notice::Started { .. }
                | Notice::Expired { .. }
                | Notice::Released { .. }
                | Notice::Demand,
            ) => {}
        }
    }

    fn request(&mut self, request: Request) {
        match request {
            Request::Wake(Wake::Queued(_)) if planted!(self.context, QueuedRunsUnseen) => {}
            Request::Wake(Wake::Queued(dag)) => self.queued(dag),
            Request::Wake(Wake::Command | Wake::Settings) => self.next_sweep = Instant::now(),
            Request::Wake(Wake::Shards) => self.next_renewal = Instant::now(),
            Request::Why {
                run,
                task,
                index,
                answer,
            } => {
                let reasons = self
                    .shards
                    .values()
                    .find_map(|shard| shard.why(run, task, index));
                // Whoever asked may have gone.
                drop(
                    answer.send(reasons.unwrap_or_else(|| vec![crate::why::Reason::RunNotActive])),
                );
            }
        }
    }

    fn queued(&mut self, dag: DagKey) {
        match self
            .shards
            .values_mut()
            .find(|shard| shard.dags.contains_key(&dag))
        {
            Some(shard) => drop(shard.to_start.insert(dag)),
            // It was deployed since the last look.
            None => self.next_sweep = Instant::now(),
        }
    }

    /// Everything that follows from what has happened, committed and told.
    async fn turn(&mut self) -> Result<(), SchedulerError> {
        let sweep = self.next_sweep <= Instant::now();
        if sweep {
            self.next_sweep = Instant::now() + self.context.options.sweep_every;
        }
        if let Err(error) = self.settle_orphan_reports().await {
            temporary(error)?;
        }
        let mut deposed = Vec::new();
        let mut fails = false;
        for (id, shard) in &mut self.shards {
            if let Err(error) = shard.advance(&mut self.context, sweep).await {
                temporary(error)?;
                fails = true;
            }
            if shard.wants_commit(self.context.now())
                && let Err(Deposed(_)) = shard.commit(&mut self.context).await
            {
                deposed.push(*id);
            }
        }
        self.failing = fails.then(|| {
            let wait = self.failing.map_or(COMMIT_RETRY, |(_, wait)| wait * 2);
            let wait = wait.min(COMMIT_RETRY_MAX);
            (Instant::now() + wait, wait)
        });
        if sweep {
            let mut ready = BTreeMap::<Arc<str>, u64>::new();
            for (queue, count) in self
                .shards
                .values()
                .flat_map(|shard| shard.order.ready_by_queue())
            {
                *ready.entry(Arc::clone(queue)).or_default() += count;
            }
            // What is too large for a queue's workers shows as a queue that nobody serves.
            for (queue, count) in self
                .shards
                .values()
                .flat_map(|shard| shard.order.oversized_by_queue())
            {
                let fitting = ready.entry(Arc::clone(queue)).or_default();
                *fitting = fitting.saturating_sub(count);
                *ready
                    .entry(format!("{queue}, too large").into())
                    .or_default() += count;
            }
            ready.retain(|_, count| *count > 0);
            self.context.heartbeat.is_ready(ready);
        }
        for shard in deposed {
            tracing::warn!(shard = shard.0, "another scheduler owns the shard now");
            self.shards.remove(&shard);
            self.next_renewal = Instant::now();
        }
        Ok(())
    }

    /// Confirms reports of runs that have ended long ago, or never were: nothing
    /// will ever come of them. A run of a shard that is not in memory is
    /// somebody else's, or comes into memory yet; its reports come again.
    async fn settle_orphan_reports(&mut self) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.orphan_reports) {
            let run = self.context.deps.store.run(key.run).await?;
            let shard = ShardId(key.shard.cast_signed());
            let shard = self.shards.get_mut(&shard).filter(|shard| match &run {
                Some(run) => {
                    shard.dags.contains_key(&run.dag) && !shard.runs.contains_key(&key.run)
                }
                None => true,
            });
            if let Some(shard) = shard {
                shard.changes.confirm.push(key);
                shard.changes.urgent = true;
            }
        }
        Ok(())
    }
}

impl Shard {
    /// Everything that follows from what has happened, in memory.
    async fn advance(&mut self, cx: &mut Context, sweep: bool) -> Result<(), StoreError> {
        if sweep {
            self.broker.set_weight(self.order.weight());
            self.tell_rest(cx);
            self.sweep(cx).await?;
            self.reconcile_attempts(cx).await?;
        }
        self.keep_crashes(cx).await?;
        if self.has_broker_calls() {
            self.call_broker().await;
        }
        let now = cx.now();
        while let Some((run, timer)) = self.timers.due(now) {
            // Rejected: what it was for has passed in another way.
            let _outdated = self.apply(cx, run, weft_core::run::Event::Due { timer });
        }
        if self.next_queued.is_some_and(|at| at <= now) {
            self.find_queued(cx).await?;
        }
        self.make_due_runs(cx).await?;
        self.start_queued(cx).await?;
        self.hand_out_unprepared(cx).await?;
        self.expand(cx).await?;
        self.dispatch(cx).await
    }

    /// Whether a bound ended the last turn before everything was done.
    fn has_more_to_do(&self) -> bool {
        !self.to_expand.is_empty() || !self.to_start.is_empty()
    }
}

/// The next notices of any shard.
async fn news(shards: &BTreeMap<ShardId, Shard>) -> (ShardId, Result<Vec<Notice>, BrokerError>) {
    let each = shards
        .iter()
        .map(|(id, shard)| Box::pin(async { (*id, shard.broker.receive(NOTICES_A_TURN).await) }));
    let (told, _which, _others) = select_all(each).await;
    told
}

/// A database that doesn't answer is waited for; anything else ends the scheduler.
fn temporary(error: StoreError) -> Result<(), SchedulerError> {
    match error {
        StoreError::Unavailable(_) | StoreError::Full(_) => {
            tracing::warn!(%error, "the database was asked");
            Ok(())
        }
        error @ (StoreError::Corrupt(_) | StoreError::Defect(_)) => Err(error.into()),
    }
}

/// Asks until there is an answer.
async fn patiently<T, F>(mut ask: impl FnMut() -> F) -> Result<T, SchedulerError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut wait: Duration = COMMIT_RETRY;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => temporary(error)?,
        }
        sleep(wait).await;
        wait = (wait * 2).min(COMMIT_RETRY_MAX);
    }
}
