//! Runs the workers of a world: attempts end, workers crash, renew, claim and report.

use super::{
    broker_state::{BrokerState, LEASE},
    fates::Fates,
    random::Randomness,
    truth::Truth,
    worker::{RENEW, Worker},
};
use crate::coverage::Coverage;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Failure, Report, ReportedOutcome, Signal, Usage};
use weft_core::suspicion::Evidence;

impl Worker {
    /// Turns ended attempts into reports.
    fn finish(&mut self, now: Instant, fates: &mut Fates<'_>) {
        let (over, still): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|(_, ends)| *ends <= now);
        self.running = still;
        for (dispatch, _) in over {
            let outcome = fates.outcome(&dispatch, &self.id);
            let ahead = fates.run_ahead(&dispatch, &outcome, &self.id);
            let report = Report {
                key: dispatch.key,
                outcome,
                usage: Usage {
                    wall_us: 1,
                    ..Usage::default()
                },
                log: None,
                artifacts: Vec::new(),
                updates: Vec::new(),
                worker: Arc::clone(&self.id),
                secret: None,
                ahead,
            };
            fates.made(&report);
            self.outbox.push(report);
        }
    }

    /// Registers where the broker doesn't know it, renews what it runs, and follows signals.
    fn renew(
        &mut self,
        now: Instant,
        broker: &mut BrokerState,
        (random, coverage): (&mut Randomness, &mut Coverage),
    ) {
        let held = self.keys();
        if !broker.has_worker(&self.id) {
            coverage.add("worker: registers");
            // An attempt that it has a report of must not start again.
            let reports = self.outbox.iter().map(|report| report.key);
            let holding: Vec<AttemptKey> = held.iter().copied().chain(reports).collect();
            let faults = (random, &mut *coverage);
            broker.register(&self.id, &self.queues, self.slots, &holding, now, faults);
        }
        self.last_contact = now;
        for lost in broker.renew(&self.id, &held, now) {
            coverage.add("worker: kills what it lost");
            self.kill(&lost);
        }
        for signal in broker.signals(&self.id) {
            match signal {
                Signal::Revoked(key) => {
                    coverage.add("worker: kills what was revoked");
                    self.kill(&key);
                }
                Signal::Confirmed(key) => self.outbox.retain(|report| report.key != key),
                Signal::Drain => {
                    unreachable!("no operator of the simulation drains workers")
                }
            }
        }
    }

    /// Starts what it claims, unless the answer is lost or it releases the attempt at once.
    fn claim(
        &mut self,
        now: Instant,
        broker: &mut BrokerState,
        (random, coverage): (&mut Randomness, &mut Coverage),
    ) {
        let claimed = broker.claim(&self.id, now, random, coverage);
        if random.call_fails() {
            if !claimed.is_empty() {
                coverage.add("fault: claim lost on its way");
            }
            return;
        }
        for dispatch in claimed {
            if random.releases() {
                coverage.add("worker: releases what it never started");
                let faults = (&mut *random, &mut *coverage);
                broker.release(&self.id, dispatch.key, now, faults);
                continue;
            }
            let ends = now + Fates::duration(random);
            self.running.push((dispatch, ends));
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
            random,
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
        is_there && random.takes_down()
    }

    /// A worker's process dies, and the next one may find out who was there.
    pub fn kill_worker(&mut self, at: usize, life: u64) {
        let before = &self.workers[at];
        let mut next = before.restart(life);
        let suspects = if self.crashes {
            before.suspects(&mut self.random)
        } else {
            Vec::new()
        };
        for (dispatch, evidence) in suspects {
            self.coverage.add("worker: reports what ran when it died");
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
                updates: Vec::new(),
                worker: Arc::clone(&next.id),
                secret: None,
                ahead: Vec::new(),
            });
        }
        self.workers[at] = next;
    }

    /// One worker does what it has to.
    pub fn work(&mut self, at: usize) {
        let now = Instant::now();
        let broker_answers = self.broker_answers();
        let Self {
            broker_state,
            workers,
            auditor,
            random,
            coverage,
            tables,
            clock,
            ..
        } = self;
        let worker = &mut workers[at];
        let mut fates = Fates {
            random: &mut *random,
            tables: &mut *tables,
            auditor: &mut *auditor,
            coverage: &mut *coverage,
            now: clock.now(),
        };
        worker.finish(now, &mut fates);
        if worker.cut_until.is_some_and(|until| until <= now) {
            worker.cut_until = None;
        }
        let reached = worker.cut_until.is_none() && broker_answers && !random.call_fails();
        if reached {
            broker_state.pass_time(now, random, coverage);
            worker.renew(now, broker_state, (&mut *random, &mut *coverage));
            for report in &worker.outbox {
                broker_state.report(&worker.id, report.clone(), now, random, coverage);
            }
            worker.claim(now, broker_state, (random, coverage));
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
