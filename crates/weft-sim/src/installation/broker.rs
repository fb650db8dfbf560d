//! One scheduler's sessions with the simulated broker, one for each shard: calls take time and fail,
//! and messages get lost or come twice.

use super::{
    broker_state::LEASE,
    call::{Call, Stage},
    random::MessageFate,
    truth::{Shared, Truth},
};
use async_trait::async_trait;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};
use weft_broker::{AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker};
use weft_scheduler::Brokers;
use weft_store::ShardLease;

/// The brokers of all shards, as one start of a scheduler sees them.
#[derive(Debug, Clone)]
pub struct SimBrokers {
    /// Their world.
    pub(crate) world: Shared,
    /// Which scheduler calls.
    pub(crate) who: usize,
    /// Whether its workers are gone with it, as where all is one process.
    pub(crate) embedded: bool,
}

/// The broker of one shard.
#[derive(Debug)]
pub struct SimBroker {
    world: Shared,
    who: usize,
    embedded: bool,
    shard: u32,
    /// How often it was notified of more free slots.
    risen: Mutex<u64>,
}

#[async_trait]
impl Brokers for SimBrokers {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        let Self {
            world,
            who,
            embedded,
        } = self.clone();
        Ok(Arc::new(SimBroker {
            world,
            who,
            embedded,
            shard: lease.shard.0.cast_unsigned(),
            risen: Mutex::default(),
        }))
    }
}

fn away() -> BrokerError {
    BrokerError::Unavailable("as the random fell".into())
}

impl SimBroker {
    /// A call that may fail before and after it was done.
    async fn call<T: Send>(
        &self,
        call: Call,
        done: impl FnOnce(&mut Truth, Instant) -> T + Send,
    ) -> Result<T, BrokerError> {
        self.world.pause(self.who, call, Stage::Before).await;
        let (answer, answered) = {
            let mut truth = self.world.lock();
            if !truth.broker_answers() || truth.random.call_fails() {
                truth.fault("fault: call of the broker failed");
                return Err(away());
            }
            let now = Instant::now();
            let answer = done(&mut truth, now);
            let answered = !truth.random.call_fails();
            if !answered {
                truth.fault("fault: answer of the broker lost");
            }
            (answer, answered)
        };
        self.world.pause(self.who, call, Stage::After).await;
        if answered { Ok(answer) } else { Err(away()) }
    }

    fn take(&self, max: usize) -> Result<Vec<Notice>, Option<Instant>> {
        let mut truth = self.world.lock();
        let Truth {
            broker_state,
            random,
            coverage,
            ..
        } = &mut *truth;
        let now = Instant::now();
        broker_state.pass_time(now, random, coverage);
        let mut risen = self.risen.lock().unwrap_or_else(PoisonError::into_inner);
        let notices = broker_state.receive(self.shard, &mut risen, max, now);
        if notices.is_empty() {
            return Err(broker_state.next_change(self.shard));
        }
        for notice in &notices {
            if let Notice::Released { key } = notice {
                truth.auditor.work.released(key.run, key.attempt);
            }
        }
        truth.note(|| format!("scheduler {} receives {notices:?}", self.who));
        Ok(notices)
    }
}

#[async_trait]
impl SchedulerBroker for SimBroker {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        let offered = dispatches.clone();
        let published = self
            .call(Call::Publish, |truth, _| {
                for dispatch in dispatches {
                    truth.publish(dispatch);
                }
            })
            .await;
        self.world.lock().wake_workers();
        published.map_err(|error| (offered, error))
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.call(Call::Revoke, |truth, _| {
            for key in attempts {
                if truth.random.message() == MessageFate::Lost {
                    truth.fault("fault: revocation lost");
                } else {
                    truth.broker_state.revoke(key);
                }
            }
        })
        .await
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        loop {
            let news = self.world.news.notified();
            match self.take(max.max(1)) {
                Ok(notices) => return Ok(notices),
                Err(Some(at)) => tokio::select! {
                    biased;
                    () = news => {}
                    () = sleep_until(at) => {}
                },
                Err(None) => news.await,
            }
        }
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.call(Call::Confirm, |truth, _| {
            for key in attempts {
                let verdict = truth.auditor.confirmed(key, &truth.tables);
                truth.judge(verdict);
                if truth.random.message() == MessageFate::Lost {
                    truth.fault("fault: confirmation lost");
                } else {
                    truth.broker_state.confirm(key);
                }
            }
        })
        .await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        self.call(Call::Demand, |truth, _| truth.broker_state.demand())
            .await
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        let known = self
            .call(Call::Known, |truth, now| {
                let Truth {
                    broker_state,
                    random,
                    coverage,
                    ..
                } = truth;
                broker_state.known(attempts, now, random, coverage)
            })
            .await;
        self.world.news.notify_waiters();
        known
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        self.call(Call::Known, |truth, _| truth.broker_state.list(self.shard))
            .await
    }

    fn announcement_window(&self) -> Duration {
        if self.embedded { Duration::ZERO } else { LEASE }
    }
}

impl Truth {
    fn publish(&mut self, dispatch: Dispatch) {
        let published = self.auditor.published(&dispatch, &self.tables);
        if published == Ok(false) {
            self.coverage.add("published: ahead of its commit");
        }
        self.judge(published.map(drop));
        match self.random.message() {
            MessageFate::Lost => self.fault("fault: dispatch lost"),
            MessageFate::Doubled => {
                self.fault("fault: dispatch doubled");
                self.broker_state.publish(dispatch.clone());
                self.broker_state.publish(dispatch);
            }
            MessageFate::Arrives => self.broker_state.publish(dispatch),
        }
    }

    /// Workers look for work at once.
    fn wake_workers(&mut self) {
        let now = Instant::now();
        for worker in &mut self.workers {
            worker.look_at(now);
        }
    }
}
