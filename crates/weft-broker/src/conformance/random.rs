//! Random calls, compared with the model after each.

use super::{
    Fixture, held_all, key,
    model::Model,
    sample::{dispatch, keys, report, rest},
    soon, waits,
};
use crate::{AttemptKey, Notice, SchedulerBroker, Signal, WorkerBroker, WorkerInfo};
use fastrand::Rng;
use std::sync::Arc;

/// Calls of each.
const STEPS: usize = 250;

/// Attempts that calls name.
const ATTEMPTS: u32 = 24;

struct Run<'a> {
    fixture: &'a dyn Fixture,
    scheduler: Arc<dyn SchedulerBroker>,
    workers: Vec<Arc<dyn WorkerBroker>>,
    model: Model,
    rng: Rng,
    queues: [Arc<str>; 3],
    /// The first of its attempts: what a seed before did to others is not forgotten.
    first: u32,
}

/// Sequences of 250 calls each. A failing one names its seed.
pub async fn random_calls_agree_with_a_naive_model(fixture: &dyn Fixture) {
    for seed in 0..fixture.seeds() {
        let mut run = Run::new(fixture, seed).await;
        for step in 0..STEPS {
            run.step(&format!("seed {seed}, step {step}")).await;
        }
        run.clean_up().await;
    }
}

impl<'a> Run<'a> {
    async fn new(fixture: &'a dyn Fixture, seed: u64) -> Self {
        let queues: [Arc<str>; 3] = ["a".into(), "b".into(), "c".into()];
        let info = |at: usize, queues: &[Arc<str>], slots, prefetch| WorkerInfo {
            id: format!("worker {at}").into(),
            queues: queues.to_vec(),
            slots,
            prefetch,
            memory_bytes: None,
            labels: Vec::new(),
        };
        let infos = vec![
            info(0, &queues[..1], 1, 1),
            info(1, &[queues[1].clone(), queues[0].clone()], 2, 0),
            info(2, &queues[1..], 3, 2),
        ];
        let mut workers = Vec::new();
        for _ in &infos {
            workers.push(fixture.worker().await);
        }
        let scheduler = fixture.scheduler().await;
        rest(fixture, &*scheduler).await;
        Self {
            fixture,
            scheduler,
            workers,
            model: Model::new(fixture, infos),
            rng: Rng::with_seed(seed),
            queues,
            first: u32::try_from(seed).expect("few seeds") * ATTEMPTS,
        }
    }

    fn all(&self) -> std::ops::Range<u32> {
        self.first..self.first + ATTEMPTS
    }

    fn number(&mut self) -> u32 {
        let all = self.all();
        self.rng.u32(all)
    }

    async fn step(&mut self, context: &str) {
        let worker = self.rng.usize(0..self.workers.len());
        match self.rng.u32(0..100) {
            0..25 => self.publish(context).await,
            25..33 => self.revoke(context).await,
            33..40 => self.confirm(context).await,
            40..47 => self.advance_time().await,
            47..50 => self.known(context).await,
            50..58 => self.register(worker).await,
            _ if !self.model.is_registered(worker) => self.register(worker).await,
            58..78 => self.claim(worker, context).await,
            78..86 => self.report(worker, context).await,
            86..92 => self.renew(worker, context).await,
            92..94 => self.release(worker, context).await,
            94..97 => {
                soon("pause", self.workers[worker].pause())
                    .await
                    .expect(context);
                self.model.calls(worker);
                self.model.workers[worker].is_paused = true;
            }
            _ => {
                soon("leave", self.workers[worker].leave())
                    .await
                    .expect(context);
                self.model.leave(worker);
            }
        }
        self.compare(context).await;
    }

    /// What the scheduler is notified, and the demand.
    async fn compare(&mut self, context: &str) {
        let expected: Vec<Notice> = self.model.notices.drain(..).collect();
        let mut delivered = Vec::new();
        // What must come is waited for, however slow the machine is; what must
        // not is watched for.
        while let Some(missing) = expected.iter().find(|notice| !delivered.contains(*notice)) {
            let what = format!("{context}: {missing:?}, after {delivered:?},");
            let received = soon(&what, self.scheduler.receive(100)).await;
            delivered.extend(received.expect(context));
        }
        delivered.extend(rest(self.fixture, &*self.scheduler).await);
        delivered.retain(|notice| *notice != Notice::Demand);
        for notice in &delivered {
            match notice {
                Notice::Finished(report) => {
                    let is_known = self
                        .model
                        .reported
                        .iter()
                        .any(|(number, _)| key(*number) == report.key);
                    assert!(is_known, "{context}: {notice:?}");
                }
                Notice::Started { key: started, .. } => {
                    let is_held = self
                        .model
                        .held
                        .iter()
                        .any(|held| key(held.number) == *started);
                    assert!(is_held, "{context}: {notice:?}");
                }
                Notice::Expired { key: expired } => {
                    let count = delivered.iter().filter(|other| *other == notice).count();
                    let is_held = self
                        .model
                        .held
                        .iter()
                        .any(|held| key(held.number) == *expired);
                    assert!(
                        count == 1 && !is_held,
                        "{context}: {notice:?} in {delivered:?}"
                    );
                }
                Notice::Released { key: returned } => {
                    let mut released = self.model.released.iter();
                    let is_released = released.any(|other| key(other.number) == *returned);
                    assert!(is_released, "{context}: {notice:?}");
                }
                Notice::Demand => unreachable!("left out"),
            }
        }
        let demand = soon("demand", self.scheduler.demand())
            .await
            .expect(context);
        assert_eq!(demand, self.model.demand(), "{context}");
    }

    async fn publish(&mut self, context: &str) {
        let mut dispatches = Vec::new();
        let mut refused = Vec::new();
        for _ in 0..self.rng.usize(1..6) {
            let number = self.number();
            let queue = self.queues[self.rng.usize(0..self.queues.len())].clone();
            let priority = self.rng.i32(-1..2);
            dispatches.push(dispatch(number, &queue, priority));
            if !self.model.publish(number, &queue, priority) {
                refused.push(key(number));
            }
        }
        let result = soon("publish", self.scheduler.publish(dispatches)).await;
        let returned: Vec<AttemptKey> = match result {
            Ok(()) => Vec::new(),
            Err((dispatches, _full)) => dispatches.iter().map(|dispatch| dispatch.key).collect(),
        };
        assert_eq!(returned, refused, "{context}");
    }

    async fn claim(&mut self, worker: usize, context: &str) {
        let max = self.rng.u32(1..5);
        self.model.calls(worker);
        let expected = self.model.claim(worker, max as usize);
        let call = self.workers[worker].claim(max);
        if expected.is_empty() {
            waits(self.fixture, context, call).await;
            return;
        }
        let claims = soon(context, call).await.expect(context);
        let claimed: Vec<_> = claims.iter().map(|claim| claim.dispatch.key).collect();
        assert_eq!(claimed, keys(&expected), "{context}");
    }

    /// Mostly of what the worker holds, sometimes of what it lost or never had.
    async fn report(&mut self, worker: usize, context: &str) {
        let held: Vec<u32> = self
            .model
            .held
            .iter()
            .filter(|held| held.worker == worker)
            .map(|held| held.number)
            .collect();
        let number = match self.rng.choice(&held) {
            Some(number) if self.rng.u32(0..5) > 0 => *number,
            Some(_) | None => self.number(),
        };
        let is_reported = self
            .model
            .reported
            .iter()
            .any(|(reported, _)| *reported == number);
        let is_full = self.model.reported.len() >= self.fixture.unconfirmed_reports();
        if is_reported || is_full {
            return;
        }
        self.model.calls(worker);
        let is_refused = self.model.is_held_by_another(worker, number);
        if !is_refused {
            self.model.report(worker, number);
        }
        let id = self.model.workers[worker].info.id.clone();
        soon(
            "report",
            self.workers[worker].report(vec![report(number, &id)]),
        )
        .await
        .expect("there is room");
        if is_refused {
            self.signalled(worker, Signal::Confirmed(key(number)), context)
                .await;
        }
    }

    async fn renew(&mut self, worker: usize, context: &str) {
        let numbers: Vec<u32> = self.all().filter(|_| self.rng.bool()).collect();
        self.model.calls(worker);
        let expected = self.model.renew(worker, &numbers);
        let lost = soon(
            "renew",
            self.workers[worker].renew(&held_all(&keys(&numbers))),
        )
        .await;
        assert_eq!(lost, Ok(keys(&expected)), "{context}");
    }

    async fn release(&mut self, worker: usize, context: &str) {
        let numbers: Vec<u32> = self.all().filter(|_| self.rng.bool()).collect();
        self.model.calls(worker);
        self.model.release(worker, &numbers);
        soon(
            "release",
            self.workers[worker].release(&held_all(&keys(&numbers))),
        )
        .await
        .expect(context);
    }

    async fn register(&mut self, worker: usize) {
        let numbers: Vec<u32> = self.all().filter(|_| self.rng.u32(0..8) == 0).collect();
        let info = self.model.workers[worker].info.clone();
        self.model.register(worker, &numbers);
        soon(
            "register",
            self.workers[worker].register(&info, &held_all(&keys(&numbers))),
        )
        .await
        .expect("answered");
        // What waited for the worker before may be gone with the registration.
    }

    async fn revoke(&mut self, context: &str) {
        let number = self.number();
        soon("revoke", self.scheduler.revoke(&keys(&[number])))
            .await
            .expect(context);
        if let Some(worker) = self.model.revoke(number) {
            self.signalled(worker, Signal::Revoked(key(number)), context)
                .await;
        }
    }

    async fn confirm(&mut self, context: &str) {
        let number = self.number();
        soon("confirm", self.scheduler.confirm(&keys(&[number])))
            .await
            .expect(context);
        if let Some(worker) = self.model.confirm(number)
            && self.model.is_registered(worker)
        {
            self.signalled(worker, Signal::Confirmed(key(number)), context)
                .await;
        }
    }

    async fn signalled(&mut self, worker: usize, signal: Signal, context: &str) {
        let signals = soon("signals", self.workers[worker].signals(9)).await;
        assert_eq!(signals, Ok(vec![signal]), "{context}");
    }

    /// Never to the very end of a lease: clocks of implementations may be a little apart.
    async fn advance_time(&mut self) {
        let lease = self.fixture.terms().lease;
        let span = if self.rng.u32(0..4) == 0 {
            lease * 12 / 10
        } else {
            lease * 4 / 10
        };
        self.fixture.advance_time(span).await;
        self.model.pass(span);
    }

    async fn known(&mut self, context: &str) {
        let numbers: Vec<u32> = self.all().filter(|_| self.rng.bool()).collect();
        let expected: Vec<u32> = numbers
            .iter()
            .copied()
            .filter(|number| self.model.knows(*number))
            .collect();
        let known = soon("known", self.scheduler.find_known(&keys(&numbers))).await;
        assert_eq!(known, Ok(keys(&expected)), "{context}");
    }

    /// Leaves the broker as empty as it was.
    async fn clean_up(&mut self) {
        let all: Vec<AttemptKey> = self.all().map(key).collect();
        soon("revoke", self.scheduler.revoke(&all))
            .await
            .expect("answered");
        soon("confirm", self.scheduler.confirm(&all))
            .await
            .expect("answered");
        for worker in 0..self.workers.len() {
            if self.model.is_registered(worker) {
                soon("leave", self.workers[worker].leave())
                    .await
                    .expect("registered");
            }
        }
    }
}
