//! Several shards in one scheduler: each has a task of its own.

use crate::harness::{Installation, success};
use async_trait::async_trait;
use serde_json::json;
use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use weft_broker::{AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker};
use weft_core::{id::TenantId, run::RunState};
use weft_scheduler::{Brokers, Deps, OneBroker, SchedulerOptions};
use weft_store::{ShardId, ShardLease};
use weft_store_sql::{Deployed, TenantLimits};

/// The tenant of the second shard.
fn other() -> TenantId {
    "other".parse().expect("a name")
}

/// An installation with two shards, of which each has a tenant with a DAG of one task.
async fn two_shards() -> (Installation, Deployed, Deployed) {
    let installation = Installation::new().await;
    let database = &installation.database;
    database.grow_shards(2, "test").await.expect("it grows");
    let limits = TenantLimits {
        weight: 100,
        max_active_tasks: None,
    };
    database
        .put_tenant(&other(), limits, "test")
        .await
        .expect("it is written");
    let tenant = database.show_tenant(&other()).await;
    let tenant = tenant.expect("the database answers").expect("it exists");
    assert_eq!(tenant.shard, ShardId(1));
    let dag = json!({ "id": "one", "tasks": { "only": {} } });
    let first = installation.deploy(&dag).await;
    let second = installation.deploy_for(&other(), &dag).await;
    (installation, first, second)
}

/// Waits until the worker got this many attempts.
async fn await_claims(claims: &mut mpsc::UnboundedReceiver<String>, count: usize) -> Vec<String> {
    let mut tenants = Vec::new();
    while tenants.len() < count {
        tenants.push(claims.recv().await.expect("the worker runs"));
    }
    tenants.sort();
    tenants
}

#[tokio::test]
async fn one_broker_serves_every_shard() {
    let (mut installation, first, second) = two_shards().await;
    installation.start_scheduler("first");
    let (claimed, mut claims) = mpsc::unbounded_channel();
    let rule = move |dispatch: &weft_broker::Dispatch| {
        claimed
            .send(dispatch.tenant.to_string())
            .expect("the test runs");
        success("1")
    };
    installation.start_worker("worker", &["default"], 1, Arc::new(rule));
    for _ in 0..5 {
        let here = installation.trigger(&first).await;
        let there = installation.trigger_for(other(), &second, None, None).await;
        assert_eq!(await_claims(&mut claims, 2).await, ["default", "other"]);
        assert_eq!(installation.ended(here).await, RunState::Success);
        installation.ended_for(&other(), there).await;
    }
}

/// Never answers for the second shard.
struct FirstShardOnly {
    brokers: OneBroker<weft_broker::in_process::InProcessScheduler>,
    called: Mutex<Option<mpsc::UnboundedSender<()>>>,
}

#[async_trait]
impl Brokers for FirstShardOnly {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        if lease.shard == ShardId(0) {
            return self.brokers.take_over(lease).await;
        }
        let called = self.called.lock().expect("no test panics with it").take();
        drop(called);
        pending().await
    }
}

#[tokio::test]
async fn a_shard_whose_takeover_hangs_holds_up_no_other() {
    let (mut installation, first, _second) = two_shards().await;
    let (called, mut calls) = mpsc::unbounded_channel::<()>();
    let brokers = FirstShardOnly {
        brokers: OneBroker::new(Arc::new(installation.broker.scheduler())),
        called: Mutex::new(Some(called)),
    };
    installation.start_scheduler_with("first", Arc::new(brokers));
    assert_eq!(calls.recv().await, None, "the second shard is taken over");
    let called = Instant::now();
    installation.start_worker("worker", &["default"], 1, Arc::new(|_| success("1")));
    let run = installation.trigger(&first).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let elapsed = called.elapsed();
    // The second one has not advanced since; it is counted in milliseconds.
    let since = installation.handle().health().since_progress + Duration::from_millis(2);
    assert!(since >= elapsed, "{since:?} of {elapsed:?}");
    installation.stop_scheduler().await;
}

/// Has the first publish of the second shard wait for ever.
struct StallsOnce {
    brokers: OneBroker<weft_broker::in_process::InProcessScheduler>,
    is_left: Arc<AtomicBool>,
}

/// One shard's broker.
struct StallingBroker {
    broker: Arc<dyn SchedulerBroker>,
    shard: ShardId,
    is_left: Arc<AtomicBool>,
}

#[async_trait]
impl Brokers for StallsOnce {
    async fn take_over(&self, lease: ShardLease) -> Result<Arc<dyn SchedulerBroker>, BrokerError> {
        Ok(Arc::new(StallingBroker {
            broker: self.brokers.take_over(lease).await?,
            shard: lease.shard,
            is_left: Arc::clone(&self.is_left),
        }))
    }
}

#[async_trait]
impl SchedulerBroker for StallingBroker {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        if self.shard == ShardId(1) && self.is_left.swap(false, Ordering::SeqCst) {
            pending::<()>().await;
        }
        self.broker.publish(dispatches).await
    }

    async fn revoke(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.broker.revoke(attempts).await
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        self.broker.receive(max).await
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.broker.confirm(attempts).await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        self.broker.demand().await
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.broker.find_known(attempts).await
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        self.broker.list_attempts().await
    }
}

#[tokio::test]
async fn a_shard_without_progress_is_ended_and_taken_over_and_the_others_go_on() {
    let (mut installation, first, second) = two_shards().await;
    let is_left = Arc::new(AtomicBool::new(true));
    let deps = installation.deps();
    let brokers = StallsOnce {
        brokers: OneBroker::new(Arc::new(installation.broker.scheduler())),
        is_left: Arc::clone(&is_left),
    };
    let deps = Deps {
        brokers: Arc::new(brokers),
        ..deps
    };
    let mut options = SchedulerOptions::new("first");
    options.max_stall = Duration::from_secs(2);
    installation.start_scheduler_over(options, deps);
    installation.start_worker("worker", &["default"], 2, Arc::new(|_| success("1")));
    let stalled = installation.trigger_for(other(), &second, None, None).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while is_left.load(Ordering::SeqCst) {
        ticks.tick().await;
    }
    let run = installation.trigger(&first).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let state = installation.ended_for(&other(), stalled).await;
    assert_eq!(state, RunState::Success, "its shard was taken over");
    let shards = installation.database.list_shards().await;
    let epochs: Vec<i64> = shards
        .expect("the database answers")
        .iter()
        .map(|shard| shard.epoch)
        .collect();
    assert_eq!(epochs, [1, 2]);
    installation.stop_scheduler().await;
}
