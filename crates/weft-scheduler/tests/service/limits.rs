//! Bounds that hold work back, and how `why` explains them.

use crate::harness::{Installation, success};
use serde_json::json;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use weft_core::{document::TaskIndex, fair_queue::Blocked, run::RunState, time::Timestamp};
use weft_scheduler::Reason;

#[tokio::test]
async fn runs_beyond_max_active_runs_stay_queued() {
    let installation = Installation::running(4, |_| None).await;
    let deployed = installation
        .deploy(&json!({ "id": "single", "max_active_runs": 1, "tasks": { "only": {} } }))
        .await;
    // Ids that are drawn in one millisecond have no order.
    let date = |at| Some(Timestamp(at));
    let first = installation.trigger_at(&deployed, date(1), None).await;
    let second = installation.trigger_at(&deployed, date(2), None).await;
    installation
        .wait(first, |row| row.state == RunState::Running)
        .await;
    installation
        .command(first, weft_store::CommandKind::Cancel)
        .await;
    installation
        .wait(second, |row| row.state == RunState::Running)
        .await;
    assert_eq!(installation.show(first).await.state, RunState::Cancelled);
}

#[tokio::test]
async fn a_dag_never_has_more_active_tasks_than_it_allows() {
    let active = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    let (now, peak) = (Arc::clone(&active), Arc::clone(&most));
    let installation = Installation::running(8, move |_| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        now.fetch_sub(1, Ordering::SeqCst);
        success("1")
    })
    .await;
    let tasks: serde_json::Map<String, serde_json::Value> = (0..50)
        .map(|task| (format!("t{task}"), json!({})))
        .collect();
    let deployed = installation
        .deploy(&json!({ "id": "narrow", "max_active_tasks": 1, "tasks": tasks }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(installation.taken().len(), 50);
}

#[tokio::test]
async fn a_queue_prefetches_twice_what_ended_in_a_turn() {
    for (ends, ahead) in [(0, 0..=0), (4, 1..=8)] {
        let left = AtomicU32::new(ends);
        let installation = Installation::running(4, move |_| {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .ok()
            .and_then(|_left| success("1"))
        })
        .await;
        let tasks: serde_json::Map<String, serde_json::Value> = (0..20)
            .map(|task| (format!("t{task}"), json!({})))
            .collect();
        let deployed = installation
            .deploy(&json!({ "id": "many", "tasks": tasks }))
            .await;
        let run = installation.trigger(&deployed).await;
        let row = installation
            .wait(run, |row| {
                row.counts.success == u64::from(ends)
                    && row.counts.running == 4
                    && row.counts.queued > 0
                    || ends == 0 && row.counts.running == 4
            })
            .await;
        assert!(ahead.contains(&row.counts.queued), "{:?}", row.counts);
    }
}

#[tokio::test]
async fn why_names_a_queue_without_workers() {
    let installation = Installation::running(1, |_| success("1")).await;
    let policy = "[queues]\nallow = [\"gpu\"]";
    installation
        .database
        .put_policy(&weft_core::id::TenantId::default(), Some(policy), "test")
        .await
        .expect("it is taken");
    let deployed = installation
        .deploy(&json!({ "id": "gpu", "tasks": { "only": { "queue": "gpu" }, "then": { "after": ["only"] } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
    let why = installation
        .handle()
        .why(run, TaskIndex(0), 0)
        .await
        .expect("it answers");
    assert_eq!(
        why,
        [Reason::Blocked(Blocked::QueueHasNoWorkers {
            queue: "gpu".into()
        })]
    );
    let why = installation
        .handle()
        .why(run, TaskIndex(1), 0)
        .await
        .expect("it answers");
    let [
        Reason::Upstream {
            rule: _,
            unfinished,
        },
    ] = why.as_slice()
    else {
        panic!("{why:?}");
    };
    assert_eq!(unfinished.len(), 1);
}

#[tokio::test]
async fn a_pool_without_slots_blocks_and_why_names_it() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation
        .deploy(&json!({ "id": "pooled", "tasks": { "only": { "pool": "db" } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
    let why = installation
        .handle()
        .why(run, TaskIndex(0), 0)
        .await
        .expect("it answers");
    let [Reason::Blocked(Blocked::Pool { slots: 0, .. })] = why.as_slice() else {
        panic!("{why:?}");
    };
    let pool = weft_store::Pool {
        tenant: weft_core::id::TenantId::default(),
        name: "db".into(),
        slots: 1,
    };
    installation
        .database
        .put_pool(&pool, "test")
        .await
        .expect("it is taken");
    installation.handle().wake(weft_scheduler::Wake::Settings);
    assert_eq!(installation.ended(run).await, RunState::Success);
}

#[tokio::test]
async fn a_paused_dag_starts_no_run_until_it_is_unpaused() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation
        .deploy(&json!({ "id": "paused", "tasks": { "only": {} } }))
        .await;
    installation.set_paused(&deployed, true).await;
    let run = installation.trigger(&deployed).await;
    let other = installation
        .deploy(&json!({ "id": "other", "tasks": { "only": {} } }))
        .await;
    let after = installation.trigger(&other).await;
    installation.ended(after).await;
    assert_eq!(installation.show(run).await.state, RunState::Pending);
    installation.set_paused(&deployed, false).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
}
