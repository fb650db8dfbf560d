//! What can't be read is held aside, and everything else goes on.

use crate::harness::{Installation, success};
use serde_json::json;
use std::sync::Arc;
use weft_core::run::RunState;
use weft_store::CommandKind;

#[tokio::test]
async fn a_run_whose_events_are_damaged_is_held_and_the_others_go_on() {
    let mut installation = Installation::running(4, |_| None).await;
    let deployed = installation
        .deploy(&json!({ "id": "both", "tasks": { "only": {} } }))
        .await;
    let bad = installation.trigger(&deployed).await;
    let good = installation.trigger(&deployed).await;
    for run in [bad, good] {
        installation.wait(run, |row| row.counts.running == 1).await;
    }
    installation.crash().await;
    installation.damage_events(bad).await;
    installation.start_scheduler("second");
    installation.start_worker("another", &["default"], 4, Arc::new(|_| success("1")));
    assert_eq!(installation.ended(good).await, RunState::Success);
    installation.wait_held(bad).await;
    let row = installation.show(bad).await;
    assert_eq!(row.state, RunState::Running);
    let why = row.held.expect("it says why");
    assert!(why.contains("no chunk of events"), "{why}");
    let tenant = weft_core::id::TenantId::default();
    let cancel = CommandKind::Cancel;
    let command = installation
        .database
        .insert_command(&tenant, bad, &cancel, "test")
        .await;
    installation.handle().wake(weft_scheduler::Wake::Command);
    let refused = installation
        .command_outcome(command.expect("it is taken"))
        .await;
    let refused = refused.expect("it is refused");
    assert!(refused.contains("can't be continued"), "{refused}");
}

#[tokio::test]
async fn a_queued_run_of_an_unreadable_version_is_held_and_the_others_start() {
    let installation = Installation::running(4, |_| success("1")).await;
    let good = installation
        .deploy(&json!({ "id": "changing", "max_active_runs": 1, "tasks": { "only": {} } }))
        .await;
    let bad = installation.deploy_unreadable("changing").await;
    let held = installation.trigger(&bad).await;
    installation.wait_held(held).await;
    // The bad version is active, so that it bounds no runs; the held run is first in the queue.
    let run = installation.trigger(&good).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(installation.show(held).await.state, RunState::Pending);
    let other = installation
        .deploy(&json!({ "id": "other", "tasks": { "only": {} } }))
        .await;
    let other = installation.trigger(&other).await;
    assert_eq!(installation.ended(other).await, RunState::Success);
}
