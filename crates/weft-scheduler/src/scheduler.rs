//! The service: one task that owns all shards of this process.
//!
//! Only this module and its submodules await: the `driver` reads and calls for a shard's turn,
//! `leases` takes and releases shards, and the loop here waits for events.

mod driver;
mod leases;
mod orphan_reports;

use crate::{
    context::Context,
    feed::Feed,
    handle::{Handle, Request, Wake},
    heartbeat::Heartbeat,
    limits::{MAX_NOTICES_PER_TURN, MAX_WAITING_REQUESTS, MIN_RETRY_DELAY},
    options::{Deps, SchedulerOptions},
    ready_count::ReadyCounts,
    retry::RetryDelays,
    shard::Shard,
    steps::notices,
    why::{self, Reason},
};
use driver::{Deposed, Driver};
use futures_util::future::select_all;
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use weft_broker::{AttemptKey, BrokerError, Notice};
use weft_core::time::Timestamp;
use weft_store::{DagKey, ShardId, StoreError};

/// Why a scheduler stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The database contains something that no scheduler can work with.
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
    /// Notices of a shard's broker.
    Notices(ShardId, Result<Vec<Notice>, BrokerError>),
    /// A request of a handle.
    Request(Request),
    /// A timer, a scheduled run, a late commit or a sweep is due.
    Time,
    /// The caller shuts the scheduler down.
    Shutdown,
}

impl Scheduler {
    /// A scheduler, and the handle of it.
    pub fn new(options: SchedulerOptions, deps: Deps) -> (Self, Handle) {
        let (sender, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
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

    /// Schedules until `shutdown` is ready; then commits what has happened and releases its
    /// shards. A future that is dropped at any point loses nothing that was acknowledged.
    ///
    /// # Errors
    /// Errors that a retry does not fix. Calls to a database or broker that does not answer are
    /// retried.
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
        let now = read_clock(&deps).await?;
        let mut service = Service {
            context: Context::new(options, now, handle.feed, handle.heartbeat),
            deps,
            shards: BTreeMap::new(),
            requests,
            next_sweep: Instant::now(),
            next_renewal: Instant::now(),
            lease_ends: Instant::now(),
            backoff: None,
            orphan_reports: Vec::new(),
            may_own_more: true,
        };
        service.run(shutdown).await
    }
}

struct Service {
    deps: Deps,
    context: Context,
    shards: BTreeMap<ShardId, Shard>,
    requests: mpsc::Receiver<Request>,
    next_sweep: Instant,
    next_renewal: Instant,
    /// By this machine's clock, counted from before the call that renewed the leases.
    lease_ends: Instant,
    /// The database did not answer the last turn.
    backoff: Option<Backoff>,
    /// Reports of runs that are not in memory.
    orphan_reports: Vec<AttemptKey>,
    /// The database may count shards as this scheduler's which it does not own: those of a
    /// process that had its name before, and those that it gave up.
    may_own_more: bool,
}

/// How long the loop waits after a failed turn.
struct Backoff {
    until: Instant,
    delays: RetryDelays,
}

impl Service {
    async fn run(
        &mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        tokio::pin!(shutdown);
        loop {
            self.renew_leases().await?;
            let event = self.next_event(shutdown.as_mut()).await;
            let is_last = matches!(event, Event::Shutdown);
            let began = Instant::now();
            self.handle_event(event).await?;
            while let Ok(request) = self.requests.try_recv() {
                self.handle_request(request);
            }
            self.run_turn().await?;
            let heartbeat = &self.context.heartbeat;
            heartbeat.metrics.record_iteration(began.elapsed());
            heartbeat.record_iteration();
            if is_last {
                break;
            }
        }
        let id = &self.context.options.id;
        self.deps.store.release_shards(id).await?;
        Ok(())
    }

    async fn next_event(&mut self, shutdown: impl Future<Output = ()> + Send) -> Event {
        let wake = self.wake_at();
        let owns_shards = !self.shards.is_empty();
        let notices = receive_notices(&self.shards);
        tokio::select! {
            biased;
            () = shutdown => Event::Shutdown,
            (shard, notices) = notices, if owns_shards => Event::Notices(shard, notices),
            Some(request) = self.requests.recv() => Event::Request(request),
            () = sleep_until(wake) => Event::Time,
        }
    }

    /// When the loop has work even if no event arrives.
    fn wake_at(&self) -> Instant {
        let due = self.shards.values().filter_map(Shard::next_due).min();
        let due = due.map(|at| self.context.clock.instant(at));
        let mut wake = self.next_sweep.min(self.next_renewal);
        if let Some(due) = due {
            wake = wake.min(due);
        }
        if self.shards.values().any(Shard::has_more_work) {
            wake = Instant::now();
        }
        // A failed call is not retried at once, however much work there is.
        let backoff = self.backoff.as_ref();
        backoff.map_or(wake, |backoff| wake.max(backoff.until))
    }

    async fn handle_event(&mut self, event: Event) -> Result<(), SchedulerError> {
        match event {
            Event::Notices(_shard, Ok(notices)) => {
                for notice in notices {
                    self.handle_notice(notice);
                }
            }
            Event::Notices(shard, Err(error @ BrokerError::Closed)) => {
                // Another scheduler has taken the shard over, and the database shows it; otherwise
                // the broker was shut down.
                self.next_renewal = Instant::now();
                self.renew_leases().await?;
                if self.shards.contains_key(&shard) {
                    return Err(error.into());
                }
            }
            Event::Notices(_shard, Err(error @ BrokerError::Unregistered)) => {
                return Err(error.into());
            }
            Event::Notices(
                shard,
                Err(error @ (BrokerError::Unavailable(_) | BrokerError::Full { .. })),
            ) => {
                tracing::warn!(%error, shard = shard.0, operation = "receive notices", "broker call failed; retrying next turn");
                sleep(MIN_RETRY_DELAY).await;
            }
            Event::Request(request) => self.handle_request(request),
            Event::Time | Event::Shutdown => {}
        }
        Ok(())
    }

    fn handle_notice(&mut self, notice: Notice) {
        let Some(run) = notices::run_of(&notice) else {
            return;
        };
        let shard = self
            .shards
            .values_mut()
            .find(|shard| shard.runs.contains(run));
        if let Some(shard) = shard {
            notices::apply_notice(shard, &mut self.context, notice);
        } else if let Notice::Finished(report) = notice {
            self.orphan_reports.push(report.key);
        }
    }

    fn handle_request(&mut self, request: Request) {
        match request {
            Request::Wake(Wake::Queued(dag)) => {
                if self.context.faults.finds_queued_runs() {
                    self.wake_dag(dag);
                }
            }
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
                    .find_map(|shard| why::reasons(&shard.runs, &shard.queue, run, task, index));
                let reasons = reasons.unwrap_or_else(|| vec![Reason::RunNotActive]);
                // The caller may have gone.
                drop(answer.send(reasons));
            }
        }
    }

    fn wake_dag(&mut self, dag: DagKey) {
        let mut shards = self.shards.values_mut();
        match shards.find(|shard| shard.runs.contains_dag(dag)) {
            Some(shard) => shard.schedule.mark_startable(dag),
            // It was deployed since the last sweep.
            None => self.next_sweep = Instant::now(),
        }
    }

    /// Does everything that follows from what has happened, and commits it.
    async fn run_turn(&mut self) -> Result<(), SchedulerError> {
        let is_sweep = self.next_sweep <= Instant::now();
        if is_sweep {
            self.next_sweep = Instant::now() + self.context.options.sweep_every;
        }
        if let Err(error) = self.settle_orphan_reports().await {
            check_temporary(error, "read run")?;
        }
        let mut deposed = Vec::new();
        let mut has_failed = false;
        for (id, shard) in &mut self.shards {
            let mut driver = Driver::new(&self.deps, &mut self.context, shard);
            if let Err(error) = driver.advance(is_sweep).await {
                check_temporary(error, "advance shard")?;
                has_failed = true;
            }
            if let Err(Deposed(_)) = driver.commit_if_due().await {
                deposed.push(*id);
            }
        }
        self.set_backoff(has_failed);
        if is_sweep {
            self.publish_ready_counts();
        }
        for shard in deposed {
            tracing::warn!(
                shard = shard.0,
                operation = "commit turn",
                "another scheduler owns the shard; it is dropped here"
            );
            self.shards.remove(&shard);
            self.next_renewal = Instant::now();
        }
        Ok(())
    }

    fn set_backoff(&mut self, has_failed: bool) {
        let before = self.backoff.take();
        if has_failed {
            let mut delays = before.map_or_else(RetryDelays::default, |backoff| backoff.delays);
            let until = Instant::now() + delays.next_delay();
            self.backoff = Some(Backoff { until, delays });
        }
    }

    fn publish_ready_counts(&self) {
        let mut ready = ReadyCounts::default();
        for shard in self.shards.values() {
            shard.queue.count_ready(&mut ready);
        }
        self.context.heartbeat.set_ready(ready);
    }
}

/// The next notices of any shard.
async fn receive_notices(
    shards: &BTreeMap<ShardId, Shard>,
) -> (ShardId, Result<Vec<Notice>, BrokerError>) {
    let each = shards.iter().map(|(id, shard)| {
        Box::pin(async { (*id, shard.broker.receive(MAX_NOTICES_PER_TURN).await) })
    });
    let (received, _which, _others) = select_all(each).await;
    received
}

/// A call to a database that does not answer is retried; any other error ends the scheduler.
fn check_temporary(error: StoreError, operation: &'static str) -> Result<(), SchedulerError> {
    match error {
        StoreError::Unavailable(_) | StoreError::Full(_) => {
            tracing::warn!(%error, operation, "database call failed; it is retried after a delay");
            Ok(())
        }
        error @ (StoreError::Corrupt(_) | StoreError::Defect(_)) => Err(error.into()),
    }
}

/// Reads the database's clock, and retries until it answers.
async fn read_clock(deps: &Deps) -> Result<Timestamp, SchedulerError> {
    let mut delays = RetryDelays::default();
    loop {
        match deps.store.now().await {
            Ok(now) => return Ok(now),
            Err(error) => check_temporary(error, "read clock")?,
        }
        sleep(delays.next_delay()).await;
    }
}
