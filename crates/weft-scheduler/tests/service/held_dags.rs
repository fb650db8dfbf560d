//! Paused DAGs whose runs are held.

use crate::harness::{Installation, success};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use weft_core::{
    document::TaskIndex, fair_queue::Blocked, id::TenantId, run::RunState, run_id::RunId,
};
use weft_scheduler::{Reason, Wake};

async fn is_held(installation: &Installation, run: RunId) {
    let held = [Reason::Blocked(Blocked::DagHeld)];
    let mut ticks = tokio::time::interval(Duration::from_millis(2));
    loop {
        let why = installation.handle().why(run, TaskIndex(0), 0).await;
        if why.is_ok_and(|why| why == held) {
            return;
        }
        ticks.tick().await;
    }
}

#[tokio::test]
async fn the_runs_of_a_held_dag_wait_over_a_restart_until_it_is_unpaused() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let held = json!({ "id": "held", "tasks": { "one": {}, "two": { "after": ["one"] } } });
    let held = installation.deploy(&held).await;
    let other = json!({ "id": "other", "tasks": { "three": {} } });
    let other = installation.deploy(&other).await;
    let run = installation.trigger(&held).await;
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
    let tenant = TenantId::default();
    let done = installation.database.hold_dag(&tenant, &held.id, "test");
    assert!(done.await.expect("the database answers"));
    installation.handle().wake(Wake::Settings);
    is_held(&installation, run).await;
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("worker", &["default"], 4, Arc::new(|_| success("1")));
    is_held(&installation, run).await;
    // The worker takes what is not held.
    let other = installation.trigger(&other).await;
    assert_eq!(installation.ended(other).await, RunState::Success);
    assert_eq!(installation.taken(), ["three"]);
    installation.set_paused(&held, false).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(installation.taken(), ["three", "one", "two"]);
}
