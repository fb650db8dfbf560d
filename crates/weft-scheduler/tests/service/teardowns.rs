//! Teardowns, lists that go together, and retries by code, in runs of a scheduler.

use crate::harness::{Installation, failure, success};
use serde_json::{Value, json};
use std::sync::Arc;
use weft_broker::{Dispatch, ReportedOutcome};
use weft_core::run::{RunState, Selection};
use weft_store::{CommandKind, InstanceTag};

/// Where they are in the DAG, whose tasks are in the order of their names.
const DESTROY: (u32, u32) = (1, 0);
const WORK: (u32, u32) = (2, 0);

fn cluster() -> Value {
    json!({ "id": "cluster", "tasks": {
        "create": {},
        "work": { "after": ["create"] },
        "destroy": { "after": ["work"], "teardown_of": ["create"] },
    } })
}

/// The work never ends by itself; what comes before and after it succeeds.
fn work_hangs(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    match dispatch.document.task.as_str() {
        "work" => None,
        _ => success("1"),
    }
}

#[tokio::test]
async fn a_cancelled_run_is_torn_down() {
    let installation = Installation::running(1, work_hangs).await;
    let deployed = installation.deploy(&cluster()).await;
    let run = installation.trigger(&deployed).await;
    installation.claimed("work", 1).await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let instances = installation.instances(run).await;
    assert_eq!(instances[&WORK].state, InstanceTag::Cancelled);
    assert_eq!(instances[&DESTROY].state, InstanceTag::Success);
    assert_eq!(installation.taken(), ["create", "work", "destroy"]);
}

#[tokio::test]
async fn what_was_ready_when_a_run_was_cancelled_never_starts() {
    let hangs = |dispatch: &Dispatch| match dispatch.document.task.as_str() {
        "each" | "last" => None,
        _ => success("1"),
    };
    let installation = Installation::running(1, hangs).await;
    let deployed = installation
        .deploy(&json!({ "id": "crowd", "tasks": {
            "create": {},
            "each": { "after": ["create"], "expand": { "n": { "value": [1, 2, 3] } } },
            "last": { "after": ["create"] },
            "tidy": { "after": ["each", "last"], "teardown_of": ["create"] },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    // One slot: of what is ready, one is claimed.
    installation
        .wait(run, |row| {
            row.counts.ready + row.counts.queued >= 3 && installation.taken().len() == 2
        })
        .await;
    installation.command(run, CommandKind::Cancel).await;
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let taken = installation.taken();
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert_eq!(taken[2], "tidy");
}

#[tokio::test]
async fn a_scheduler_that_crashes_while_a_run_is_torn_down_goes_on_with_it() {
    let hangs_on = |tasks: &'static [&'static str]| {
        move |dispatch: &Dispatch| {
            let is_hung = tasks.contains(&dispatch.document.task.as_str());
            if is_hung { None } else { success("1") }
        }
    };
    let mut installation = Installation::running(1, hangs_on(&["work", "destroy"])).await;
    let deployed = installation.deploy(&cluster()).await;
    let run = installation.trigger(&deployed).await;
    installation.claimed("work", 1).await;
    installation.command(run, CommandKind::Cancel).await;
    installation.claimed("destroy", 1).await;
    assert_eq!(installation.show(run).await.state, RunState::Running);
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("another", &["default"], 1, Arc::new(|_| success("1")));
    assert_eq!(installation.ended(run).await, RunState::Cancelled);
    let instances = installation.instances(run).await;
    assert_eq!(instances[&WORK].state, InstanceTag::Cancelled);
    assert_eq!(instances[&DESTROY].state, InstanceTag::Success);
}

#[tokio::test]
async fn work_that_is_cleared_after_its_teardown_is_set_up_again() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation.deploy(&cluster()).await;
    let run = installation.trigger(&deployed).await;
    installation.ended(run).await;
    let tasks = vec!["work".parse().expect("an id")];
    let clear = CommandKind::Clear(Selection::of(tasks, false));
    installation.command(run, clear).await;
    installation
        .wait(run, |row| {
            row.state.is_ended() && installation.taken().len() == 6
        })
        .await;
    let again = ["create", "work", "destroy", "create", "work", "destroy"];
    assert_eq!(installation.taken(), again);
}

#[tokio::test]
async fn lists_of_unlike_lengths_fail_the_task_in_words() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation
        .deploy(&json!({ "id": "loads", "tasks": { "load": {
            "zip": true,
            "expand": { "file": { "value": ["a", "b"] }, "table": { "value": ["x"] } },
        } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    let error = installation.show_instance(run, 0).await.error;
    let error = error.expect("it says why").to_string();
    assert!(error.contains("must have one length"), "{error}");
}

#[tokio::test]
async fn only_failures_of_the_named_codes_are_retried() {
    // The worker's failures have the code `author`.
    for (codes, attempts) in [(json!(["author"]), 3), (json!(["timeout"]), 1)] {
        let installation = Installation::running(1, |_| failure(true)).await;
        let deployed = installation
            .deploy(&json!({ "id": "picky", "tasks": { "only": {
                "retries": 2, "retry_delay": 0, "retry_on": codes,
            } } }))
            .await;
        let run = installation.trigger(&deployed).await;
        assert_eq!(installation.ended(run).await, RunState::Failed);
        assert_eq!(installation.taken().len(), attempts, "{codes}");
    }
}
