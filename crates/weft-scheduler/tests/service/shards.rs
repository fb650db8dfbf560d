//! Several shards in one scheduler: each has a task of its own.

use crate::harness::{Installation, success};
use async_trait::async_trait;
use serde_json::json;
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use weft_broker::{BrokerError, SchedulerBroker};
use weft_core::{id::TenantId, run::RunState};
use weft_scheduler::{Brokers, OneBroker};
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
