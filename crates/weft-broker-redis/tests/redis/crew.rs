//! A scheduler and workers that do all that the real ones do with a broker, and
//! nothing else: attempts end as soon as they are claimed, or when a test says so.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep, timeout, timeout_at},
};
use weft_broker::{
    AttemptKey, BrokerError, Claim, Dispatch, LeaseTerms, Notice, Report, SchedulerBroker, Signal,
    WorkerBroker, WorkerInfo,
    conformance::{dispatch, held_all, report},
};
use weft_broker_redis::Options;

/// A test that takes longer has hung.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries of a call that failed.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a worker renews.
const RENEW_EVERY: Duration = Duration::from_millis(500);

pub(crate) fn options() -> Options {
    Options {
        namespace: crate::brokers::namespace(),
        terms: LeaseTerms {
            lease: Duration::from_secs(6),
            renew_every: RENEW_EVERY,
        },
        redeliver_every: Duration::from_secs(2),
        announce_within: Duration::from_secs(2),
        call_timeout: Duration::from_secs(1),
        ..Options::default()
    }
}

/// A worker that runs by itself until it is dropped.
pub(crate) struct Worker {
    task: JoinHandle<()>,
    /// Attempts that reached it.
    pub(crate) claimed: Arc<Mutex<HashSet<AttemptKey>>>,
    /// Attempts that it ran.
    pub(crate) ran: Arc<AtomicU64>,
    /// How often it registered.
    pub(crate) registrations: Arc<AtomicU64>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Worker {
    /// One whose attempts take so long.
    pub(crate) fn start(
        broker: impl WorkerBroker + 'static,
        id: &str,
        slots: u32,
        takes: Duration,
    ) -> Self {
        let (claimed, ran) = (Arc::default(), Arc::<AtomicU64>::default());
        let registrations = Arc::<AtomicU64>::default();
        let state = State {
            broker: Arc::new(broker),
            info: WorkerInfo {
                id: id.into(),
                queues: vec!["default".into()],
                slots,
                prefetch: slots,
                memory_bytes: None,
                labels: Vec::new(),
            },
            is_joined: false,
            registrations: Arc::clone(&registrations),
            takes,
            held: HashMap::new(),
            outbox: HashMap::new(),
            claimed: Arc::clone(&claimed),
            ran: Arc::clone(&ran),
        };
        let task = tokio::spawn(state.run());
        Self {
            task,
            claimed,
            ran,
            registrations,
        }
    }
}

struct State {
    broker: Arc<dyn WorkerBroker>,
    info: WorkerInfo,
    is_joined: bool,
    registrations: Arc<AtomicU64>,
    takes: Duration,
    /// When each ends.
    held: HashMap<AttemptKey, Instant>,
    /// With whether the broker took it.
    outbox: HashMap<AttemptKey, (Report, bool)>,
    claimed: Arc<Mutex<HashSet<AttemptKey>>>,
    ran: Arc<AtomicU64>,
}

/// What the calls that wait bring.
enum Event {
    Claimed(Result<Vec<Claim>, BrokerError>),
    Signals(Result<Vec<Signal>, BrokerError>),
}

/// Calls that wait, of a worker that has registered so often when each begins.
struct Calls {
    broker: Arc<dyn WorkerBroker>,
    registrations: Arc<AtomicU64>,
    events: mpsc::Sender<(u64, Event)>,
}

impl Calls {
    /// They are never dropped, as a real worker doesn't.
    async fn make<F: Future<Output = Event>>(self, call: impl Fn(Arc<dyn WorkerBroker>) -> F) {
        loop {
            let registered = self.registrations.load(Ordering::Relaxed);
            if registered > 0 {
                let event = call(Arc::clone(&self.broker)).await;
                let is_failure = matches!(event, Event::Claimed(Err(_)) | Event::Signals(Err(_)));
                if self.events.send((registered, event)).await.is_err() {
                    return;
                }
                if !is_failure {
                    continue;
                }
            }
            sleep(PAUSE).await;
        }
    }
}

impl State {
    async fn run(mut self) {
        let (sender, mut events) = mpsc::channel(16);
        let mut calls = JoinSet::new();
        let waiting = || Calls {
            broker: Arc::clone(&self.broker),
            registrations: Arc::clone(&self.registrations),
            events: sender.clone(),
        };
        calls.spawn(waiting().make(|broker| async move { Event::Claimed(broker.claim(64).await) }));
        calls.spawn(
            waiting().make(|broker| async move { Event::Signals(broker.signals(1000).await) }),
        );
        let mut renew_at = Instant::now();
        loop {
            if let Err(error) = self.turn(&mut renew_at, &mut events).await {
                match error {
                    BrokerError::Unregistered => self.is_joined = false,
                    BrokerError::Unavailable(_) | BrokerError::Full { .. } => sleep(PAUSE).await,
                    BrokerError::Closed => panic!("Redis is never closed"),
                }
            }
        }
    }

    async fn turn(
        &mut self,
        renew_at: &mut Instant,
        events: &mut mpsc::Receiver<(u64, Event)>,
    ) -> Result<(), BrokerError> {
        if !self.is_joined {
            self.broker
                .register(&self.info, &held_all(&self.holding()))
                .await?;
            self.is_joined = true;
            self.registrations.fetch_add(1, Ordering::Relaxed);
            // What the broker took before it may have lost.
            for (_report, is_taken) in self.outbox.values_mut() {
                *is_taken = false;
            }
        }
        let now = Instant::now();
        if now >= *renew_at {
            *renew_at = now + RENEW_EVERY;
            for lost in self.broker.renew(&held_all(&self.holding())).await? {
                self.held.remove(&lost);
            }
        }
        for key in self.ended(now) {
            self.held.remove(&key);
            self.ran.fetch_add(1, Ordering::Relaxed);
            let mut report = report(0, &self.info.id);
            report.key = key;
            self.outbox.insert(key, (report, false));
        }
        self.report().await?;
        let until = self.next(*renew_at);
        let Ok(event) = timeout_at(until, events.recv()).await else {
            return Ok(());
        };
        let (registered, event) = event.expect("the calls go on");
        let is_across = registered != self.registrations.load(Ordering::Relaxed);
        match event {
            // It has registered again meanwhile.
            Event::Claimed(Err(BrokerError::Unregistered))
            | Event::Signals(Err(BrokerError::Unregistered))
                if is_across => {}
            Event::Claimed(claims) => {
                let claims = claims?;
                // What was claimed across a registration is announced with another one.
                self.is_joined &= !is_across || claims.is_empty();
                for claim in claims {
                    let ends = Instant::now() + self.takes;
                    self.held.insert(claim.dispatch.key, ends);
                    let mut claimed = self.claimed.lock().expect("no thread panics");
                    claimed.insert(claim.dispatch.key);
                }
            }
            Event::Signals(signals) => {
                for signal in signals? {
                    match signal {
                        Signal::Confirmed(key) => drop(self.outbox.remove(&key)),
                        Signal::Revoked(key) => drop(self.held.remove(&key)),
                        Signal::Drain => unreachable!("no test requests it"),
                    }
                }
            }
        }
        Ok(())
    }

    fn holding(&self) -> Vec<AttemptKey> {
        let unaccepted = self.outbox.iter().filter(|(_, (_, is_taken))| !is_taken);
        let unaccepted = unaccepted.map(|(key, _)| *key);
        self.held.keys().copied().chain(unaccepted).collect()
    }

    fn ended(&self, now: Instant) -> Vec<AttemptKey> {
        let ended = self.held.iter().filter(|(_, ends)| **ends <= now);
        ended.map(|(key, _)| *key).collect()
    }

    fn next(&self, renew_at: Instant) -> Instant {
        self.held
            .values()
            .copied()
            .min()
            .map_or(renew_at, |ends| ends.min(renew_at))
    }

    async fn report(&mut self) -> Result<(), BrokerError> {
        let due: Vec<Report> = self
            .outbox
            .values()
            .filter(|(_, is_taken)| !is_taken)
            .map(|(report, _)| report.clone())
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let keys: Vec<AttemptKey> = due.iter().map(|report| report.key).collect();
        self.broker.report(due).await?;
        for key in keys {
            if let Some((_, is_taken)) = self.outbox.get_mut(&key) {
                *is_taken = true;
            }
        }
        Ok(())
    }
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    pub(crate) finished: HashSet<AttemptKey>,
    /// Attempts that were noticed as lost.
    pub(crate) expired: Vec<AttemptKey>,
}

/// Publishes attempts 0 to `count` and waits until all have ended, calling
/// `at` with how many have. Attempts that are noticed as lost are published again.
pub(crate) async fn load(
    scheduler: &dyn SchedulerBroker,
    count: u32,
    at: impl AsyncFnMut(usize),
) -> Noticed {
    load_of(0, scheduler, count, at).await
}

/// The attempt of this number and shard, to be published.
pub(crate) fn dispatch_of(shard: u32, number: u32) -> Dispatch {
    let mut dispatch = dispatch(number, "default", 0);
    dispatch.key.shard = shard;
    dispatch
}

/// As [`load`], of this shard.
pub(crate) async fn load_of(
    shard: u32,
    scheduler: &dyn SchedulerBroker,
    count: u32,
    mut at: impl AsyncFnMut(usize),
) -> Noticed {
    let mut noticed = Noticed::default();
    let all = || (0..count).map(|number| dispatch_of(shard, number));
    let mut unpublished: Vec<_> = all().rev().collect();
    let by_key: HashMap<_, _> = all().map(|dispatch| (dispatch.key, dispatch)).collect();
    let mut unconfirmed = Vec::new();
    let begin = Instant::now();
    while noticed.finished.len() < count as usize || !unconfirmed.is_empty() {
        assert!(
            begin.elapsed() < PATIENCE,
            "{} of {count} ended, {} are to be published",
            noticed.finished.len(),
            unpublished.len()
        );
        at(noticed.finished.len()).await;
        if !unpublished.is_empty() {
            let next = unpublished.split_off(unpublished.len().saturating_sub(100));
            let offered: Vec<_> = next.into_iter().rev().collect();
            if let Err((back, error)) = scheduler.publish(offered).await {
                assert!(!matches!(error, BrokerError::Closed), "it is the only one");
                unpublished.extend(back.into_iter().rev());
            }
        }
        let wait = if unpublished.is_empty() {
            PAUSE
        } else {
            Duration::from_millis(1)
        };
        if let Ok(received) = timeout(wait, scheduler.receive(1000)).await {
            for notice in received.expect("a scheduler that waits sees no failures") {
                match notice {
                    Notice::Finished(report) => {
                        noticed.finished.insert(report.key);
                        unconfirmed.push(report.key);
                    }
                    Notice::Released { key } => {
                        unpublished.push(by_key[&key].clone());
                    }
                    Notice::Expired { key } => {
                        noticed.expired.push(key);
                        unpublished.push(by_key[&key].clone());
                    }
                    Notice::Started { .. } | Notice::Demand => {}
                }
            }
        }
        if scheduler.confirm(&unconfirmed).await.is_ok() {
            unconfirmed.clear();
        }
    }
    noticed
}
