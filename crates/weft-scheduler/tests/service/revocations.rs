//! Revocations that a scheduler committed, and did not live to send.

use crate::{
    harness::{Installation, success},
    watched_store::WatchedStore,
};
use async_trait::async_trait;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_broker::{
    AttemptKey, BrokerError, Demand, Dispatch, Notice, SchedulerBroker, WorkerBroker as _,
    WorkerInfo, in_process::InProcessScheduler,
};
use weft_core::run::RunState;
use weft_scheduler::{Deps, OneBroker, SchedulerOptions};
use weft_store::CommandKind;

/// A broker that no revocation reaches.
struct WithoutRevocations(InProcessScheduler);

#[async_trait]
impl SchedulerBroker for WithoutRevocations {
    async fn publish(&self, dispatches: Vec<Dispatch>) -> Result<(), (Vec<Dispatch>, BrokerError)> {
        self.0.publish(dispatches).await
    }

    async fn revoke(&self, _attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        Err(BrokerError::Unavailable("cut off".to_owned()))
    }

    async fn receive(&self, max: usize) -> Result<Vec<Notice>, BrokerError> {
        self.0.receive(max).await
    }

    async fn confirm(&self, attempts: &[AttemptKey]) -> Result<(), BrokerError> {
        self.0.confirm(attempts).await
    }

    async fn demand(&self) -> Result<Vec<Demand>, BrokerError> {
        self.0.demand().await
    }

    async fn find_known(&self, attempts: &[AttemptKey]) -> Result<Vec<AttemptKey>, BrokerError> {
        self.0.find_known(attempts).await
    }

    async fn list_attempts(&self) -> Result<Vec<AttemptKey>, BrokerError> {
        self.0.list_attempts().await
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(30), async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what}"));
}

/// A run with a queued attempt that was cancelled, and a scheduler that could not revoke it.
async fn cancelled_and_not_revoked() -> Installation {
    let mut installation = Installation::new().await;
    let cut_off = WithoutRevocations(installation.broker.scheduler());
    installation.start_scheduler_with("first", Arc::new(OneBroker::new(Arc::new(cut_off))));
    let deployed = installation
        .deploy(&json!({ "id": "cancelled", "tasks": { "only": {} } }))
        .await;
    // It never claims.
    let idle = installation.broker.worker();
    let info = WorkerInfo {
        id: "idle".into(),
        queues: vec!["default".into()],
        slots: 1,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    idle.register(&info, &[]).await.expect("it registers");
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.queued == 1).await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    installation
}

#[tokio::test]
async fn a_takeover_revokes_what_its_predecessor_cancelled() {
    let mut installation = cancelled_and_not_revoked().await;
    installation.stop_scheduler().await;
    assert_eq!(installation.broker.stats().queued.len(), 1);
    installation.start_scheduler("second");
    let broker = Arc::clone(&installation.broker);
    until("the attempt is revoked", || {
        broker.stats().queued.is_empty()
    })
    .await;
    assert!(installation.taken().is_empty(), "it never began");
}

#[tokio::test]
async fn an_attempt_that_begins_after_its_cancellation_is_revoked() {
    let mut installation = cancelled_and_not_revoked().await;
    installation.stop_scheduler().await;
    installation.start_worker("late", &["default"], 1, Arc::new(|_| None));
    let broker = Arc::clone(&installation.broker);
    until("the attempt begins", || broker.stats().claimed == 1).await;
    installation.start_scheduler("second");
    until("the attempt is revoked", || broker.stats().claimed == 0).await;
}

#[tokio::test]
async fn late_reports_of_many_runs_are_settled_with_few_queries() {
    const RUNS: u32 = 300;
    let mut installation = Installation::new().await;
    let store = WatchedStore::new(installation.database.clone(), 1);
    let deps = Deps {
        store: Arc::new(store.clone()),
        ..installation.deps()
    };
    let cut_off = WithoutRevocations(installation.broker.scheduler());
    let deps = Deps {
        brokers: Arc::new(OneBroker::new(Arc::new(cut_off))),
        ..deps
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    let deployed = installation
        .deploy(&json!({ "id": "cancelled", "max_active_runs": RUNS, "tasks": { "only": {} } }))
        .await;
    // It never claims.
    let idle = installation.broker.worker();
    let info = WorkerInfo {
        id: "idle".into(),
        queues: vec!["default".into()],
        slots: RUNS,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    idle.register(&info, &[]).await.expect("it registers");
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(installation.trigger(&deployed).await);
    }
    for run in &runs {
        installation.wait(*run, |row| row.counts.queued == 1).await;
    }
    for run in &runs {
        installation.command(*run, CommandKind::Cancel).await;
    }
    for run in &runs {
        assert_eq!(installation.ended(*run).await, RunState::Cancelled);
    }
    let before = store.calls();
    // What it claims and reports is of runs that have ended.
    installation.start_worker("late", &["default"], RUNS, Arc::new(|_| success("1")));
    installation.claimed("only", RUNS as usize).await;
    let broker = Arc::clone(&installation.broker);
    until("the reports are confirmed", || {
        let stats = broker.stats();
        stats.claimed == 0 && stats.unconfirmed == 0
    })
    .await;
    let after = store.calls();
    let calls = |call| after.get(call).unwrap_or(&0) - before.get(call).unwrap_or(&0);
    assert_eq!(calls("run"), 0, "no run is read with its events");
    let lookups = calls("dags_of_runs");
    println!("{RUNS} reports were settled with {lookups} queries");
    assert!((1..=30).contains(&lookups), "{lookups}");
}
