//! Recovery: everything that was acknowledged survives a crash.

use crate::harness::{Installation, failure, success};
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use weft_broker::{
    Dispatch, LeaseTerms, WorkerBroker as _, WorkerInfo,
    in_process::{InProcess, Options},
};
use weft_core::{
    run::{Counts, RunState},
    time::DurationMs,
};
use weft_scheduler::SchedulerOptions;
use weft_store::InstanceTag;

#[tokio::test]
async fn a_run_continues_after_a_crash() {
    let mut installation =
        Installation::running(1, |dispatch| match dispatch.document.task.as_str() {
            "first" => success("41"),
            // The process crashes while this one runs.
            _ => None,
        })
        .await;
    let deployed = installation
        .deploy(&json!({ "id": "crashed", "tasks": {
            "first": {},
            "second": { "inputs": { "given": "first" } },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation
        .wait(run, |row| {
            row.counts.running == 1 && row.counts.success == 1
        })
        .await;
    installation.crash().await;
    installation.start_scheduler("first");
    installation.start_worker(
        "another",
        &["default"],
        1,
        Arc::new(|dispatch| {
            assert_eq!(dispatch.inputs, [("given".to_owned(), "41".into())]);
            success("42")
        }),
    );
    assert_eq!(installation.ended(run).await, RunState::Success);
    let instance = &installation.instances(run).await[&(1, 0)];
    assert_eq!(instance.number, 2, "the attempt that ran was lost");
    assert_eq!(installation.taken(), ["first", "second", "second"]);
}

#[tokio::test]
async fn an_ended_run_that_is_stored_as_queued_blocks_no_other_run() {
    let mut installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation
        .deploy(&json!({ "id": "twice", "max_active_runs": 1, "tasks": { "only": {} } }))
        .await;
    let first = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(first).await, RunState::Success);
    installation.stop_scheduler().await;
    installation.store_as_queued(first).await;
    let second = installation.trigger(&deployed).await;
    installation.start_scheduler("second");
    assert_eq!(installation.ended(second).await, RunState::Success);
    assert_eq!(installation.ended(first).await, RunState::Success);
    assert_eq!(installation.taken(), ["only", "only"], "nothing ran again");
}

#[tokio::test]
async fn a_run_triggered_without_a_scheduler_starts_later() {
    let mut installation = Installation::new().await;
    let deployed = installation
        .deploy(&json!({ "id": "later", "tasks": { "only": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.start_scheduler("first");
    installation.start_worker("worker", &["default"], 1, Arc::new(|_| success("1")));
    assert_eq!(installation.ended(run).await, RunState::Success);
}

#[tokio::test]
async fn an_unclaimed_attempt_is_published_again_after_a_crash() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    // A registered worker that never claims: the attempt is committed and stays queued.
    let idle = installation.broker.worker();
    let info = weft_broker::WorkerInfo {
        id: "idle".into(),
        queues: vec!["default".into()],
        slots: 1,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    weft_broker::WorkerBroker::register(&idle, &info, &[])
        .await
        .expect("it registers");
    let deployed = installation
        .deploy(&json!({ "id": "waiting", "tasks": { "only": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.queued == 1).await;
    installation.crash().await;
    installation.start_scheduler("first");
    installation.start_worker("worker", &["default"], 1, Arc::new(|_| success("1")));
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert_eq!(installation.instances(run).await[&(0, 0)].number, 1);
}

#[tokio::test]
async fn a_clean_stop_and_start_changes_nothing() {
    let mut installation = Installation::running(1, |_| None).await;
    let deployed = installation
        .deploy(&json!({ "id": "stopped", "tasks": { "only": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.running == 1).await;
    let before = installation.show(run).await;
    installation.stop_scheduler().await;
    installation.start_scheduler("second");
    let after = installation.wait(run, |row| row.counts.running == 1).await;
    assert_eq!(
        before.counts, after.counts,
        "the broker still knows the attempt"
    );
    assert_eq!(installation.instances(run).await[&(0, 0)].number, 1);
}

#[tokio::test]
async fn the_row_of_a_long_attempt_shows_it_running() {
    let mut installation =
        Installation::running(4, |dispatch| match dispatch.document.task.as_str() {
            "short" => success("1"),
            _ => None,
        })
        .await;
    let deployed = installation
        .deploy(&json!({ "id": "two", "tasks": { "long": {}, "short": {} } }))
        .await;
    let run = installation.trigger(&deployed).await;
    // The end of the short one has committed the start of the long one as an event. Its row
    // follows later, even if another scheduler owns the shard by then.
    let both = |counts: &Counts| (counts.success, counts.running) == (1, 1);
    installation.wait(run, |row| both(&row.counts)).await;
    installation.stop_scheduler().await;
    installation.start_scheduler("second");
    installation
        .shows(run, |row| row.state == InstanceTag::Running)
        .await;
    assert_eq!(installation.taken().len(), 2, "nothing was published again");
}

#[tokio::test]
async fn a_released_attempt_has_no_worker_until_another_one_claims_it() {
    let mut installation = Installation::new().await;
    installation.start_scheduler("first");
    let deployed = installation
        .deploy(&json!({ "id": "one", "tasks": { "only": {} } }))
        .await;
    let worker = async |id: &str| {
        let worker = installation.broker.worker();
        let info = WorkerInfo {
            id: id.into(),
            queues: vec!["default".into()],
            slots: 1,
            prefetch: 0,
            memory_bytes: None,
            labels: Vec::new(),
        };
        worker.register(&info, &[]).await.expect("it registers");
        worker
    };
    let (leaving, coming) = (worker("leaving").await, worker("coming").await);
    let run = installation.trigger(&deployed).await;
    let claimed = leaving.claim(1).await.expect("there is something");
    let row = installation.shows(run, |row| row.worker.is_some()).await;
    assert_eq!(row.worker.as_deref(), Some("leaving"));
    let key = claimed[0].dispatch.key;
    leaving.release(&[key.into()]).await.expect("it had it");
    let again = coming.claim(1).await.expect("it is published again");
    assert_eq!(again[0].dispatch.key, key);
    // The server refuses its variables to every other worker.
    let rows = installation.instances(run).await;
    assert_ne!(rows[&(0, 0)].worker.as_deref(), Some("leaving"));
}

#[tokio::test]
async fn a_run_goes_on_with_the_defaults_that_it_began_with() {
    let mut installation = Installation::new().await;
    let mut options = SchedulerOptions::new("first");
    options.defaults.retry.retries = 1;
    options.defaults.retry.delay = DurationMs(1_000);
    installation.start_scheduler_over(options, installation.deps());
    let rule = |dispatch: &Dispatch| match dispatch.key.attempt.number {
        1 => failure(true),
        _ => success("1"),
    };
    installation.start_worker("worker", &["default"], 4, Arc::new(rule));
    let deployed = installation
        .deploy(&json!({ "id": "retried", "tasks": { "only": {} } }))
        .await;
    let begun = installation.trigger(&deployed).await;
    let retrying = installation.wait(begun, |row| row.counts.up_for_retry == 1);
    assert_eq!(retrying.await.state, RunState::Running);
    installation.stop_scheduler().await;
    // Another release gives no retries.
    installation.start_scheduler("second");
    assert_eq!(installation.ended(begun).await, RunState::Success);
    let new = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(new).await, RunState::Failed);
}

#[tokio::test]
async fn a_worker_that_keeps_an_attempt_past_its_timeout_loses_it() {
    let mut installation = Installation::new().await;
    // Its broker never lets a claim expire, as if the worker renewed it for ever.
    installation.broker = InProcess::new(Options {
        terms: LeaseTerms {
            lease: Duration::from_hours(1),
            ..LeaseTerms::default()
        },
        ..Options::default()
    });
    let options = SchedulerOptions {
        overdue_grace: Duration::ZERO,
        ..SchedulerOptions::new("first")
    };
    installation.start_scheduler_over(options, installation.deps());
    let claims = AtomicU32::new(0);
    let rule = move |_: &Dispatch| match claims.fetch_add(1, Relaxed) {
        0 => None,
        _ => success("1"),
    };
    installation.start_worker("worker", &["default"], 4, Arc::new(rule));
    let deployed = installation
        .deploy(&json!({ "id": "overdue", "tasks": { "only": { "timeout": "1s" } } }))
        .await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    let rows = installation.instances(run).await;
    assert_eq!(rows[&(0, 0)].number, 2, "the first attempt was lost");
    assert_eq!(installation.broker.stats().claimed, 0, "it was revoked");
}
