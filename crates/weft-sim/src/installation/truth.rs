//! The ground truth of a world, independent of what any scheduler believes:
//! rows, queues, workers, clocks. It is behind one lock, since the traits of
//! store and broker require that; a world runs on one thread, and the lock is
//! never held over an await.

use super::{
    audit::Auditor,
    broker_state::BrokerState,
    call::{Call, Stage},
    process::{LEASE, scheduler_name},
    random::{Randomness, Wait},
    tables::Tables,
    worker::Worker,
};
use crate::coverage::Coverage;
use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};
use weft_core::{id::TaskId, time::Timestamp};
use weft_store::DagKey;

/// When a world begins, by its database's clock: in November 2023.
const BEGINNING: Timestamp = Timestamp(1_700_000_000_000);

/// Within this time after the database answers again a scheduler has renewed its leases.
const RENEWAL_RETRY: Duration = Duration::from_secs(2);

/// A loop makes a call at least this often, even if calls stall and fail.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// One world but for its schedulers.
#[derive(Debug)]
pub struct Truth {
    pub(crate) tables: Tables,
    pub(crate) broker_state: BrokerState,
    pub(crate) workers: Vec<Worker>,
    pub(crate) auditor: Auditor,
    pub(crate) random: Randomness,
    pub(crate) coverage: Coverage,
    pub(crate) clock: DatabaseClock,
    /// Until when the database answers nothing.
    pub(crate) store_down_until: Option<Instant>,
    /// Until when the broker answers nothing.
    pub(crate) broker_down_until: Option<Instant>,
    /// Until when the blob store answers nothing.
    pub(crate) blobs_down_until: Option<Instant>,
    /// The calls that each scheduler waits for, the latest last.
    pub(crate) pending_calls: [Vec<PendingCall>; 2],
    /// Calls that were ever made.
    pub(crate) calls: u64,
    /// Until when something last kept each scheduler from renewing its leases.
    pub(crate) renewals_hindered: [Instant; 2],
    /// When a loop of each scheduler last did something but wait for outputs.
    pub(crate) loops_went_on: [Instant; 2],
    /// The first thing that is wrong.
    pub(crate) finding: Option<String>,
    /// Killed workers report which attempts were in guest code.
    pub(crate) crashes: bool,
    /// A task that crashes workers, in worlds in which workers report crashes.
    pub(crate) deadly: Option<(DagKey, TaskId)>,
    /// The trace, if it was requested.
    pub(crate) trace: Option<Vec<String>>,
}

/// A call that has not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingCall {
    number: u64,
    /// The pending call.
    pub call: Call,
    /// How far it has come.
    pub stage: Stage,
}

/// The database's clock: it runs faster or slower than the machines', and jumps.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseClock {
    began: Instant,
    /// Milliseconds of it in a second of the machines.
    rate: i64,
    /// By how far it was set forth or back.
    set: i64,
}

impl DatabaseClock {
    /// A clock that begins now.
    pub fn new(rate: i64) -> Self {
        Self {
            began: Instant::now(),
            rate,
            set: 0,
        }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(BEGINNING.0 + passed * self.rate / 1000 + self.set)
    }

    /// Sets it forth or back.
    pub fn jump(&mut self, by_ms: i64) {
        self.set += by_ms;
    }
}

impl Truth {
    /// Counts a fault.
    pub fn fault(&mut self, kind: &'static str) {
        self.coverage.add(kind);
    }

    /// Writes a line of the trace, if there is one.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let at = self.clock.began.elapsed().as_millis();
            trace.push(format!("{at:>8} {}", line()));
        }
    }

    /// Keeps the first finding.
    pub fn judge(&mut self, verdict: Result<(), String>) {
        if let Err(what) = verdict {
            self.note(|| format!("FINDING {what}"));
            self.finding.get_or_insert(what);
        }
    }

    /// Something keeps a scheduler from renewing its leases for this span.
    pub fn hinder_renewals(&mut self, who: usize, span: Duration) {
        let until = &mut self.renewals_hindered[who];
        *until = (*until).max(Instant::now() + span);
    }

    /// As [`Self::hinder_renewals`], of all schedulers.
    pub fn hinder_all_renewals(&mut self, span: Duration) {
        for who in 0..self.renewals_hindered.len() {
            self.hinder_renewals(who, span);
        }
    }

    /// Checks that no scheduler takes shards over from a scheduler that could have renewed its leases:
    /// its turns must not delay that, however long they take.
    pub fn check_takeovers(&mut self, taker: usize) {
        let now = self.clock.now();
        let other = 1 - taker;
        let name = scheduler_name(other);
        let expired = self.tables.has_expired_lease(&name, now);
        let slack = LEASE + RENEWAL_RETRY;
        if expired && self.renewals_hindered[other] + slack < Instant::now() {
            self.judge(Err(format!(
                "{name} did not renew its lease in time, though nothing hindered it"
            )));
        }
    }

    /// Whether the database answers now.
    pub fn store_answers(&mut self) -> bool {
        answers(&mut self.store_down_until)
    }

    /// Whether the blob store answers now.
    pub fn blobs_answer(&mut self) -> bool {
        answers(&mut self.blobs_down_until)
    }

    /// Checks that a loop goes on while outputs are read.
    pub fn check_progress(&mut self, who: usize) {
        let active = self.loops_went_on[who].max(self.renewals_hindered[who]);
        if active + MAX_PAUSE < Instant::now() {
            self.judge(Err(format!(
                "scheduler {who} does nothing but wait for outputs"
            )));
        }
    }

    /// Whether the broker answers now.
    pub fn broker_answers(&mut self) -> bool {
        answers(&mut self.broker_down_until)
    }
}

fn answers(back: &mut Option<Instant>) -> bool {
    if back.is_some_and(|back| back > Instant::now()) {
        return false;
    }
    *back = None;
    true
}

/// A world, for those who act in it.
#[derive(Debug, Clone)]
pub struct Shared {
    truth: Arc<Mutex<Truth>>,
    /// Wakes the schedulers that wait for notices.
    pub(crate) news: Arc<Notify>,
}

impl Shared {
    /// Shares a world.
    pub fn new(truth: Truth) -> Self {
        Self {
            truth: Arc::new(Mutex::new(truth)),
            news: Arc::new(Notify::new()),
        }
    }

    /// The world, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Truth> {
        // A poisoned world is one in which a scheduler panicked, which is found there.
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An await point of a scheduler: it may take time, and it may be the last.
    pub async fn pause(&self, who: usize, call: Call, stage: Stage) {
        let (number, wait) = {
            let mut truth = self.lock();
            truth.calls += 1;
            if call != Call::ReadOutput && !call.is_of_renewals() {
                truth.loops_went_on[who] = Instant::now();
            }
            let number = truth.calls;
            let pending = PendingCall {
                number,
                call,
                stage,
            };
            truth.pending_calls[who].push(pending);
            let wait = truth.random.wait();
            if let Wait::For(span) = wait {
                if call.is_of_renewals() {
                    truth.hinder_renewals(who, span);
                }
                if span.as_millis() >= 1000 {
                    truth.fault("fault: call stalled");
                    truth.note(|| format!("scheduler {who}: {} takes {span:?}", call.name()));
                }
            }
            (number, wait)
        };
        match wait {
            Wait::None => {}
            Wait::Turn => another_turn().await,
            Wait::For(span) => sleep(span).await,
        }
        self.lock().pending_calls[who].retain(|pending| pending.number != number);
    }
}

/// Returns the second time it is asked.
async fn another_turn() {
    let mut asked = false;
    poll_fn(|context| {
        if asked {
            return Poll::Ready(());
        }
        asked = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
