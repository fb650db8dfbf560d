//! A world's course: who acts when, what goes wrong, and how it comes to rest.
//!
//! Everything runs on one thread, and time is tokio's, paused: it goes on only
//! when no process has anything left to do, so that the same seed makes the same
//! world, poll for poll.

mod faults;

use super::{
    audit::Auditor,
    broker_state::BrokerState,
    call::Call,
    operators::Operators,
    outcome::{Finding, Options, Outcome},
    past,
    process::{Polled, Process, Start, Step},
    random::Randomness,
    tables::Tables,
    truth::{DatabaseClock, Shared, Truth},
    worker::Worker,
};
use crate::coverage::Coverage;
use faults::Replica;
use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use weft_scheduler::{Planted, Wake};

/// Events that a world goes through before it is healed, at the least.
pub const EVENTS: u64 = 1_000;
/// Faults that it suffers before, at the least.
pub const FAULTS: u64 = 20;
/// No world suffers for as long.
const MAX_SUFFERING: Duration = Duration::from_hours(4);
/// How often people look for what waits for a run that failed.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// In a healed world another run ends within this time, until all have. What outages left behind
/// can be hundreds of runs of one DAG, one after another.
const MAX_HEALING: Duration = Duration::from_mins(30);
/// Polls at one moment; a scheduler that needs more spins.
const MAX_POLLS: u32 = 200_000;

pub(super) struct World {
    shared: Shared,
    schedulers: Vec<SchedulerSlot>,
    people: Operators,
    options: Options,
    embedded: bool,
    starts: u64,
    lives: u64,
    next_fault: Instant,
    next_act: Instant,
    healed: Option<Instant>,
    /// When people last looked for what waits for a run that failed.
    looked: Instant,
    replica: Option<Replica>,
    /// How often a replica took the database's place.
    failovers: u32,
}

/// Where a scheduler runs, or will again.
struct SchedulerSlot {
    process: Option<Process>,
    starts_at: Instant,
}

impl World {
    pub(super) fn new(seed: u64, options: Options) -> Self {
        let mut random = Randomness::new(seed);
        let embedded = random.rng.u32(0..3) == 0;
        let rate = 1000 + [0, 0, 50, -50][random.rng.usize(0..4)];
        let mut truth = Truth {
            tables: Tables::default(),
            broker_state: BrokerState::default(),
            workers: Vec::new(),
            auditor: Auditor::default(),
            clock: DatabaseClock::new(rate),
            coverage: Coverage::default(),
            store_down_until: None,
            broker_down_until: None,
            pending_calls: [Vec::new(), Vec::new()],
            calls: 0,
            renewals_hindered: [Instant::now(); 2],
            loops_went_on: [Instant::now(); 2],
            blobs_down_until: None,
            finding: None,
            crashes: options.crashes,
            deadly: None,
            trace: options.trace.then(Vec::new),
            random,
        };
        truth.tables.has_inexact_fence = options.bug == Some(Planted::FenceInexact);
        let people = Operators::settle(&mut truth, options.history);
        for number in 0..truth.random.rng.usize(2..5) {
            let queues: &[&str] = match number {
                0 => &["default", "side"],
                1 => &["side", "default"],
                _ => &["default"],
            };
            let queues = queues.iter().map(|queue| (*queue).into()).collect();
            let slots = truth.random.rng.u32(1..5);
            let id = format!("worker-{number}.0").into();
            truth.workers.push(Worker::new(id, queues, slots));
        }
        let now = Instant::now();
        let schedulers = if embedded { 1 } else { 2 };
        Self {
            shared: Shared::new(truth),
            schedulers: (0..schedulers)
                .map(|_| SchedulerSlot {
                    process: None,
                    starts_at: now,
                })
                .collect(),
            people,
            options,
            embedded,
            starts: 0,
            lives: 0,
            next_fault: now,
            next_act: now,
            healed: None,
            looked: Instant::now(),
            replica: None,
            failovers: 0,
        }
    }

    /// Lives to the end of the world.
    pub(super) async fn live(mut self, seed: u64) -> Result<Outcome, Finding> {
        let lived = self.course().await;
        let mut truth = self.shared.lock();
        let trace = truth.trace.take().unwrap_or_default();
        match lived {
            Ok(()) => Ok(Outcome {
                events: truth.auditor.events(),
                faults: truth.coverage.faults(),
                coverage: std::mem::take(&mut truth.coverage),
                work: truth.auditor.work.clone(),
                trace,
            }),
            Err(what) => Err(Finding { seed, what, trace }),
        }
    }

    async fn course(&mut self) -> Result<(), String> {
        let began = Instant::now();
        while !self.has_enough_faults() {
            if began.elapsed() > MAX_SUFFERING {
                return Err(format!("hardly anything happens: {:?}", self.unfinished()));
            }
            self.skip_what_waits();
            self.step().await?;
        }
        self.heal();
        self.come_to_rest().await?;
        {
            // What was leaked is missed now.
            let mut truth = self.shared.lock();
            self.people.trigger_all(&mut truth);
        }
        self.come_to_rest().await?;
        self.end_schedulers().await?;
        let truth = self.shared.lock();
        truth.close()?;
        for (dag, span) in self.people.dated() {
            truth.check_dates(dag, span)?;
        }
        Ok(())
    }

    fn has_enough_faults(&self) -> bool {
        let truth = self.shared.lock();
        truth.auditor.events() >= EVENTS && truth.coverage.faults() >= FAULTS
    }

    fn unfinished(&self) -> Option<String> {
        self.shared.lock().unfinished()
    }

    fn ended_runs(&self) -> usize {
        self.shared.lock().ended_runs()
    }

    fn heal(&mut self) {
        self.healed = Some(Instant::now());
        self.replica = None;
        for slot in &mut self.schedulers {
            if let Some(process) = &mut slot.process {
                process.crash_in = None;
                process.suspended_until = None;
            }
        }
        let mut truth = self.shared.lock();
        truth.note(|| "the world is healed".into());
        truth.random.heal();
        truth.store_down_until = None;
        truth.blobs_down_until = None;
        truth.broker_down_until = None;
        for worker in &mut truth.workers {
            worker.cut_until = None;
        }
        self.people.remove_obstacles(&mut truth);
    }

    /// People skip from time to time what waits for a run that failed.
    fn skip_what_waits(&mut self) {
        if self.looked.elapsed() > LOOK_EVERY {
            self.looked = Instant::now();
            let mut truth = self.shared.lock();
            if let Err(_undecided) = past::skip_what_waits(&mut self.people, &mut truth) {
                // One that seems to wait for nothing may wait for the next turn.
            }
        }
    }

    async fn come_to_rest(&mut self) -> Result<(), String> {
        let (mut since, mut before) = (Instant::now(), self.ended_runs());
        while let Some(left) = self.unfinished() {
            self.skip_what_waits();
            if since.elapsed() > MAX_HEALING {
                let ended = self.ended_runs();
                let is_held = past::skip_what_waits(&mut self.people, &mut self.shared.lock())?;
                if ended == before && !is_held {
                    return Err(format!("the world was healed, and {left} all the same"));
                }
                (since, before) = (Instant::now(), ended);
            }
            self.step().await?;
        }
        Ok(())
    }

    async fn end_schedulers(&mut self) -> Result<(), String> {
        for slot in &mut self.schedulers {
            if let Some(process) = &mut slot.process {
                process.request_stop();
            }
            slot.starts_at = Instant::now() + 2 * MAX_HEALING;
        }
        let began = Instant::now();
        while self.schedulers.iter().any(|slot| slot.process.is_some()) {
            if began.elapsed() > MAX_HEALING {
                return Err("a scheduler doesn't end when it is asked to".into());
            }
            self.step().await?;
        }
        Ok(())
    }

    /// Everything that is due now, and then whatever schedulers do until the next is.
    async fn step(&mut self) -> Result<(), String> {
        let now = Instant::now();
        for who in 0..self.schedulers.len() {
            let slot = &self.schedulers[who];
            if slot.process.is_none() && slot.starts_at <= now {
                self.start(who);
            }
        }
        self.run_workers(now);
        if self.healed.is_none() {
            if self.next_act <= now {
                self.act(now);
            }
            if self.next_fault <= now {
                self.inject_fault(now);
            }
            self.fail_over(now);
        }
        self.until_next().await;
        match self.shared.lock().finding.take() {
            Some(what) => Err(what),
            None => Ok(()),
        }
    }

    fn run_workers(&mut self, now: Instant) {
        let mut truth = self.shared.lock();
        let due: Vec<usize> = (0..truth.workers.len())
            .filter(|at| truth.workers[*at].next() <= now)
            .collect();
        for at in &due {
            if !self.embedded && truth.takes_down(*at) {
                truth.fault("fault: a task took down its worker");
                self.lives += 1;
                truth.kill_worker(*at, self.lives);
            }
            truth.work(*at);
        }
        drop(truth);
        if !due.is_empty() {
            self.shared.news.notify_waiters();
        }
    }

    fn act(&mut self, now: Instant) {
        let mut truth = self.shared.lock();
        let wake = self.people.act(&mut truth);
        self.next_act = now + truth.random.span(5, 300);
        if let Some(wake) = wake {
            if truth.random.percent(25) {
                truth.fault("fault: wake-up lost");
                return;
            }
            drop(truth);
            self.wake(wake);
        }
    }

    fn wake(&self, wake: Wake) {
        for slot in &self.schedulers {
            if let Some(process) = &slot.process {
                process.handle.wake(wake);
            }
        }
    }

    fn start(&mut self, who: usize) {
        self.starts += 1;
        let seed = {
            let mut truth = self.shared.lock();
            truth.note(|| format!("scheduler {who} starts"));
            truth.random.rng.u64(..)
        };
        let start = Start {
            who,
            number: self.starts,
            seed,
            embedded: self.embedded,
            bug: self.options.bug,
        };
        self.schedulers[who].process = Some(Process::start(&self.shared, start));
    }

    /// When the world acts next, whatever the schedulers do.
    fn next_event(&self) -> Instant {
        let far = Instant::now() + Duration::from_mins(1);
        let mut next = far;
        if self.healed.is_none() {
            next = next.min(self.next_act).min(self.next_fault);
            next = next.min(self.next_failover().unwrap_or(far));
        }
        for slot in &self.schedulers {
            match &slot.process {
                None => next = next.min(slot.starts_at),
                Some(process) => next = next.min(process.suspended_until.unwrap_or(far)),
            }
        }
        let truth = self.shared.lock();
        let workers = truth.workers.iter().map(Worker::next).min();
        next.min(workers.unwrap_or(far))
    }

    async fn until_next(&mut self) {
        let at = self.next_event();
        let mut alarm = pin!(sleep_until(at));
        poll_fn(|context| {
            let polls = self.poll_woken(context);
            let must_look = self.shared.lock().finding.is_some() || self.next_event() < at;
            if polls >= MAX_POLLS {
                let spins = Err("a scheduler spins".into());
                self.shared.lock().judge(spins);
                return Poll::Ready(());
            }
            if must_look {
                return Poll::Ready(());
            }
            alarm.as_mut().poll(context)
        })
        .await;
    }

    /// Polls tasks of schedulers that were woken, in random order, one step each.
    fn poll_woken(&mut self, context: &Context<'_>) -> u32 {
        let mut polls = 0;
        loop {
            let now = Instant::now();
            for slot in &mut self.schedulers {
                if let Some(process) = &mut slot.process
                    && process.suspended_until.is_some_and(|until| until <= now)
                {
                    process.suspended_until = None;
                }
            }
            let woken: Vec<(usize, Step)> = (0..self.schedulers.len())
                .flat_map(|who| {
                    let process = self.schedulers[who].process.as_ref();
                    let woken = process.map_or_else(Vec::new, |process| process.woken(now));
                    woken.into_iter().map(move |step| (who, step))
                })
                .collect();
            if woken.is_empty() || polls >= MAX_POLLS || self.shared.lock().finding.is_some() {
                return polls;
            }
            let (who, step) = if woken.len() == 1 {
                woken[0]
            } else {
                woken[self.shared.lock().random.rng.usize(0..woken.len())]
            };
            polls += 1;
            self.poll(who, step, context);
        }
    }

    fn poll(&mut self, who: usize, step: Step, context: &Context<'_>) {
        let Some(process) = &mut self.schedulers[who].process else {
            return;
        };
        match process.poll(step, context) {
            Polled::Waits => {}
            Polled::Crashed => self.crash(who),
            Polled::Panicked => {
                let panicked = Err(format!("scheduler {who} panicked"));
                self.shared.lock().judge(panicked);
            }
            Polled::Ended(Ok(())) => {
                self.shared
                    .lock()
                    .note(|| format!("scheduler {who} has ended"));
                self.leave(who);
            }
            Polled::Ended(Err(error)) => {
                let gave_up = match error {
                    // Its first word to the database or its last got no answer.
                    weft_scheduler::SchedulerError::Store(
                        weft_store::StoreError::Unavailable(_) | weft_store::StoreError::Full(_),
                    ) => Ok(()),
                    error => Err(format!("scheduler {who} gave up: {error}")),
                };
                self.shared.lock().judge(gave_up);
                self.leave(who);
            }
        }
    }

    fn crash(&mut self, who: usize) {
        let mut truth = self.shared.lock();
        let at = std::mem::take(&mut truth.pending_calls[who]);
        truth.note(|| format!("scheduler {who} crashes at {at:?}"));
        let kind = at.last().map_or("crash: between calls", |pending| {
            Call::crash(pending.call, pending.stage)
        });
        truth.fault(kind);
        if self.embedded {
            // Everything is one process.
            truth.broker_state.lose_everything(Instant::now());
            for at in 0..truth.workers.len() {
                self.lives += 1;
                truth.kill_worker(at, self.lives);
            }
        }
        drop(truth);
        self.leave(who);
    }

    /// The process is gone, and comes again.
    fn leave(&mut self, who: usize) {
        let slot = &mut self.schedulers[who];
        slot.process = None;
        let mut truth = self.shared.lock();
        truth.pending_calls[who].clear();
        let pause = truth.random.span(0, 2_000);
        slot.starts_at = slot.starts_at.max(Instant::now() + pause);
        truth.hinder_renewals(who, pause);
    }
}
