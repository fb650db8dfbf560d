//! The loop that owns a worker's state: it waits for one event, changes the state, and begins
//! the calls and attempts that follow from it.
//!
//! The loop awaits nothing but the next event, so that neither a slow broker nor a slow guest
//! delays the check of leases. What falls due happens at the next [`Event::Tick`] at the
//! latest.

mod call;
mod claims;
mod drain;
mod leases;
mod membership;
mod releases;
mod reports;
#[cfg(test)]
mod tests;
mod watched;

use crate::{
    Services, WorkerOptions, WorkerPhase, WorkerStats,
    attempt::Ended,
    clock::BootInstant,
    components::Components,
    deps::Deps,
    held::HeldAttempts,
    journal::{Journal, Suspect},
    load::{Component, ComponentKey, LoadFailure},
    metrics::Metrics,
    outbox::Outbox,
    worker::{Drained, WorkerError},
};
use call::Call;
use drain::Draining;
use leases::Renewal;
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, Interval, MissedTickBehavior},
};
use watched::Watch;
use weft_broker::{
    AttemptKey, BrokerError, Claim, HeldClaim, LeaseTerms, Signal, WorkerBroker, WorkerInfo,
};

/// The interval of ticks.
const TICK: Duration = Duration::from_millis(100);
/// The least ticks between two renewals.
const TICKS_A_RENEWAL: u32 = 10;
/// The timeout of calls that do not block.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The most signals of one call.
const MAX_SIGNALS: usize = 4_096;

/// Everything that the loop waits for.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and the largest is the most frequent"
)]
enum Event {
    /// The registration ended.
    Registered(Result<LeaseTerms, BrokerError>),
    /// The claim call ended.
    Claimed(Result<Vec<Claim>, BrokerError>),
    /// The call for signals ended.
    Signals(Result<Vec<Signal>, BrokerError>),
    /// A round of renewals ended.
    Renewed(Renewal),
    /// The call with these attempts' reports ended.
    Reported(Vec<AttemptKey>, Result<(), BrokerError>),
    /// The pause call ended.
    Paused(Result<(), BrokerError>),
    /// The release of these attempts ended.
    Released(Vec<HeldClaim>, Result<(), BrokerError>),
    /// An attempt's task ended.
    Ended(Result<(Id, Ended), JoinError>),
    /// A component's load ended.
    Loaded(Result<(Id, Loaded), JoinError>),
    /// The next tick.
    Tick,
    /// A drain was requested.
    Drain,
}

/// A load's result.
type Loaded = Result<Component, LoadFailure>;

/// Calls in progress, at most one of a kind.
struct Calls {
    register: Call<Result<LeaseTerms, BrokerError>>,
    claim: Call<Result<Vec<Claim>, BrokerError>>,
    signals: Call<Result<Vec<Signal>, BrokerError>>,
    renew: Call<Renewal>,
    report: Call<(Vec<AttemptKey>, Result<(), BrokerError>)>,
    pause: Call<Result<(), BrokerError>>,
    release: Call<(Vec<HeldClaim>, Result<(), BrokerError>)>,
}

/// The worker's membership at its broker.
enum Membership {
    /// Not, or no longer, registered.
    Joining,
    /// Registered.
    Joined,
    /// The broker is shut down.
    Closed,
}

/// A worker's state.
pub(crate) struct Driver {
    options: WorkerOptions,
    info: WorkerInfo,
    broker: Arc<dyn WorkerBroker>,
    deps: Arc<Deps>,
    membership: Membership,
    /// How often the worker registered.
    registrations: u64,
    /// A claim returned attempts after a registration that did not announce them.
    is_unannounced: bool,
    /// The terms of the last registration.
    terms: LeaseTerms,
    draining: Option<Draining>,
    /// Claimed attempts that never started and are not released yet.
    unbegun: Vec<HeldClaim>,
    /// Attempts that were claimed ahead waited too long, and no attempt has ended since.
    is_crowded: bool,
    calls: Calls,
    held: HeldAttempts,
    /// Attempts that wait for a slot and memory, first in first out; includes attempts that are
    /// no longer held.
    queued: VecDeque<AttemptKey>,
    /// The watched attempt that runs, and those that wait for it to end.
    watch: Watch,
    journal: Journal,
    /// The running attempts: their number, the sum of their memory limits, their tasks.
    running: u32,
    memory_bytes: u64,
    attempts: JoinSet<Ended>,
    attempt_of: HashMap<Id, AttemptKey>,
    components: Components<Component>,
    /// The components to load, and the loading tasks.
    to_load: VecDeque<ComponentKey>,
    loads: JoinSet<Loaded>,
    load_of: HashMap<Id, ComponentKey>,
    outbox: Outbox,
    /// When the last renewal was requested.
    renewed_at: BootInstant,
    /// Attempts and loads that ended.
    ended: u64,
    loaded: u64,
    metrics: Metrics,
    stats: watch::Sender<WorkerStats>,
}

impl Driver {
    pub(crate) fn new(
        options: WorkerOptions,
        services: Services,
        metrics: Metrics,
        stats: watch::Sender<WorkerStats>,
    ) -> Self {
        let info = WorkerInfo {
            id: Arc::clone(&options.id),
            queues: options.queues.clone(),
            slots: options.slots,
            prefetch: options.prefetch,
            memory_bytes: Some(options.memory_bytes),
            labels: options.labels.clone(),
        };
        let (journal, suspects) = begin_journal(&options);
        let mut driver = Self {
            info,
            membership: Membership::Joining,
            registrations: 0,
            is_unannounced: false,
            terms: LeaseTerms::default(),
            draining: None,
            unbegun: Vec::new(),
            is_crowded: false,
            calls: Calls {
                register: Call::new(),
                claim: Call::new(),
                signals: Call::new(),
                renew: Call::new(),
                report: Call::new(),
                pause: Call::new(),
                release: Call::new(),
            },
            held: HeldAttempts::new(),
            queued: VecDeque::new(),
            watch: Watch::default(),
            journal,
            running: 0,
            memory_bytes: 0,
            attempts: JoinSet::new(),
            attempt_of: HashMap::new(),
            components: Components::new(options.component_cache_bytes),
            to_load: VecDeque::new(),
            loads: JoinSet::new(),
            load_of: HashMap::new(),
            outbox: Outbox::new(options.resend_after),
            renewed_at: BootInstant::now(),
            ended: 0,
            loaded: 0,
            metrics,
            stats,
            broker: Arc::clone(&services.broker),
            deps: Arc::new(Deps::new(&options, services)),
            options,
        };
        driver.report_suspects(&suspects);
        driver
    }

    /// Runs until a drain is complete or the broker is shut down.
    pub(crate) async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
        mut asked: watch::Receiver<bool>,
    ) -> Result<Drained, WorkerError> {
        let mut drain: Pin<&mut (dyn Future<Output = ()> + Send)> = pin!(async move {
            tokio::select! {
                () = shutdown => {}
                _asked = asked.wait_for(|asked| *asked) => {}
            }
        });
        let mut ticks = interval(TICK);
        loop {
            let now = BootInstant::now();
            self.load_more();
            self.fill(now);
            self.begin_calls(now);
            self.publish();
            if matches!(self.membership, Membership::Closed) {
                self.kill_all().await;
                return Err(WorkerError::BrokerClosed);
            }
            if self.is_drained(now) {
                return Ok(self.leave().await);
            }
            let event = self.next_event(drain.as_mut(), &mut ticks).await;
            self.handle(event, &mut ticks);
        }
    }

    /// Waits for the next event. Dropping it loses nothing.
    async fn next_event(
        &mut self,
        drain: Pin<&mut (dyn Future<Output = ()> + Send)>,
        ticks: &mut Interval,
    ) -> Event {
        let calls = &mut self.calls;
        tokio::select! {
            ended = self.attempts.join_next_with_id(), if !self.attempts.is_empty() => {
                Event::Ended(ended.expect("there is a task"))
            }
            claimed = calls.claim.done() => Event::Claimed(claimed),
            signals = calls.signals.done() => Event::Signals(signals),
            (keys, result) = calls.report.done() => Event::Reported(keys, result),
            renewal = calls.renew.done() => Event::Renewed(renewal),
            loaded = self.loads.join_next_with_id(), if !self.loads.is_empty() => {
                Event::Loaded(loaded.expect("there is a task"))
            }
            _at = ticks.tick() => Event::Tick,
            terms = calls.register.done() => Event::Registered(terms),
            result = calls.pause.done() => Event::Paused(result),
            (claims, result) = calls.release.done() => Event::Released(claims, result),
            () = drain, if self.draining.is_none() => Event::Drain,
        }
    }

    fn handle(&mut self, event: Event, ticks: &mut Interval) {
        let now = BootInstant::now();
        match event {
            Event::Registered(result) => {
                self.on_registered(result, now);
                *ticks = interval(TICK.min(self.terms.renew_every / TICKS_A_RENEWAL));
            }
            Event::Claimed(result) => self.on_claimed(result, now),
            Event::Signals(result) => self.on_signals(result, now),
            Event::Renewed(renewal) => self.on_renewed(renewal, now),
            Event::Reported(keys, result) => self.on_reported(&keys, result, now),
            Event::Paused(result) => self.on_paused(result, now),
            Event::Released(claims, result) => self.on_released(&claims, result, now),
            Event::Ended(ended) => {
                self.on_ended(ended);
                // Attempts that ended meanwhile go into the same call of reports.
                while let Some(ended) = self.attempts.try_join_next_with_id() {
                    self.on_ended(ended);
                }
            }
            Event::Loaded(loaded) => self.on_loaded(loaded),
            Event::Tick => {
                self.watch_leases(now);
                self.collect_stuck(now);
                self.outbox.tick(now);
            }
            Event::Drain => self.begin_drain(now),
        }
    }

    /// Begins every call that is due.
    fn begin_calls(&mut self, now: BootInstant) {
        match &self.membership {
            Membership::Closed => {}
            Membership::Joined if self.is_unannounced => {
                self.membership = Membership::Joining;
                self.register(now);
            }
            Membership::Joining => self.register(now),
            Membership::Joined => {
                self.renew(now);
                self.report(now);
                self.listen(now);
                self.claim(now);
                self.pause(now);
                self.release(now);
            }
        }
    }

    /// Publishes the statistics.
    fn publish(&self) {
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let phase = match (&self.membership, &self.draining) {
            (Membership::Closed, _) => WorkerPhase::Gone,
            (_, Some(_)) => WorkerPhase::Draining,
            (Membership::Joining, None) => WorkerPhase::Joining,
            (Membership::Joined, None) => WorkerPhase::Serving,
        };
        self.stats.send_replace(WorkerStats {
            phase,
            slots: self.options.slots,
            running: self.running,
            waiting: held.saturating_sub(self.running),
            unconfirmed: u32::try_from(self.outbox.len()).unwrap_or(u32::MAX),
            memory_bytes: self.memory_bytes,
            ended: self.ended,
            loads: self.loaded,
            last_progress: Instant::now(),
            unrenewed: BootInstant::now().since(self.renewed_at),
        });
    }
}

/// Begins the worker's journal; returns the suspects of the previous process.
fn begin_journal(options: &WorkerOptions) -> (Journal, Vec<Suspect>) {
    let Some(path) = &options.journal else {
        return (Journal::none(), Vec::new());
    };
    Journal::begin(path, options.slots).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, operation = "begin journal", "writing the journal failed; a crash of this worker will have no suspects");
        (Journal::none(), Vec::new())
    })
}

/// An interval that skips missed ticks.
fn interval(span: Duration) -> Interval {
    let mut ticks = tokio::time::interval(span.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Limits the time of a call.
async fn within<T>(
    span: Duration,
    call: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(span, call).await {
        Ok(result) => result,
        Err(_elapsed) => Err(BrokerError::Unavailable(format!(
            "no answer within {span:?}"
        ))),
    }
}
