//! Tasks that depend on the run before, and those that only the latest run has.

use crate::harness::{Installation, failure, success};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::{
    document::TaskIndex,
    run::{Marked, RunState, Selection},
    run_id::RunId,
};
use weft_scheduler::{Listen, Reason};
use weft_store::{CommandKind, InstanceTag};
use weft_store_sql::{RunCursor, RunFilter};

/// Days that are made up for, two at a time.
fn daily(tasks: &Value) -> Value {
    json!({
        "id": "daily", "schedule": "@daily", "start": "2026-01-01", "end": "2026-01-02",
        "catchup": true, "tasks": tasks,
    })
}

fn loading() -> Value {
    daily(&json!({ "load": { "depends_on_past": true } }))
}

/// A worker whose task of this name fails on the first day, once.
fn fails_once(
    task: &'static str,
) -> impl Fn(&Dispatch) -> Option<ReportedOutcome> + Send + Sync + 'static {
    let has_failed = AtomicBool::new(false);
    move |dispatch| {
        let document = &dispatch.document;
        let is_first = document.logical_date.to_string().starts_with("2026-01-01");
        let fails = is_first && document.task.as_str() == task;
        if fails && !has_failed.swap(true, Ordering::Relaxed) {
            failure(false)
        } else {
            success("1")
        }
    }
}

/// The runs of both days, by date, once there are two.
async fn days(installation: &Installation) -> [RunId; 2] {
    let mut changes = installation.handle().changes(Listen::Everything);
    let filter = RunFilter {
        from: RunCursor::Newest,
        ..RunFilter::default()
    };
    loop {
        let runs = installation.database.list_runs(&filter, 10).await;
        let runs = runs.expect("the database answers").into_iter();
        let mut runs: Vec<_> = runs.map(|run| run.expect("it can be read")).collect();
        runs.sort_by_key(|run| run.logical_date);
        if let [first, second] = runs.as_slice() {
            return [first.id, second.id];
        }
        drop(changes.recv().await);
    }
}

async fn waits_for(installation: &Installation, run: RunId, task: u32, before: RunId) {
    let expected = [Reason::Past { run: Some(before) }];
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(5));
    loop {
        let why = installation.handle().why(run, TaskIndex(task), 0);
        let why = why.await.expect("it answers");
        if why == expected {
            return;
        }
        ticks.tick().await;
    }
}

fn clear(task: &str) -> CommandKind {
    let tasks = vec![task.parse().expect("an id")];
    CommandKind::Clear(Selection::of(tasks, false))
}

#[tokio::test]
async fn a_task_waits_until_it_has_succeeded_in_the_run_before() {
    let installation = Installation::running(2, fails_once("load")).await;
    installation.deploy(&loading()).await;
    let [first, second] = days(&installation).await;
    assert_eq!(installation.ended(first).await, RunState::Failed);
    waits_for(&installation, second, 0, first).await;
    assert_eq!(installation.taken(), ["load"]);
    installation.command(first, clear("load")).await;
    assert_eq!(installation.ended(second).await, RunState::Success);
    assert_eq!(installation.show(first).await.state, RunState::Success);
}

#[tokio::test]
async fn a_mark_in_the_run_before_lets_it_go_on() {
    let installation = Installation::running(2, fails_once("load")).await;
    installation.deploy(&loading()).await;
    let [first, second] = days(&installation).await;
    waits_for(&installation, second, 0, first).await;
    let kind = CommandKind::Mark {
        task: "load".parse().expect("an id"),
        index: 0,
        as_state: Marked::Success,
    };
    installation.command(first, kind).await;
    assert_eq!(installation.ended(second).await, RunState::Success);
}

#[tokio::test]
async fn a_scheduler_that_takes_over_asks_again() {
    let mut installation = Installation::running(2, fails_once("load")).await;
    installation.deploy(&loading()).await;
    let [first, second] = days(&installation).await;
    waits_for(&installation, second, 0, first).await;
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("another", &["default"], 1, Arc::new(|_| success("1")));
    waits_for(&installation, second, 0, first).await;
    installation.command(first, clear("load")).await;
    assert_eq!(installation.ended(second).await, RunState::Success);
}

#[tokio::test]
async fn a_task_can_wait_for_its_downstreams_in_the_run_before() {
    let installation = Installation::running(2, fails_once("report")).await;
    let tasks = json!({
        "load": { "wait_for_downstream": true },
        "report": { "after": ["load"] },
        "tidy": { "after": ["report"], "trigger_rule": "all_done" },
    });
    installation.deploy(&daily(&tasks)).await;
    let [first, second] = days(&installation).await;
    installation.ended(first).await;
    waits_for(&installation, second, 0, first).await;
    installation.command(first, clear("report")).await;
    assert_eq!(installation.ended(second).await, RunState::Success);
}

#[tokio::test]
async fn a_mapped_task_waits_for_all_its_instances_in_the_run_before() {
    let has_failed = AtomicBool::new(false);
    let installation = Installation::running(2, move |dispatch: &Dispatch| {
        let is_second = dispatch.document.map_index == Some(1);
        if is_second && !has_failed.swap(true, Ordering::Relaxed) {
            failure(false)
        } else {
            success("1")
        }
    })
    .await;
    let each = json!({ "expand": { "n": { "value": [1, 2, 3] } }, "depends_on_past": true });
    installation.deploy(&daily(&json!({ "each": each }))).await;
    let [first, second] = days(&installation).await;
    assert_eq!(installation.ended(first).await, RunState::Failed);
    waits_for(&installation, second, 0, first).await;
    installation.command(first, clear("each")).await;
    assert_eq!(installation.ended(second).await, RunState::Success);
}

#[tokio::test]
async fn a_run_by_hand_waits_for_no_other() {
    let installation = Installation::running(2, |_| failure(false)).await;
    let deployed = installation.deploy(&loading()).await;
    let [first, second] = days(&installation).await;
    waits_for(&installation, second, 0, first).await;
    let by_hand = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(by_hand).await, RunState::Failed);
}

#[tokio::test]
async fn a_task_of_the_latest_run_alone_is_skipped_in_earlier_ones() {
    let installation = Installation::running(2, |_| success("1")).await;
    let tasks = json!({ "load": {}, "mail": { "after": ["load"], "latest_only": true } });
    let deployed = installation.deploy(&daily(&tasks)).await;
    for run in days(&installation).await {
        assert_eq!(installation.ended(run).await, RunState::Success);
        let mail = installation.show_instance(run, 1).await;
        assert_eq!(mail.state, InstanceTag::Skipped);
        assert_eq!(mail.cause, "precondition");
    }
    let by_hand = installation.trigger(&deployed).await;
    installation.ended(by_hand).await;
    let mail = installation.show_instance(by_hand, 1).await;
    assert_eq!(mail.state, InstanceTag::Success);
}
