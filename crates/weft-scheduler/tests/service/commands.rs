//! Commands: cancel, clear, mark.

use crate::harness::{Installation, success};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use weft_core::run::{Marked, RunState, Selection};
use weft_store::{CommandKind, InstanceTag, Output};

fn pair() -> Value {
    json!({ "id": "pair", "tasks": { "first": {}, "second": { "after": ["first"] } } })
}

#[tokio::test]
async fn a_cancelled_run_ends_and_later_reports_change_nothing() {
    let installation = Installation::running(1, |_| None).await;
    let deployed = installation.deploy(&pair()).await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| row.counts.queued + row.counts.running == 1)
        .await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let instances = installation.instances(run).await;
    assert_eq!(instances[&(0, 0)].state, InstanceTag::Cancelled);
    assert_eq!(instances[&(1, 0)].state, InstanceTag::Cancelled);
}

#[tokio::test]
async fn an_ended_run_continues_from_a_cleared_task() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation.deploy(&pair()).await;
    let run = installation.trigger(&deployed).await;
    installation.ended(run).await;
    let tasks = vec!["second".parse().expect("an id")];
    installation
        .command(run, CommandKind::Clear(Selection::of(tasks, false)))
        .await;
    installation
        .wait(run, |row| {
            row.state.is_ended() && installation.taken().len() == 3
        })
        .await;
    assert_eq!(installation.taken(), ["first", "second", "second"]);
    assert_eq!(installation.instances(run).await[&(1, 0)].number, 2);
}

#[tokio::test]
async fn a_marked_task_lets_its_downstreams_start() {
    let first_hangs = |dispatch: &weft_broker::Dispatch| match dispatch.document.task.as_str() {
        "first" => None,
        _ => success("1"),
    };
    let installation = Installation::running(2, first_hangs).await;
    let deployed = installation.deploy(&pair()).await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| row.counts.queued + row.counts.running == 1)
        .await;
    let mark = CommandKind::Mark {
        task: "first".parse().expect("an id"),
        index: 0,
        as_state: Marked::Success,
    };
    installation.command(run, mark).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
}

/// Marks the first task of a queued run, and then lets the run start.
async fn marked_before_its_start(restarted: bool) {
    let mut installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation.deploy(&pair()).await;
    installation.set_paused(&deployed, true).await;
    let run = installation.trigger(&deployed).await;
    let mark = CommandKind::Mark {
        task: "first".parse().expect("an id"),
        index: 0,
        as_state: Marked::Success,
    };
    let id = installation
        .database
        .insert_command(&weft_core::id::TenantId::default(), run, &mark, "test")
        .await
        .expect("it is taken");
    installation.handle().wake(weft_scheduler::Wake::Command);
    assert_eq!(installation.command_outcome(id).await, None);
    assert_eq!(installation.show(run).await.state, RunState::Pending);
    if restarted {
        installation.crash().await;
        installation.start_scheduler("first");
        installation.start_worker("another", &["default"], 1, Arc::new(|_| success("1")));
    }
    installation.set_paused(&deployed, false).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(installation.taken(), ["second"]);
}

#[tokio::test]
async fn a_mark_before_the_start_counts() {
    marked_before_its_start(false).await;
}

#[tokio::test]
async fn a_mark_before_the_start_survives_a_restart() {
    marked_before_its_start(true).await;
}

#[tokio::test]
async fn a_queued_run_can_be_cancelled() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation.deploy(&pair()).await;
    let far = weft_core::time::Timestamp(i64::MAX / 2);
    let run = installation.trigger_at(&deployed, None, Some(far)).await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    assert!(installation.taken().is_empty());
}

#[tokio::test]
async fn a_command_for_an_unknown_task_is_refused_and_changes_nothing() {
    let released = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&released);
    let installation = Installation::running(1, move |_| {
        may.load(Ordering::Relaxed).then(|| success("1")).flatten()
    })
    .await;
    let deployed = installation.deploy(&pair()).await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
    let id = installation
        .database
        .insert_command(
            &weft_core::id::TenantId::default(),
            run,
            &CommandKind::Clear(Selection::of(vec!["nosuch".parse().expect("an id")], true)),
            "test",
        )
        .await
        .expect("it is taken");
    installation.handle().wake(weft_scheduler::Wake::Command);
    let refused = installation.command_outcome(id).await;
    assert!(refused.is_some_and(|why| why.contains("nosuch")));
    assert_eq!(installation.show(run).await.state, RunState::Running);
}

#[tokio::test]
async fn the_output_from_before_a_mark_reaches_no_downstream() {
    let installation = Installation::running(2, |dispatch| match dispatch.document.task.as_str() {
        "first" => success("41"),
        "busy" => None,
        _ => success(&dispatch.inputs[0].1),
    })
    .await;
    let deployed = installation
        .deploy(&json!({ "id": "marked", "tasks": {
            "first": {},
            "busy": {},
            "last": {
                "after": ["busy"],
                "inputs": { "given": "first" },
                "trigger_rule": "all_done",
            },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    let mark = |task: &str, as_state| CommandKind::Mark {
        task: task.parse().expect("an id"),
        index: 0,
        as_state,
    };
    installation
        .wait(run, |row| {
            row.counts.success == 1 && row.counts.running == 1
        })
        .await;
    installation
        .command(run, mark("first", Marked::Skipped))
        .await;
    installation.wait(run, |row| row.counts.skipped == 1).await;
    installation
        .command(run, mark("busy", Marked::Success))
        .await;
    installation.ended(run).await;
    let instances = installation.instances(run).await;
    let outputs: Vec<_> = (0..3)
        .map(|task| instances[&(task, 0)].output.clone())
        .collect();
    // As it would be after a restart: the row says that there is none.
    assert_eq!(outputs, [None, None, Some(Output::Inline("null".into()))]);
}
