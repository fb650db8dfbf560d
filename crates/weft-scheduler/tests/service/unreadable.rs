//! Unreadable runs and versions are held aside while everything else goes on.

use crate::harness::{Installation, success};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use weft_core::{id::TenantId, run::RunState, run_id::RunId};
use weft_store::CommandKind;
use weft_store_sql::{Deployed, Repair};

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
    let refused = answer(&installation, bad, CommandKind::Cancel).await;
    let refused = refused.expect("it is refused");
    assert!(refused.contains("can't be continued"), "{refused}");
}

/// Why a command is refused, if it is.
async fn answer(installation: &Installation, run: RunId, kind: CommandKind) -> Option<String> {
    let database = &installation.database;
    let tenant = TenantId::default();
    let command = database.insert_command(&tenant, run, &kind, "test");
    let command = command.await.expect("it is taken");
    installation.handle().wake(weft_scheduler::Wake::Command);
    installation.command_outcome(command).await
}

#[tokio::test]
async fn a_held_run_is_failed_and_its_attempt_revoked() {
    let mut installation = Installation::running(1, |_| None).await;
    let deployed = installation
        .deploy(&json!({ "id": "ending", "tasks": { "only": {} } }))
        .await;
    let bad = installation.trigger(&deployed).await;
    installation.wait(bad, |row| row.counts.running == 1).await;
    installation.stop_scheduler().await;
    installation.damage_events(bad).await;
    installation.start_scheduler("second");
    installation.wait_held(bad).await;
    // The worker's attempt goes on meanwhile, and holds its only slot.
    let claimed = || installation.broker.stats().claimed;
    assert_eq!(claimed(), 1);
    assert_eq!(answer(&installation, bad, CommandKind::Fail).await, None);
    let row = installation.show(bad).await;
    assert_eq!(row.state, RunState::Failed);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let settled = async {
        while claimed() > 0 || installation.show(bad).await.held.is_some() {
            ticks.tick().await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_secs(30), settled).await;
    settled.expect("the attempt is revoked, and the run is not held any more");
    // It ended for good.
    installation.stop_scheduler().await;
    installation.start_scheduler("third");
    let good = installation.trigger(&deployed).await;
    installation
        .wait(good, |row| {
            row.counts.queued == 1 || row.counts.running == 1
        })
        .await;
    let refused = answer(&installation, good, CommandKind::Fail).await;
    let refused = refused.expect("it can be continued");
    assert!(refused.contains("cancel it instead"), "{refused}");
    assert_eq!(installation.show(bad).await.state, RunState::Failed);
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

#[tokio::test]
async fn runs_of_a_version_that_was_repaired_go_on() {
    let mut installation = Installation::running(4, |_| None).await;
    let good = installation
        .deploy(&json!({ "id": "mended", "tasks": { "only": {} } }))
        .await;
    let running = installation.trigger(&good).await;
    installation
        .wait(running, |row| row.counts.running == 1)
        .await;
    installation.crash().await;
    let bad = installation.deploy_unreadable("mended").await;
    repair(&installation, &good, &bad).await;
    installation.start_scheduler("second");
    installation.start_worker("another", &["default"], 4, Arc::new(|_| success("1")));
    let queued = installation.trigger(&bad).await;
    for run in [running, queued] {
        installation.wait_held(run).await;
    }
    assert_eq!(repair(&installation, &bad, &good).await, 2);
    installation.handle().wake(weft_scheduler::Wake::Settings);
    for run in [running, queued] {
        assert_eq!(installation.ended(run).await, RunState::Success);
        assert_eq!(installation.show(run).await.held, None);
    }
}

/// Has the runs of a version use another one; returns how many there are.
async fn repair(installation: &Installation, version: &Deployed, replacement: &Deployed) -> usize {
    let repair = Repair {
        version: version.number,
        replacement: Some(replacement.number),
    };
    let (database, tenant) = (&installation.database, TenantId::default());
    let runs = database
        .repair_version(&tenant, &version.id, repair, "test")
        .await;
    runs.expect("it is repaired").len()
}
