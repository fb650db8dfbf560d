//! Simulated workers: they claim, run, renew, report until they are confirmed,
//! kill what they lost, are cut off, and die.

use super::{dice::Dice, documents::Fates, switchboard::LEASE, truth::Truth};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Dispatch, Failure, Report, ReportedOutcome, Signal, Usage};
use weft_core::{run::Attempt, run_id::RunId, suspicion::Evidence};

/// How often a worker renews its leases.
const RENEW: Duration = Duration::from_millis(1_200);

/// One worker.
#[derive(Debug)]
pub struct Worker {
    /// Unique over all workers and all their lives.
    pub id: Arc<str>,
    queues: Vec<Arc<str>>,
    slots: u32,
    /// What it runs, and when that ends.
    running: Vec<(Dispatch, Instant)>,
    /// Reports that nobody confirmed.
    outbox: Vec<Report>,
    /// When it was last heard.
    last_contact: Instant,
    /// Until when nobody hears it.
    pub(crate) cut_until: Option<Instant>,
    next: Instant,
}

impl Worker {
    /// A worker that holds nothing.
    pub fn new(id: Arc<str>, queues: Vec<Arc<str>>, slots: u32) -> Self {
        Self {
            id,
            queues,
            slots,
            running: Vec::new(),
            outbox: Vec::new(),
            last_contact: Instant::now(),
            cut_until: None,
            next: Instant::now(),
        }
    }

    /// The same machine after its process died: another worker, that knows nothing.
    #[must_use]
    fn reborn(&self, life: u64) -> Self {
        let name = self.id.split('.').next().unwrap_or_default();
        Self::new(
            format!("{name}.{life}").into(),
            self.queues.clone(),
            self.slots,
        )
    }

    /// What is left of its process says who was in guest code, and whether it was killed from
    /// outside; if not, each of them had that to itself or not, as the dice say.
    fn suspects(&self, dice: &mut Dice) -> Vec<(Dispatch, Evidence)> {
        if !dice.percent(50) {
            return Vec::new();
        }
        let others = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        let is_from_outside = dice.percent(20);
        let running = self.running.iter().map(|(dispatch, _)| dispatch.clone());
        running
            .map(|dispatch| {
                let evidence = if is_from_outside {
                    Evidence::Outside
                } else if dice.percent(70) {
                    Evidence::Alone
                } else {
                    Evidence::Among { others }
                };
                (dispatch, evidence)
            })
            .collect()
    }

    /// When it does something next.
    pub const fn next(&self) -> Instant {
        self.next
    }

    /// It does something at this time at the latest.
    pub fn look_at(&mut self, at: Instant) {
        self.next = self.next.min(at);
    }

    /// What an attempt is called that it runs and can be sure that it may.
    pub fn surely_runs(&self, run: RunId, attempt: Attempt, now: Instant) -> Option<AttemptKey> {
        let running = self.running.iter().map(|(dispatch, _)| dispatch.key);
        let mut of_it = running.filter(|key| key.run == run && key.attempt == attempt);
        of_it.next().filter(|_key| now < self.last_contact + LEASE)
    }

    /// What it has not got rid of.
    pub fn leftovers(&self) -> Option<String> {
        let (running, reports) = (self.running.len(), self.outbox.len());
        (running + reports > 0).then(|| {
            format!(
                "worker {} still has {running} attempts and {reports} reports",
                self.id
            )
        })
    }

    fn keys(&self) -> Vec<AttemptKey> {
        self.running
            .iter()
            .map(|(dispatch, _)| dispatch.key)
            .collect()
    }

    fn kill(&mut self, key: &AttemptKey) {
        self.running.retain(|(dispatch, _)| dispatch.key != *key);
    }

    /// What ended becomes reports.
    fn finish(&mut self, now: Instant, fates: &mut Fates<'_>) {
        let (over, still): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|(_, ends)| *ends <= now);
        self.running = still;
        for (dispatch, _) in over {
            let outcome = fates.outcome(&dispatch, &self.id);
            let report = Report {
                key: dispatch.key,
                outcome,
                usage: Usage {
                    wall_us: 1,
                    ..Usage::default()
                },
                log: None,
                artifacts: Vec::new(),
                worker: Arc::clone(&self.id),
            };
            fates.made(&report);
            self.outbox.push(report);
        }
    }
}

impl Truth {
    /// Whether a task that ends now takes its worker down with it instead.
    pub fn takes_down(&mut self, at: usize) -> bool {
        if !self.crashes {
            return false;
        }
        let now = Instant::now();
        let Self {
            workers,
            tables,
            dice,
            deadly,
            ..
        } = self;
        let running = workers[at].running.iter();
        let ending = running.filter(|(_, ends)| *ends <= now);
        let mut tasks = ending.filter_map(|(dispatch, _)| {
            let dag = tables.run_row(dispatch.key.run)?.stored.dag;
            Some((dag, dispatch.document.task.clone()))
        });
        // The first task that ends in a world is its deadly one.
        let is_there = tasks.any(|task| *deadly.get_or_insert_with(|| task.clone()) == task);
        is_there && dice.takes_down()
    }

    /// A worker's process dies, and the next one may find out who was there.
    pub fn kill_worker(&mut self, at: usize, life: u64) {
        let before = &self.workers[at];
        let mut next = before.reborn(life);
        let suspects = if self.crashes {
            before.suspects(&mut self.dice)
        } else {
            Vec::new()
        };
        for (dispatch, evidence) in suspects {
            self.coverage
                .add("worker: tells who was there when it died");
            self.auditor.suspected(dispatch.key);
            if evidence == Evidence::Alone {
                self.auditor.died(&dispatch);
            }
            next.outbox.push(Report {
                key: dispatch.key,
                outcome: ReportedOutcome::Failed(Failure::crashed(&next.id, evidence)),
                usage: Usage::default(),
                log: None,
                artifacts: Vec::new(),
                worker: Arc::clone(&next.id),
            });
        }
        self.workers[at] = next;
    }

    /// One worker does what it has to.
    pub fn work(&mut self, at: usize) {
        let now = Instant::now();
        let broker_answers = self.broker_answers();
        let Self {
            switchboard,
            workers,
            auditor,
            dice,
            coverage,
            tables,
            clock,
            ..
        } = self;
        let worker = &mut workers[at];
        let mut fates = Fates {
            dice: &mut *dice,
            tables: &*tables,
            auditor: &mut *auditor,
            coverage: &mut *coverage,
            now: clock.now(),
        };
        worker.finish(now, &mut fates);
        if worker.cut_until.is_some_and(|until| until <= now) {
            worker.cut_until = None;
        }
        let reached = worker.cut_until.is_none() && broker_answers && !dice.call_fails();
        if reached {
            switchboard.pass_time(now, dice, coverage);
            let held = worker.keys();
            if !switchboard.has_worker(&worker.id) {
                coverage.add("worker: registers");
                // What it has a report of is nobody else's to begin.
                let reports = worker.outbox.iter().map(|report| report.key);
                let holding: Vec<AttemptKey> = held.iter().copied().chain(reports).collect();
                switchboard.register(
                    &worker.id,
                    &worker.queues,
                    worker.slots,
                    &holding,
                    now,
                    (&mut *dice, &mut *coverage),
                );
            }
            worker.last_contact = now;
            for lost in switchboard.renew(&worker.id, &held, now) {
                coverage.add("worker: kills what it lost");
                worker.kill(&lost);
            }
            for signal in switchboard.signals(&worker.id) {
                match signal {
                    Signal::Revoked(key) => {
                        coverage.add("worker: kills what was revoked");
                        worker.kill(&key);
                    }
                    Signal::Confirmed(key) => worker.outbox.retain(|report| report.key != key),
                    Signal::Drain => {
                        unreachable!("no operator of the simulation sends workers home")
                    }
                }
            }
            for report in &worker.outbox {
                switchboard.report(&worker.id, report.clone(), now, dice, coverage);
            }
            let claimed = switchboard.claim(&worker.id, now, dice, coverage);
            if dice.call_fails() {
                if !claimed.is_empty() {
                    coverage.add("fault: claim lost on its way");
                }
            } else {
                for dispatch in claimed {
                    if dice.gives_back() {
                        coverage.add("worker: gives back what it never began");
                        let told = (&mut *dice, &mut *coverage);
                        switchboard.release(&worker.id, dispatch.key, now, told);
                        continue;
                    }
                    let ends = now + Fates::duration(dice);
                    worker.running.push((dispatch, ends));
                }
            }
        } else if now >= worker.last_contact + LEASE && !worker.running.is_empty() {
            coverage.add("worker: kills all, since it can't renew");
            worker.running.clear();
        }
        let ends = worker.running.iter().map(|(_, ends)| *ends).min();
        let soon = now + if reached { RENEW } else { RENEW / 4 };
        worker.next = ends
            .map_or(soon, |ends| ends.min(soon))
            .max(now + Duration::from_millis(1));
    }
}
