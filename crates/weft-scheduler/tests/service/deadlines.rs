//! Deadlines of runs and tasks.

use crate::harness::{Installation, success};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    document::TaskIndex,
    run::{Event, RunState, Timer, record},
    run_id::RunId,
    time::DurationMs,
};
use weft_store::{InstanceTag, RunStore as _};

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is called `slow` never ends by itself.
fn slow_hangs(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    match dispatch.document.task.as_str() {
        "slow" => None,
        _ => success("1"),
    }
}

/// The deadlines that a run missed by its events.
async fn missed(installation: &Installation, run: RunId) -> Vec<Option<TaskIndex>> {
    let stored = installation.database.run(run).await.expect("it answers");
    let stored = stored.expect("there is such a run");
    let chunks = stored.expect("it can be read").events;
    let events = chunks
        .iter()
        .flat_map(|chunk| record::decode(chunk).expect("an event"));
    let missed = events.filter_map(|(_, event)| match event {
        Event::Due {
            timer: Timer::Deadline { task },
        } => Some(task),
        _ => None,
    });
    missed.collect()
}

/// Waits until a run has missed a deadline.
async fn has_missed(installation: &Installation, run: RunId) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let misses = async {
        while missed(installation, run).await.is_empty() {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, misses).await.expect("it is missed");
}

#[tokio::test]
async fn a_run_is_stopped_at_its_deadline() {
    let installation = Installation::running(1, slow_hangs).await;
    let deployed = installation
        .deploy(&json!({
            "id": "late", "deadline": "100ms", "on_missed_deadline": "stop",
            "tasks": { "slow": {} },
        }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    let slow = installation.show_instance(run, 0).await;
    assert_eq!(slow.state, InstanceTag::Cancelled);
    assert_eq!(slow.cause, "deadline");
    assert_eq!(missed(&installation, run).await, [None]);
}

#[tokio::test]
async fn a_task_is_stopped_at_its_deadline_and_the_others_go_on() {
    let installation = Installation::running(2, slow_hangs).await;
    let deployed = installation
        .deploy(&json!({ "id": "late", "tasks": {
            "slow": { "deadline": "100ms", "on_missed_deadline": "stop" },
            "quick": { "deadline": "1h" },
            "report": { "after": ["slow"], "trigger_rule": "all_done" },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    // They are in the order of their names.
    let slow = installation.show_instance(run, 2).await;
    assert_eq!(slow.state, InstanceTag::Cancelled);
    assert_eq!(missed(&installation, run).await, [Some(TaskIndex(2))]);
}

#[tokio::test]
async fn a_deadline_that_is_only_notified_stops_nothing() {
    let installation = Installation::running(2, slow_hangs).await;
    let deployed = installation
        .deploy(&json!({ "id": "late", "deadline": "50ms", "tasks": { "slow": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.claimed("slow", 1).await;
    has_missed(&installation, run).await;
    assert_eq!(installation.show(run).await.state, RunState::Running);
}

#[tokio::test]
async fn a_deadline_that_passed_while_no_scheduler_ran_is_missed_once() {
    let mut installation = Installation::running(1, slow_hangs).await;
    let deployed = installation
        .deploy(&json!({ "id": "late", "deadline": "1s", "tasks": { "slow": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.claimed("slow", 1).await;
    installation.stop_scheduler().await;
    let deadline = installation
        .show(run)
        .await
        .not_before
        .plus(DurationMs(1_000));
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let passes = async {
        while installation.database.now().await.expect("it answers") <= deadline {
            ticks.tick().await;
        }
    };
    timeout(PATIENCE, passes).await.expect("time passes");
    for scheduler in ["second", "third"] {
        installation.start_scheduler(scheduler);
        has_missed(&installation, run).await;
        // A turn of this scheduler, after it has read all runs.
        let quick = installation
            .deploy(&json!({ "id": scheduler, "tasks": { "slow": {} } }))
            .await;
        let other = installation.trigger(&quick).await;
        installation
            .wait(other, |row| row.state == RunState::Running)
            .await;
        installation.stop_scheduler().await;
    }
    assert_eq!(missed(&installation, run).await, [None]);
}
