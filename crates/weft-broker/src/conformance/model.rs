//! A broker as plain lists: slow, and too simple to be wrong.

use super::{Fixture, key};
use crate::{Demand, LeaseTerms, Notice, WorkerInfo};
use std::{sync::Arc, time::Duration};

/// Attempts are numbers here.
type Number = u32;

#[derive(Debug, Clone)]
pub(super) struct Queued {
    pub(super) number: Number,
    queue: Arc<str>,
    priority: i32,
    /// It was given back before, and goes before those that were not.
    was_held: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) number: Number,
    pub(super) worker: usize,
    ends: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Released {
    pub(super) number: Number,
    ends: Duration,
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) info: WorkerInfo,
    /// When the registration ends; none where there is none.
    ends: Option<Duration>,
    pub(super) is_paused: bool,
}

#[derive(Debug)]
pub(super) struct Model {
    now: Duration,
    lease: Duration,
    queue_length: usize,
    /// In the order of publishing.
    pub(super) queued: Vec<Queued>,
    pub(super) held: Vec<Held>,
    /// And not published again.
    pub(super) released: Vec<Released>,
    /// With the worker that reported it.
    pub(super) reported: Vec<(Number, usize)>,
    pub(super) workers: Vec<Member>,
    /// Taken away from workers, so not to be announced.
    fenced: Vec<Number>,
    /// What the scheduler must be notified, besides demand and repetitions.
    pub(super) notices: Vec<Notice>,
}

impl Model {
    pub(super) fn new(fixture: &dyn Fixture, workers: Vec<WorkerInfo>) -> Self {
        let LeaseTerms { lease, .. } = fixture.terms();
        Self {
            now: Duration::ZERO,
            lease,
            queue_length: fixture.queue_length(),
            queued: Vec::new(),
            held: Vec::new(),
            released: Vec::new(),
            reported: Vec::new(),
            workers: workers
                .into_iter()
                .map(|info| Member {
                    info,
                    ends: None,
                    is_paused: false,
                })
                .collect(),
            fenced: Vec::new(),
            notices: Vec::new(),
        }
    }

    pub(super) fn knows(&self, number: Number) -> bool {
        self.queued.iter().any(|queued| queued.number == number)
            || self.held.iter().any(|held| held.number == number)
            || self.is_released(number)
            || self
                .reported
                .iter()
                .any(|(reported, _)| *reported == number)
    }

    fn is_released(&self, number: Number) -> bool {
        self.released.iter().any(|other| other.number == number)
    }

    /// Whether it is taken.
    pub(super) fn publish(&mut self, number: Number, queue: &Arc<str>, priority: i32) -> bool {
        let was_held = self.is_released(number);
        if self.knows(number) && !was_held {
            return true;
        }
        let length = self
            .queued
            .iter()
            .filter(|other| other.queue == *queue)
            .count();
        if length >= self.queue_length {
            return false;
        }
        self.released.retain(|other| other.number != number);
        self.queued.push(Queued {
            number,
            queue: queue.clone(),
            priority,
            was_held,
        });
        true
    }

    pub(super) fn is_registered(&self, worker: usize) -> bool {
        self.workers[worker].ends.is_some()
    }

    /// Any call of a registered worker.
    pub(super) fn calls(&mut self, worker: usize) {
        self.workers[worker].ends = Some(self.now + self.lease);
    }

    fn room(&self, worker: usize) -> usize {
        let member = &self.workers[worker];
        if member.is_paused {
            return 0;
        }
        let held = self
            .held
            .iter()
            .filter(|held| held.worker == worker)
            .count();
        ((member.info.slots + member.info.prefetch) as usize).saturating_sub(held)
    }

    /// What a claim returns now; nothing where it waits.
    pub(super) fn claim(&mut self, worker: usize, max: usize) -> Vec<Number> {
        let mut claimed = Vec::new();
        let room = self.room(worker).min(max);
        for queue in self.workers[worker].info.queues.clone() {
            while claimed.len() < room {
                let mut best: Option<usize> = None;
                for (at, queued) in self.queued.iter().enumerate() {
                    let rank = |queued: &Queued| (queued.priority, queued.was_held);
                    if queued.queue == queue
                        && best.is_none_or(|best| rank(queued) > rank(&self.queued[best]))
                    {
                        best = Some(at);
                    }
                }
                let Some(best) = best else { break };
                let number = self.queued.remove(best).number;
                self.hold(number, worker);
                claimed.push(number);
            }
        }
        claimed
    }

    fn hold(&mut self, number: Number, worker: usize) {
        self.held.push(Held {
            number,
            worker,
            ends: self.now + self.lease,
        });
        self.notices.push(Notice::Started {
            key: key(number),
            worker: self.workers[worker].info.id.clone(),
        });
    }

    /// Returns what is lost.
    pub(super) fn renew(&mut self, worker: usize, numbers: &[Number]) -> Vec<Number> {
        let mut lost = Vec::new();
        for number in numbers {
            let ends = self.now + self.lease;
            let held = self
                .held
                .iter_mut()
                .find(|held| held.number == *number && held.worker == worker);
            if let Some(held) = held {
                held.ends = ends;
            } else if !self.reported.contains(&(*number, worker)) {
                lost.push(*number);
            }
        }
        lost
    }

    pub(super) fn release(&mut self, worker: usize, numbers: &[Number]) {
        for number in numbers {
            let is_its = |held: &Held| held.number == *number && held.worker == worker;
            let Some(at) = self.held.iter().position(is_its) else {
                continue;
            };
            self.held.remove(at);
            if self.reported.iter().all(|(reported, _)| reported != number) {
                self.released.push(Released {
                    number: *number,
                    ends: self.now + self.lease,
                });
                self.notices.push(super::sample::released(*number));
            }
        }
    }

    /// Whether a worker other than this one holds it.
    pub(super) fn is_held_by_another(&self, worker: usize, number: Number) -> bool {
        let mut held = self.held.iter();
        held.any(|held| held.number == number && held.worker != worker)
    }

    /// A report that is kept; duplicates, and those of attempts that another worker holds, are the
    /// caller's to leave out.
    pub(super) fn report(&mut self, worker: usize, number: Number) {
        self.queued.retain(|queued| queued.number != number);
        self.released.retain(|other| other.number != number);
        self.held
            .retain(|held| held.number != number || held.worker != worker);
        self.reported.push((number, worker));
        self.notices.push(super::sample::finished(
            number,
            &self.workers[worker].info.id,
        ));
    }

    /// Who hears of it.
    pub(super) fn confirm(&mut self, number: Number) -> Option<usize> {
        let at = self
            .reported
            .iter()
            .position(|(reported, _)| *reported == number)?;
        Some(self.reported.remove(at).1)
    }

    /// Who is to kill it.
    pub(super) fn revoke(&mut self, number: Number) -> Option<usize> {
        self.queued.retain(|queued| queued.number != number);
        self.released.retain(|other| other.number != number);
        let at = self.held.iter().position(|held| held.number == number)?;
        self.fenced.push(number);
        Some(self.held.remove(at).worker)
    }

    pub(super) fn register(&mut self, worker: usize, holding: &[Number]) {
        self.calls(worker);
        self.workers[worker].is_paused = false;
        self.expire(|held| held.worker == worker && !holding.contains(&held.number));
        for number in holding {
            if let Some(held) = self.held.iter_mut().find(|held| held.number == *number) {
                if held.worker == worker {
                    held.ends = self.now + self.lease;
                }
                continue;
            }
            if self.is_released(*number) {
                continue;
            }
            let is_queued = self.queued.iter().any(|queued| queued.number == *number);
            let is_reported = self.reported.iter().any(|(reported, _)| reported == number);
            if is_queued || !(is_reported || self.fenced.contains(number)) {
                self.queued.retain(|queued| queued.number != *number);
                self.hold(*number, worker);
            }
        }
    }

    pub(super) fn leave(&mut self, worker: usize) {
        self.workers[worker].ends = None;
        self.expire(|held| held.worker == worker);
    }

    pub(super) fn pass(&mut self, span: Duration) {
        self.now += span;
        let now = self.now;
        self.expire(|held| held.ends <= now);
        self.released.retain(|other| other.ends > now);
        for worker in 0..self.workers.len() {
            if self.workers[worker].ends.is_some_and(|ends| ends <= now) {
                self.leave(worker);
            }
        }
    }

    fn expire(&mut self, is_over: impl Fn(&Held) -> bool) {
        for held in self.held.extract_if(.., |held| is_over(held)) {
            self.notices.push(super::sample::expired(held.number));
            self.fenced.push(held.number);
        }
    }

    pub(super) fn demand(&self) -> Vec<Demand> {
        let members = || {
            (0..self.workers.len())
                .filter(|worker| self.is_registered(*worker) && !self.workers[*worker].is_paused)
        };
        let mut queues: Vec<Arc<str>> = self
            .queued
            .iter()
            .map(|queued| queued.queue.clone())
            .collect();
        queues.extend(members().flat_map(|worker| self.workers[worker].info.queues.clone()));
        queues.sort();
        queues.dedup();
        let count = |number: usize| u32::try_from(number).expect("a small number");
        queues
            .into_iter()
            .map(|queue| {
                let waiting = self
                    .queued
                    .iter()
                    .filter(|queued| queued.queue == queue)
                    .count();
                let serving: Vec<usize> = members()
                    .filter(|worker| self.workers[*worker].info.queues.contains(&queue))
                    .collect();
                let room: usize = serving.iter().map(|worker| self.room(*worker)).sum();
                Demand::new(
                    queue,
                    count(room),
                    count(waiting),
                    count(serving.len()),
                    None,
                )
            })
            .collect()
    }
}
