//! The supervisor: it owns the leases and the shards' tasks, and routes requests to them.
//!
//! It awaits nothing but events, so that neither a turn nor a slow call delays a renewal.

use super::{
    Executor, SchedulerError, TaskGuard,
    leases::Renewal,
    orphans::Lookups,
    reader::{ReadBudget, ReaderHandle},
    shard_task::{ShardEnd, ShardFacts, ShardRequest, ShardTask},
};
use crate::{
    clock::Clock,
    context::Context,
    feed::Feed,
    handle::{Question, Request, Wake},
    heartbeat::Heartbeat,
    limits::{EPOCHS_TO_SKIP, MAX_WAITING_REQUESTS},
    options::{Deps, SchedulerOptions},
    output_memory::OutputMemory,
    progress::TaskProgress,
    shard::Dropped,
    tenure::{Tenure, TenureWatch},
    why::Reason,
};
use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{collections::BTreeMap, future::Future, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use weft_broker::BrokerError;
use weft_core::{document::TaskIndex, run_id::RunId, time::Timestamp};
use weft_store::{DagKey, Lost, ShardId, ShardLease, ShardState};

/// What the supervisor waits for.
enum Event {
    /// The renewal under way has ended.
    Renewed(Renewal),
    /// The task of a shard has ended; without a reason where it panicked or was aborted.
    ShardEnded(ShardLease, Option<ShardEnd>),
    /// A request of a handle.
    Request(Request),
    /// A renewal or a sign of life is due.
    Time,
    /// The caller shuts the scheduler down.
    Shutdown,
}

pub(super) struct Supervisor {
    pub(super) deps: Deps,
    pub(super) options: SchedulerOptions,
    executor: Arc<dyn Executor>,
    feed: Feed,
    pub(super) heartbeat: Arc<Heartbeat>,
    requests: mpsc::Receiver<Request>,
    pub(super) clock: Clock,
    memory: OutputMemory,
    budget: ReadBudget,
    /// The source of each shard's own random numbers in a simulation.
    seeded: Option<fastrand::Rng>,
    pub(super) shards: BTreeMap<ShardId, RunningShard>,
    /// The last epoch under which each shard ran here.
    pub(super) last_epochs: BTreeMap<ShardId, i64>,
    ends: FuturesUnordered<BoxFuture<'static, (ShardLease, Option<ShardEnd>)>>,
    /// The renewal under way.
    pub(super) renewal: Option<BoxFuture<'static, Renewal>>,
    pub(super) next_renewal: Instant,
    /// By this machine's clock, counted from before the call that renewed the leases.
    pub(super) lease_ends: Instant,
    /// Leases of shards that are not in memory any more, and that the database may count as this
    /// scheduler's, with what it lost of each.
    pub(super) to_release: Vec<(ShardLease, Lost)>,
    /// The database may count shards as this scheduler's which it does not own: those of a
    /// process that had its name before, and those that it gave up.
    pub(super) may_own_more: bool,
    /// Leases that a broker refused, and when.
    pub(super) refused: Vec<(ShardLease, Instant)>,
    pub(super) is_stopping: bool,
}

/// A shard whose task runs.
pub(super) struct RunningShard {
    pub(super) lease: ShardLease,
    pub(super) tenure: watch::Sender<Tenure>,
    pub(super) facts: watch::Receiver<ShardFacts>,
    requests: mpsc::Sender<ShardRequest>,
    /// Has the task commit its last turn and end; `None` once that was requested.
    stop: Option<oneshot::Sender<()>>,
    pub(super) progress: TaskProgress,
    /// It made no progress for too long when that was last looked at.
    pub(super) is_suspect: bool,
    _task: TaskGuard,
}

impl Supervisor {
    pub(super) fn new(
        deps: Deps,
        options: SchedulerOptions,
        executor: Arc<dyn Executor>,
        (feed, heartbeat): (Feed, Arc<Heartbeat>),
        requests: mpsc::Receiver<Request>,
        now: Timestamp,
    ) -> Self {
        let seed = options.seed;
        Self {
            deps,
            options,
            executor,
            feed,
            heartbeat,
            requests,
            clock: Clock::set(now),
            memory: OutputMemory::default(),
            budget: ReadBudget::default(),
            seeded: seed.map(fastrand::Rng::with_seed),
            shards: BTreeMap::new(),
            last_epochs: BTreeMap::new(),
            ends: FuturesUnordered::new(),
            renewal: None,
            next_renewal: Instant::now(),
            lease_ends: Instant::now(),
            to_release: Vec::new(),
            may_own_more: true,
            refused: Vec::new(),
            is_stopping: false,
        }
    }

    pub(super) async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), SchedulerError> {
        tokio::pin!(shutdown);
        while !self.is_stopping || !self.shards.is_empty() {
            self.start_renewal_if_due();
            match self.next_event(shutdown.as_mut()).await {
                Event::Renewed(renewal) => self.finish_renewal(renewal)?,
                Event::ShardEnded(lease, end) => self.handle_shard_end(lease, end)?,
                Event::Request(request) => self.route_request(request),
                Event::Time => {}
                Event::Shutdown => self.stop_all(),
            }
            self.heartbeat.record_iteration();
        }
        // A renewal under way may hold the database's only writer, and would lease again what is
        // released here. It ends within a lease.
        if let Some(renewal) = self.renewal.take() {
            drop(renewal.await);
        }
        self.deps.store.release_shards(&self.options.id).await?;
        Ok(())
    }

    async fn next_event(&mut self, shutdown: impl Future<Output = ()> + Send) -> Event {
        let next_sweep = Instant::now() + self.options.sweep_every;
        let wake = if self.renewal.is_some() {
            next_sweep
        } else {
            self.next_renewal.min(next_sweep)
        };
        let renewal = &mut self.renewal;
        let renewed = async {
            match renewal {
                Some(renewal) => renewal.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = shutdown, if !self.is_stopping => Event::Shutdown,
            renewal = renewed => Event::Renewed(renewal),
            Some((lease, end)) = self.ends.next() => Event::ShardEnded(lease, end),
            Some(request) = self.requests.recv() => Event::Request(request),
            () = sleep_until(wake) => Event::Time,
        }
    }

    fn handle_shard_end(
        &mut self,
        lease: ShardLease,
        end: Option<ShardEnd>,
    ) -> Result<(), SchedulerError> {
        let is_current = self.shards.get(&lease.shard);
        if is_current.is_none_or(|shard| shard.lease.epoch != lease.epoch) {
            // It was aborted, since its lease was lost.
            return Ok(());
        }
        self.shards.remove(&lease.shard);
        let shard = lease.shard.0;
        match end {
            Some(ShardEnd::Stopped) => self.to_release.push((lease, Lost::default())),
            Some(ShardEnd::Dropped(Dropped::TurnsLost { first, last, found })) => {
                self.give_up_lost_turns(lease, (first, last), found);
            }
            Some(ShardEnd::Outdated) => {
                tracing::warn!(
                    shard,
                    epoch = lease.epoch,
                    operation = "take over",
                    "the broker knows a later epoch of the shard; it is leased again"
                );
                let epochs = EPOCHS_TO_SKIP;
                self.to_release.push((lease, Lost { turns: 0, epochs }));
            }
            Some(ShardEnd::Dropped(Dropped::Deposed)) => {
                tracing::warn!(
                    shard,
                    operation = "compare turns",
                    "another scheduler owns the shard; it is dropped here"
                );
                // One that has the same epoch, as the database lost a takeover, takes it over anew.
                self.to_release.push((lease, Lost::default()));
            }
            // Another scheduler has taken the shard over, and the next renewal shows it;
            // otherwise the broker was shut down.
            Some(ShardEnd::Refused) => {
                tracing::warn!(
                    shard,
                    epoch = lease.epoch,
                    operation = "read notices",
                    "the broker refuses the shard: another scheduler owns it, or the broker was shut down; it is dropped here"
                );
                self.refused.push((lease, Instant::now()));
            }
            Some(ShardEnd::Failed(error)) => return Err(error),
            None => return Err(SchedulerError::Panicked(lease.shard)),
        }
        self.next_renewal = Instant::now();
        Ok(())
    }

    /// Has a shard leased again, under a new epoch, whose database lost these turns.
    fn give_up_lost_turns(
        &mut self,
        lease: ShardLease,
        (first, last): (i64, i64),
        found: ShardState,
    ) {
        let turns = u64::try_from(last + 1 - first).unwrap_or(0);
        tracing::error!(
            shard = lease.shard.0,
            epoch = lease.epoch,
            first_missing_turn = first,
            last_missing_turn = last,
            turns,
            found_epoch = found.epoch,
            found_turn = found.turn,
            operation = "compare turns",
            "the database lost turns that it had acknowledged; the shard is read again, and what they recorded is done again"
        );
        self.heartbeat.metrics.record_lost_turns(turns);
        self.to_release.push((lease, Lost { turns, epochs: 0 }));
    }

    /// Fails if the broker refused a lease that the database says is held, as of a renewal that
    /// was called at `called`.
    pub(super) fn check_refused(
        &mut self,
        leases: &[ShardLease],
        called: Instant,
    ) -> Result<(), SchedulerError> {
        let is_held = |refused: &ShardLease| {
            leases
                .iter()
                .any(|held| held.shard == refused.shard && held.epoch == refused.epoch)
        };
        let mut judged = self.refused.iter().filter(|(_, at)| *at <= called);
        if judged.any(|(refused, _)| is_held(refused)) {
            return Err(BrokerError::Closed.into());
        }
        self.refused.retain(|(_, at)| *at > called);
        Ok(())
    }

    fn route_request(&mut self, request: Request) {
        match request {
            Request::Wake(Wake::Shards) => self.next_renewal = Instant::now(),
            Request::Wake(Wake::Queued(dag)) => self.wake_dag(dag),
            Request::Wake(wake @ (Wake::Command | Wake::Settings)) => {
                for shard in self.shards.values() {
                    shard.send(ShardRequest::Wake(wake));
                }
            }
            Request::Why(question) => self.route_question(&question),
        }
    }

    fn route_question(&self, question: &Question) {
        for shard in self.shards.values() {
            shard.send(ShardRequest::Why(question.clone()));
        }
    }

    /// A channel that closes when each shard has ended its turn: none has the run of the question.
    pub(super) fn await_turns(&self) -> mpsc::Receiver<Vec<Reason>> {
        let (answer, answered) = mpsc::channel(1);
        self.route_question(&Question {
            run: RunId::new(Timestamp(0), 0),
            task: TaskIndex(0),
            index: 0,
            answer,
        });
        answered
    }

    /// Wakes the shard that has a DAG, or all of them for one that was deployed since their last
    /// sweeps.
    fn wake_dag(&self, dag: DagKey) {
        let mut shards = self.shards.values();
        let wake = ShardRequest::Wake(Wake::Queued(dag));
        match shards.find(|shard| shard.facts.borrow().dags.contains(&dag)) {
            Some(shard) => shard.send(wake),
            None => {
                for shard in self.shards.values() {
                    shard.send(wake.clone());
                }
            }
        }
    }

    /// Starts the task of a shard that was leased.
    pub(super) fn start_shard(&mut self, lease: ShardLease) {
        let (sender, requests) = mpsc::channel(MAX_WAITING_REQUESTS);
        let (tenure, held) = watch::channel(self.tenure());
        let (publish, facts) = watch::channel(ShardFacts::default());
        let (stop, stopped) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let cx = Context::new(
            self.options.clone(),
            TenureWatch::new(held),
            self.feed.clone(),
            Arc::clone(&self.heartbeat),
            self.memory.clone(),
            self.seeded.as_mut().map(fastrand::Rng::fork),
        );
        let (deps, budget) = (self.deps.clone(), self.budget.clone());
        let reader = ReaderHandle::start(&*self.executor, deps.clone(), cx.faults, budget);
        let lookups = Lookups::start(&*self.executor, deps.clone());
        let task = ShardTask::new(deps, cx, (reader, lookups), lease, requests, publish);
        let running = Box::pin(task.run(stopped));
        let (task, progress) = self.heartbeat.progress.watch(running);
        let task = self.executor.spawn(Box::pin(async move {
            // The supervisor may have gone.
            drop(ended.send(task.await));
        }));
        self.ends
            .push(Box::pin(async move { (lease, end.await.ok()) }));
        let shard = RunningShard {
            lease,
            tenure,
            facts,
            requests: sender,
            stop: Some(stop),
            progress,
            is_suspect: false,
            _task: task,
        };
        self.last_epochs.insert(lease.shard, lease.epoch);
        self.shards.insert(lease.shard, shard);
    }

    /// What the shards know of their leases.
    pub(super) const fn tenure(&self) -> Tenure {
        Tenure {
            ends: self.lease_ends,
            clock: self.clock,
        }
    }

    /// Ends the task of a shard after its last turn. A shard that is still being recovered has
    /// nothing to commit.
    pub(super) fn stop_shard(&mut self, id: ShardId) {
        let Some(shard) = self.shards.get_mut(&id) else {
            return;
        };
        if shard.facts.borrow().is_recovered {
            shard.stop = None;
        } else {
            self.to_release.push((shard.lease, Lost::default()));
            self.shards.remove(&id);
        }
    }

    fn stop_all(&mut self) {
        self.is_stopping = true;
        let shards: Vec<ShardId> = self.shards.keys().copied().collect();
        for shard in shards {
            self.stop_shard(shard);
        }
    }
}

impl RunningShard {
    /// Sends a request without waiting: a shard with too many of them misses a hint, which its
    /// sweep makes up for.
    fn send(&self, request: ShardRequest) {
        drop(self.requests.try_send(request));
    }

    pub(super) const fn is_stopping(&self) -> bool {
        self.stop.is_none()
    }
}
