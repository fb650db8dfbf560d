//! From a claim to a running attempt: free slots, component, memory.

use super::{Driver, Loaded, Membership, membership::CallKind};
use crate::{
    attempt::{self, Job},
    clock::BootInstant,
    components::Found,
    failure::{self, Retry},
    held::{Fate, Held, Running, Stage},
    load::{self, Component, ComponentKey, LoadFailure},
    metrics::Lookup,
    span,
};
use std::{sync::Arc, time::Instant};
use tokio::{
    sync::oneshot,
    task::{Id, JoinError},
};
use weft_broker::{AttemptKey, BrokerError, Claim, Dispatch, HeldClaim, Report};
use weft_core::limit::{Limits, Unit};
use weft_sandbox::CancelSignal;

impl Driver {
    /// Claims attempts for the free slots and the prefetch. While enough attempts wait it makes no
    /// call, so that under load each call claims several.
    pub(super) fn claim(&mut self, now: BootInstant) {
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        // Attempts that only wait for another watched one block no other attempt.
        let set_aside = u32::try_from(self.watch.waiting.len()).unwrap_or(u32::MAX);
        let waiting = held.saturating_sub(self.running).saturating_sub(set_aside);
        let most = self.options.slots + self.prefetch();
        let is_wanted = self.draining.is_none()
            && held < most
            && waiting <= self.prefetch() / 2
            && !self.outbox.is_full();
        if !is_wanted || !self.calls.claim.may_begin(now) {
            return;
        }
        let room = self.room(most - held, waiting);
        if room == 0 {
            return;
        }
        let broker = Arc::clone(&self.broker);
        self.calls
            .claim
            .begin(self.registrations, async move { broker.claim(room).await });
    }

    /// How many more attempts could start now, and how many more could wait. A slot without memory
    /// for an attempt does not count as free, so that a worker with more slots than memory leaves
    /// attempts to others.
    fn room(&self, most: u32, waiting: u32) -> u32 {
        let free_slots = if self.queued.is_empty() {
            let free_bytes = self.options.memory_bytes.saturating_sub(self.memory_bytes);
            let fit = (free_bytes / Limits::DEFAULT.memory_bytes).max(1);
            (self.options.slots - self.running).min(u32::try_from(fit).unwrap_or(u32::MAX))
        } else {
            0
        };
        (free_slots + self.prefetch())
            .saturating_sub(waiting)
            .min(most)
    }

    /// How many attempts are claimed ahead: none while those before waited in vain.
    const fn prefetch(&self) -> u32 {
        if self.is_crowded {
            0
        } else {
            self.options.prefetch
        }
    }

    pub(super) fn on_claimed(&mut self, result: Result<Vec<Claim>, BrokerError>, now: BootInstant) {
        match result {
            Ok(claims) => {
                self.calls.claim.backoff.succeeded();
                // The broker may release them and give them to other workers.
                let is_across = !matches!(self.membership, Membership::Joined)
                    || self.calls.claim.registration != self.registrations;
                self.is_unannounced |= is_across && !claims.is_empty();
                for claim in claims {
                    if self.draining.is_none() {
                        self.hold(claim, now);
                    } else {
                        self.decline(&claim);
                    }
                }
            }
            Err(error) => self.failed(CallKind::Claim, &error, now),
        }
    }

    fn hold(&mut self, claim: Claim, now: BootInstant) {
        let held_claim = claim.held();
        let Claim {
            dispatch,
            secret,
            lease,
            waited,
        } = claim;
        let key = dispatch.key;
        let lease_ends = now + lease;
        let clock = Instant::now();
        // A machine that started a moment ago has no time before that.
        let queued = clock.checked_sub(waited).unwrap_or(clock);
        // It was released, and no other worker wanted it.
        self.unbegun.retain(|unbegun| unbegun.key != key);
        if let Some(held) = self.held.get_mut(&key) {
            // The broker lost its state, and the scheduler published the attempt again.
            held.lease_ends = lease_ends;
            held.secret = secret;
            return;
        }
        if self.outbox.remind(&key) {
            return;
        }
        if dispatch.limits.memory_bytes > self.options.memory_bytes {
            let message = format!(
                "the task may use {} of memory and the worker {} has {} for all of its tasks; lower `limits.memory` of the task, or give the worker more",
                Unit::Bytes.show(dispatch.limits.memory_bytes),
                self.info.id,
                Unit::Bytes.show(self.options.memory_bytes),
            );
            let failure = failure::failure(failure::NO_MEMORY, Retry::Helps, message);
            let report = self.deps.failed(held_claim, failure);
            self.refuse(&dispatch, queued, report);
            return;
        }
        let dispatch = Box::new(dispatch);
        let component = ComponentKey {
            tenant: dispatch.tenant.clone(),
            digest: dispatch.digest,
        };
        let stage = match self.components.find(&component, key) {
            Found::Kept(component) => {
                self.metrics.looked_up(Lookup::Kept);
                self.queued.push_back(key);
                Stage::Waiting(dispatch, component)
            }
            Found::Loading => {
                self.metrics.looked_up(Lookup::Loading);
                Stage::Loading(dispatch)
            }
            Found::Absent => {
                self.metrics.looked_up(Lookup::Absent);
                self.to_load.push_back(component);
                Stage::Loading(dispatch)
            }
        };
        let held = Held {
            secret,
            claimed: now,
            lease_ends,
            queued,
            stage,
        };
        self.held.insert(key, held);
    }

    /// Reports an attempt that never ran; its trace shows it too.
    fn refuse(&mut self, dispatch: &Dispatch, queued: Instant, report: Report) {
        span::ended(&span::attempt(dispatch, queued.elapsed()), &report.outcome);
        self.metrics.ended(&report);
        self.outbox.put(report);
    }

    /// Loads the components that attempts wait for, up to the bound of concurrent loads.
    pub(super) fn load_more(&mut self) {
        while self.loads.len() < self.options.loads as usize {
            let Some(component) = self.to_load.pop_front() else {
                return;
            };
            let deps = Arc::clone(&self.deps);
            let loaded = component.clone();
            let task = self
                .loads
                .spawn(async move { load::load(&deps, &loaded).await });
            self.load_of.insert(task.id(), component);
        }
    }

    pub(super) fn on_loaded(&mut self, loaded: Result<(Id, Loaded), JoinError>) {
        let (id, loaded) = match loaded {
            Ok((id, loaded)) => (id, loaded),
            Err(error) => (error.id(), Err(LoadFailure::died(&error))),
        };
        let Some(loaded_key) = self.load_of.remove(&id) else {
            return;
        };
        if self.draining.is_some() {
            return;
        }
        self.loaded += 1;
        match loaded {
            Ok(component) => {
                let kept = Some((component.clone(), component.bytes()));
                for key in self.components.loaded(&loaded_key, kept) {
                    self.wait_in_line(key, &component);
                }
            }
            Err(failure) => self.on_load_failed(&loaded_key, &failure),
        }
    }

    /// Queues an attempt whose component was loaded, if it is still held.
    fn wait_in_line(&mut self, key: AttemptKey, component: &Component) {
        match self.held.remove(&key) {
            Some(Held {
                secret,
                claimed,
                lease_ends,
                queued,
                stage: Stage::Loading(dispatch),
            }) => {
                let held = Held {
                    secret,
                    claimed,
                    lease_ends,
                    queued,
                    stage: Stage::Waiting(dispatch, component.clone()),
                };
                self.held.insert(key, held);
                self.queued.push_back(key);
            }
            // It may have been released and claimed again meanwhile.
            Some(further) => {
                self.held.insert(key, further);
            }
            None => {}
        }
    }

    fn on_load_failed(&mut self, component: &ComponentKey, failure: &LoadFailure) {
        tracing::warn!(worker = %self.info.id, digest = %component.digest, error = %failure.message, operation = "load component", "loading a component failed; its attempts fail");
        for key in self.components.loaded(component, None) {
            match self.held.remove(&key) {
                Some(Held {
                    secret,
                    queued,
                    stage: Stage::Loading(dispatch),
                    ..
                }) => {
                    let report = self.deps.not_loaded(HeldClaim { key, secret }, failure);
                    self.refuse(&dispatch, queued, report);
                    self.ended += 1;
                }
                Some(further) => {
                    self.held.insert(key, further);
                }
                None => {}
            }
        }
    }

    /// Starts waiting attempts in order while slots and memory are free. A large attempt blocks the
    /// smaller ones behind it, so that they can't delay it without end.
    pub(super) fn fill(&mut self, now: BootInstant) {
        if self.draining.is_some() {
            return;
        }
        while self.running < self.options.slots
            && let Some(key) = self.next_in_line(now)
        {
            let Some(Held {
                stage: Stage::Waiting(dispatch, _),
                ..
            }) = self.held.get(&key)
            else {
                unreachable!("the next attempt in line waits");
            };
            let needs = dispatch.limits.memory_bytes;
            if self.memory_bytes + needs > self.options.memory_bytes {
                return;
            }
            self.leave_line(&key);
            self.start(key, now);
        }
    }

    fn start(&mut self, key: AttemptKey, now: BootInstant) {
        let Some(Held {
            secret,
            claimed,
            lease_ends,
            queued,
            stage: Stage::Waiting(dispatch, component),
        }) = self.held.remove(&key)
        else {
            unreachable!("only what waits is started");
        };
        let queue_wait = queued.elapsed();
        self.metrics.started(queue_wait);
        let cancel = CancelSignal::new();
        let (kill, killed) = oneshot::channel();
        let memory_bytes = dispatch.limits.memory_bytes;
        if dispatch.watched {
            self.watch.begins(key, now + self.options.watch);
        }
        self.journal.begins(
            HeldClaim { key, secret },
            dispatch.watched,
            dispatch.ahead.len(),
        );
        let stage = Stage::Running(Running {
            memory_bytes,
            cancel: cancel.clone(),
            fate: Fate::Free { kill },
        });
        let held = Held {
            secret,
            claimed,
            lease_ends,
            queued,
            stage,
        };
        self.held.insert(key, held);
        self.running += 1;
        self.memory_bytes += memory_bytes;
        let job = Job {
            queue_wait,
            dispatch: *dispatch,
            secret,
            component,
            cancel,
            killed,
            deps: Arc::clone(&self.deps),
        };
        // It is some kilobytes, and the runtime moves whatever it is given four times.
        let task = self.attempts.spawn(Box::pin(attempt::run(job)));
        self.attempt_of.insert(task.id(), key);
    }
}
