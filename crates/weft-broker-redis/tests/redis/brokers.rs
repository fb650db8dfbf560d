//! Brokers for the promises of the suite: each on keys of its own, by a clock
//! that a test can move.

use async_trait::async_trait;
use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use weft_broker::{
    LeaseTerms, OperatorBroker, SchedulerBroker, WorkerBroker, conformance::Fixture,
    direct_worker::DirectWorkerBroker as _,
};
use weft_broker_redis::{Bounds, Options, Redis, RedisScheduler, Shards};

/// Long against what a test takes, since the server's own clock goes on too.
const LEASE: Duration = Duration::from_mins(10);

pub(crate) struct Brokers {
    shards: Arc<Shards>,
    /// By which workers come, where not by the scheduler's.
    guest: Option<Arc<Shards>>,
    options: Options,
    epoch: AtomicU64,
    newest: Mutex<Weak<RedisScheduler>>,
    seeds: u64,
}

/// Keys that no other test has.
pub(crate) fn namespace() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("weft{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Brokers {
    pub(crate) async fn new(url: &str, roots: Option<Vec<u8>>, seeds: u64) -> Self {
        let options = Options {
            namespace: namespace(),
            terms: LeaseTerms {
                lease: LEASE,
                renew_every: LEASE / 3,
            },
            redeliver_every: LEASE * 4 / 3,
            roots,
            bounds: Bounds {
                queue_length: 8,
                unconfirmed_reports: 10,
                ..Bounds::default()
            },
            ..Options::default()
        };
        let redis = Redis::connect_with_movable_clock(url, options.clone())
            .await
            .unwrap();
        Self {
            shards: Shards::new(redis),
            guest: None,
            options,
            epoch: AtomicU64::new(0),
            newest: Mutex::default(),
            seeds,
        }
    }

    /// Workers come as a guest.
    pub(crate) async fn with_guest(mut self) -> Self {
        let (_guest, pass) = self.shards.issue_credentials(7, "worker").await.unwrap();
        let guest = Shards::connect_with_credentials_and_movable_clock(&pass, self.options.clone());
        self.guest = Some(guest.await.unwrap());
        self
    }

    /// There are other shards, in which no worker has an attempt.
    pub(crate) fn among_others(self) -> Self {
        self.shards.serve(&[2, 0, 1]);
        self
    }
}

#[async_trait]
impl Fixture for Brokers {
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker> {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed) + 1;
        let scheduler = Arc::new(self.shards.scheduler(0, epoch).await.unwrap());
        *self.newest.lock().unwrap() = Arc::downgrade(&scheduler);
        scheduler
    }

    async fn worker(&self) -> Arc<dyn WorkerBroker> {
        let shards = self.guest.as_ref().unwrap_or(&self.shards);
        Arc::new(shards.worker())
    }

    fn operator(&self) -> Arc<dyn OperatorBroker> {
        self.shards.clone()
    }

    fn terms(&self) -> LeaseTerms {
        self.options.terms
    }

    fn redeliver_every(&self) -> Duration {
        self.options.redeliver_every
    }

    fn queue_length(&self) -> usize {
        self.options.bounds.queue_length
    }

    fn unconfirmed_reports(&self) -> usize {
        self.options.bounds.unconfirmed_reports
    }

    async fn advance_time(&self, span: Duration) {
        self.shards.move_clock(span).await.unwrap();
        let newest = self.newest.lock().unwrap().upgrade();
        if let Some(scheduler) = newest {
            scheduler.tick().await.unwrap();
        }
    }

    async fn jump_clock(&self, by_ms: i64) {
        self.shards.jump_clock(by_ms).await.unwrap();
        // A scheduler calls each second.
        let newest = self.newest.lock().unwrap().upgrade();
        if let Some(scheduler) = newest {
            scheduler.tick().await.unwrap();
        }
    }

    fn watch(&self) -> Duration {
        Duration::from_millis(40)
    }

    fn seeds(&self) -> u64 {
        self.seeds
    }
}
