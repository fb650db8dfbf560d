//! The task of one shard: it takes the shard over, and then loops over events and turns.

use super::{
    SchedulerError, check_temporary,
    driver::{Driver, TurnError},
    orphans::{Found, Lookups, Orphan, Orphans},
    reader::ReaderHandle,
};
use crate::{
    context::Context,
    faults::FaultPoints,
    handle::{Question, Wake},
    heartbeat::ShardHeartbeat,
    limits::{MAX_NOTICES_PER_TURN, MAX_RETRY_DELAY, MIN_RETRY_DELAY},
    options::Deps,
    ready_count::ReadyCounts,
    retry::RetryDelays,
    shard::{Dropped, Shard, reads::ReadAnswer},
    steps::{notices, reads},
    why,
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep, sleep_until},
};
use weft_broker::{BrokerError, Notice};
use weft_store::{DagKey, ShardLease};

/// What the supervisor sends a shard.
#[derive(Debug, Clone)]
pub(super) enum ShardRequest {
    Wake(Wake),
    Why(Question),
}

/// Why the task of a shard ended by itself.
#[derive(Debug)]
pub(super) enum ShardEnd {
    /// As it was requested, after its last turn.
    Stopped,
    /// Everything in memory of the shard is void.
    Dropped(Dropped),
    /// The shard's broker knows a later epoch than the database.
    Outdated,
    /// The shard's broker refuses the lease.
    Refused,
    /// An error that ends the scheduler.
    Failed(SchedulerError),
}

impl From<SchedulerError> for ShardEnd {
    fn from(error: SchedulerError) -> Self {
        Self::Failed(error)
    }
}

impl From<Dropped> for ShardEnd {
    fn from(dropped: Dropped) -> Self {
        Self::Dropped(dropped)
    }
}

/// What a shard publishes for the supervisor.
#[derive(Debug, Clone, Default)]
pub(super) struct ShardFacts {
    /// Whether it has been recovered.
    pub(super) is_recovered: bool,
    /// Its runs in memory.
    pub(super) runs: usize,
    /// Its DAGs, as of this version of its settings.
    pub(super) dags: Arc<BTreeSet<DagKey>>,
    settings: i64,
}

/// What the loop waits for.
enum Event {
    /// Notices of the shard's broker.
    Notices(Result<Vec<Notice>, BrokerError>),
    /// A request that the supervisor routed here.
    Request(ShardRequest),
    /// Outputs that were read.
    Read(ReadAnswer),
    /// Runs that were looked up; nothing where the database can't say.
    LookedUp(Option<Found>),
    /// A timer, a scheduled run, a late commit or a sweep is due.
    Time,
    /// The shard is to be released.
    Stop,
}

/// A shard that is not in memory yet.
pub(super) struct ShardTask {
    deps: Deps,
    cx: Context,
    reader: ReaderHandle,
    lookups: Lookups,
    lease: ShardLease,
    requests: mpsc::Receiver<ShardRequest>,
    facts: watch::Sender<ShardFacts>,
}

/// A shard in memory, and its loop.
pub(super) struct ShardLoop {
    deps: Deps,
    cx: Context,
    reader: ReaderHandle,
    lookups: Lookups,
    shard: Shard,
    requests: mpsc::Receiver<ShardRequest>,
    facts: watch::Sender<ShardFacts>,
    heartbeat: ShardHeartbeat,
    next_sweep: Instant,
    /// The database did not answer the last turn.
    backoff: Option<Backoff>,
    orphans: Orphans,
}

/// How long the loop waits after a failed turn.
struct Backoff {
    until: Instant,
    delays: RetryDelays,
}

impl ShardTask {
    pub(super) fn new(
        deps: Deps,
        cx: Context,
        (reader, lookups): (ReaderHandle, Lookups),
        lease: ShardLease,
        requests: mpsc::Receiver<ShardRequest>,
        facts: watch::Sender<ShardFacts>,
    ) -> Self {
        Self {
            deps,
            cx,
            reader,
            lookups,
            lease,
            requests,
            facts,
        }
    }

    /// Takes the shard over and schedules it, until `stop` is sent or dropped.
    pub(super) async fn run(mut self, stop: oneshot::Receiver<()>) -> ShardEnd {
        let shard = match self.recover().await {
            Ok(shard) => shard,
            Err(end) => return end,
        };
        let Self {
            deps,
            cx,
            reader,
            lookups,
            lease,
            requests,
            facts,
        } = self;
        let heartbeat = ShardHeartbeat::start(Arc::clone(&cx.heartbeat), lease);
        let mut running = ShardLoop {
            deps,
            cx,
            reader,
            lookups,
            shard,
            requests,
            facts,
            heartbeat,
            next_sweep: Instant::now(),
            backoff: None,
            orphans: Orphans::default(),
        };
        match running.run(stop).await {
            Ok(()) => ShardEnd::Stopped,
            Err(end) => end,
        }
    }

    /// Takes the shard's broker over and reads the shard, and repeats both until they succeed or
    /// the supervisor drops the shard.
    async fn recover(&mut self) -> Result<Shard, ShardEnd> {
        let mut delays = RetryDelays::default();
        loop {
            self.cx.follow_clock();
            let shard = self.lease.shard.0;
            let broker = match self.deps.brokers.take_over(self.lease).await {
                Ok(broker) => broker,
                Err(BrokerError::Closed) => return Err(ShardEnd::Outdated),
                Err(error) => {
                    tracing::warn!(%error, shard, operation = "take over", "broker call failed; the shard is taken over later");
                    sleep(MAX_RETRY_DELAY).await;
                    continue;
                }
            };
            let mut shard = Shard::new(self.lease, broker, self.cx.memory.clone());
            let mut driver = Driver::new(&self.deps, &mut self.cx, &mut shard);
            match driver.recover().await {
                Ok(()) => return Ok(shard),
                Err(TurnError::Store(error)) => check_temporary(error, "recover shard")?,
                Err(TurnError::Dropped(dropped)) => return Err(dropped.into()),
            }
            sleep(delays.next_delay()).await;
        }
    }
}

impl ShardLoop {
    async fn run(&mut self, mut stop: oneshot::Receiver<()>) -> Result<(), ShardEnd> {
        self.publish_facts();
        loop {
            let event = self.next_event(&mut stop).await;
            let began = Instant::now();
            self.cx.follow_clock();
            let is_last = matches!(event, Event::Stop);
            self.handle_event(event).await?;
            while let Ok(request) = self.requests.try_recv() {
                self.handle_request(request);
            }
            while let Some(answer) = self.reader.try_receive() {
                self.apply_answer(answer);
            }
            self.run_turn().await?;
            if is_last {
                return self.commit_last_turn().await;
            }
            self.publish_facts();
            self.cx.heartbeat.metrics.record_iteration(began.elapsed());
            self.heartbeat.record_iteration();
        }
    }

    async fn next_event(&mut self, stop: &mut oneshot::Receiver<()>) -> Event {
        let wake = self.wake_at();
        tokio::select! {
            biased;
            // Sent or dropped.
            _stopped = stop => Event::Stop,
            notices = self.shard.broker.receive(MAX_NOTICES_PER_TURN) => Event::Notices(notices),
            answer = self.reader.receive() => Event::Read(answer),
            found = self.lookups.receive() => Event::LookedUp(found),
            Some(request) = self.requests.recv() => Event::Request(request),
            () = wait_until(wake) => Event::Time,
        }
    }

    /// When the loop has work even if no event arrives.
    fn wake_at(&self) -> Instant {
        let mut wake = self.next_sweep;
        if let Some(due) = self.shard.next_due() {
            wake = wake.min(self.cx.instant(due));
        }
        if self.shard.has_more_work() {
            wake = Instant::now();
        }
        // A failed call is not retried at once, however much work there is.
        let backoff = self.backoff.as_ref();
        backoff.map_or(wake, |backoff| wake.max(backoff.until))
    }

    async fn handle_event(&mut self, event: Event) -> Result<(), ShardEnd> {
        match event {
            Event::Notices(Ok(notices)) => {
                self.shard.queue.advance_time(self.cx.now());
                let mut driver = Driver::new(&self.deps, &mut self.cx, &mut self.shard);
                let unprepared = driver.prepare_calls(&notices).await;
                for (notice, is_unprepared) in notices.into_iter().zip(unprepared) {
                    if !is_unprepared {
                        self.handle_notice(notice);
                    }
                }
            }
            Event::Notices(Err(BrokerError::Closed)) => return Err(ShardEnd::Refused),
            Event::Notices(Err(error @ BrokerError::Unregistered)) => {
                return Err(ShardEnd::Failed(error.into()));
            }
            Event::Notices(Err(
                error @ (BrokerError::Unavailable(_) | BrokerError::Full { .. }),
            )) => {
                tracing::warn!(%error, shard = self.shard.id().0, operation = "receive notices", "broker call failed; retrying next turn");
                sleep(MIN_RETRY_DELAY).await;
            }
            Event::Read(answer) => self.apply_answer(answer),
            Event::LookedUp(found) => self.orphans.settle(&mut self.shard, found.as_ref()),
            Event::Request(request) => self.handle_request(request),
            Event::Time | Event::Stop => {}
        }
        Ok(())
    }

    fn handle_notice(&mut self, notice: Notice) {
        let Some(run) = notices::run_of(&notice) else {
            return;
        };
        if self.shard.runs.contains(run) {
            notices::apply_notice(&mut self.shard, &mut self.cx, notice);
            return;
        }
        match notice {
            Notice::Finished(report) => self.orphans.add(Orphan::Reported(report.key)),
            Notice::Started { key, worker: _ } => self.orphans.add(Orphan::Claimed(key)),
            Notice::Expired { key: _ } | Notice::Released { key: _ } | Notice::Demand => {}
        }
    }

    fn handle_request(&mut self, request: ShardRequest) {
        match request {
            ShardRequest::Wake(Wake::Queued(dag)) => {
                if self.cx.faults.finds_queued_runs() {
                    self.wake_dag(dag);
                }
            }
            // The supervisor renews the leases itself.
            ShardRequest::Wake(Wake::Command | Wake::Settings | Wake::Shards) => {
                self.next_sweep = Instant::now();
            }
            ShardRequest::Why(question) => {
                let shard = &self.shard;
                let (runs, queue) = (&shard.runs, &shard.queue);
                let checks = &shard.preconditions;
                let Question {
                    run,
                    task,
                    index,
                    answer,
                } = question;
                if let Some(reasons) = why::reasons(runs, queue, checks, run, task, index) {
                    // The caller may have gone.
                    drop(answer.try_send(reasons));
                }
            }
        }
    }

    fn apply_answer(&mut self, answer: ReadAnswer) {
        reads::apply_answer(&mut self.shard, &mut self.cx, answer);
    }

    /// Begins to read what the turn needs, as far as the bounds allow.
    fn begin_reads(&mut self) {
        let shard = &mut self.shard;
        while self.reader.has_capacity()
            && let Some(request) = shard.reads.begin(&shard.runs, &self.cx.memory)
        {
            self.reader.request(request);
        }
        reads::resume_ready(shard);
    }

    fn wake_dag(&mut self, dag: DagKey) {
        if self.shard.runs.contains_dag(dag) {
            self.shard.schedule.mark_startable(dag);
        } else {
            // It was deployed since the last sweep.
            self.next_sweep = Instant::now();
        }
    }

    /// Does everything that follows from what has happened, and commits it.
    async fn run_turn(&mut self) -> Result<(), ShardEnd> {
        let is_sweep = self.next_sweep <= Instant::now();
        if is_sweep {
            self.next_sweep = Instant::now() + self.cx.options.sweep_every;
        }
        let lookup = self.orphans.next_lookup();
        if !lookup.is_empty() {
            self.lookups.request(lookup);
        }
        let mut driver = Driver::new(&self.deps, &mut self.cx, &mut self.shard);
        let mut has_failed = false;
        match driver.advance(is_sweep).await {
            Ok(()) => {}
            Err(TurnError::Store(error)) => {
                check_temporary(error, "advance shard")?;
                has_failed = true;
            }
            Err(TurnError::Dropped(dropped)) => return Err(dropped.into()),
        }
        self.begin_reads();
        while !self.cx.faults.reads_beside_loop() && self.shard.reads.are_under_way() {
            let answer = self.reader.receive().await;
            self.apply_answer(answer);
        }
        let mut driver = Driver::new(&self.deps, &mut self.cx, &mut self.shard);
        driver.commit_if_due().await?;
        if self.shard.take_expects_commands() {
            self.next_sweep = Instant::now();
        }
        FaultPoints::check_output_bytes(&self.shard.runs);
        self.set_backoff(has_failed);
        if is_sweep {
            let mut ready = ReadyCounts::default();
            self.shard.queue.count_ready(&mut ready);
            self.heartbeat.set_ready(ready);
        }
        Ok(())
    }

    /// Commits the starts of attempts, which are the only changes that may be uncommitted after a
    /// turn.
    async fn commit_last_turn(&mut self) -> Result<(), ShardEnd> {
        if self.shard.batch.lazy_due().is_some() {
            let mut driver = Driver::new(&self.deps, &mut self.cx, &mut self.shard);
            driver.commit().await?;
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

    fn publish_facts(&self) {
        let (runs, settings) = (&self.shard.runs, self.shard.settings.version());
        self.facts.send_modify(|facts| {
            facts.runs = runs.len();
            if !facts.is_recovered || facts.settings != settings {
                facts.is_recovered = true;
                facts.settings = settings;
                facts.dags = Arc::new(runs.dag_keys().collect());
            }
        });
    }
}

/// Waits as [`sleep_until`], but not for a moment that has come: a timer ends with its next
/// millisecond at the earliest.
async fn wait_until(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}
