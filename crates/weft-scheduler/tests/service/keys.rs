//! Bounds on the runs of a DAG by key, and on how many start in a span of time.

use crate::harness::{Installation, success};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use weft_core::{
    run::RunState,
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_scheduler::Listen;
use weft_store::CommandKind;
use weft_store_sql::RunFilter;

async fn is_running(installation: &Installation, run: RunId) {
    installation
        .wait(run, |row| row.state == RunState::Running)
        .await;
}

#[tokio::test]
async fn runs_of_one_key_wait_for_each_other_and_not_for_others() {
    let installation = Installation::running(8, |_| None).await;
    let document = json!({
        "id": "by_customer", "params": { "customer": "a" },
        "concurrency_key": "{{ params.customer }}", "max_active_runs_per_key": 2,
        "tasks": { "only": {} },
    });
    let deployed = installation.deploy(&document).await;
    let mut of_a = Vec::new();
    for date in 0..4 {
        of_a.push(installation.trigger_with_key(&deployed, date, "a").await);
    }
    // It is later than those that wait, and starts all the same.
    let of_b = installation.trigger_with_key(&deployed, 9, "b").await;
    is_running(&installation, of_b).await;
    for run in &of_a[..2] {
        is_running(&installation, *run).await;
    }
    for run in &of_a[2..] {
        assert_eq!(installation.show(*run).await.state, RunState::Pending);
    }
    installation.command(of_a[0], CommandKind::Cancel).await;
    is_running(&installation, of_a[2]).await;
    assert_eq!(installation.show(of_a[3]).await.state, RunState::Pending);
}

#[tokio::test]
async fn a_takeover_counts_the_active_runs_of_each_key() {
    let mut installation = Installation::running(8, |_| None).await;
    let document = json!({
        "id": "by_customer", "params": { "customer": "a" },
        "concurrency_key": "{{ params.customer }}", "tasks": { "only": {} },
    });
    let deployed = installation.deploy(&document).await;
    let first = installation.trigger_with_key(&deployed, 1, "a").await;
    is_running(&installation, first).await;
    installation.crash().await;
    installation.start_scheduler("second");
    let same = installation.trigger_with_key(&deployed, 2, "a").await;
    let other = installation.trigger_with_key(&deployed, 3, "b").await;
    is_running(&installation, other).await;
    assert_eq!(installation.show(same).await.state, RunState::Pending);
    installation.command(first, CommandKind::Cancel).await;
    is_running(&installation, same).await;
}

/// When each of these runs started, once all have ended.
async fn starts(installation: &Installation, runs: &[RunId]) -> Vec<Timestamp> {
    let mut starts = Vec::new();
    for run in runs {
        assert_eq!(installation.ended(*run).await, RunState::Success);
        let row = installation.show(*run).await;
        starts.push(row.started.expect("it has run"));
    }
    starts.sort_unstable();
    starts
}

fn limited(per: &str) -> Value {
    json!({ "id": "limited", "rate_limit": { "runs": 2, "per": per }, "tasks": { "only": {} } })
}

#[tokio::test]
async fn no_span_has_more_starts_than_its_rate_allows() {
    let installation = Installation::running(8, |_| success("1")).await;
    let deployed = installation.deploy(&limited("1s")).await;
    let mut runs = Vec::new();
    for date in 0..5 {
        runs.push(installation.trigger_with_key(&deployed, date, "").await);
    }
    let starts = starts(&installation, &runs).await;
    for window in starts.windows(3) {
        assert!(window[2] >= window[0].plus(DurationMs(1_000)), "{starts:?}");
    }
}

#[tokio::test]
async fn a_takeover_counts_the_starts_of_the_last_span() {
    let mut installation = Installation::running(8, |_| success("1")).await;
    let deployed = installation.deploy(&limited("1h")).await;
    let mut runs = Vec::new();
    for date in 0..2 {
        runs.push(installation.trigger_with_key(&deployed, date, "").await);
    }
    starts(&installation, &runs).await;
    installation.crash().await;
    installation.start_scheduler("second");
    installation.start_worker("worker", &["default"], 8, Arc::new(|_: &_| success("1")));
    let held = installation.trigger_with_key(&deployed, 3, "").await;
    let unlimited = json!({ "id": "unlimited", "tasks": { "only": {} } });
    let unlimited = installation.deploy(&unlimited).await;
    let other = installation.trigger(&unlimited).await;
    assert_eq!(installation.ended(other).await, RunState::Success);
    assert_eq!(installation.show(held).await.state, RunState::Pending);
    // Another version allows more, and counts those that started.
    let mut more = limited("1h");
    more["rate_limit"]["runs"] = json!(3);
    installation.deploy(&more).await;
    assert_eq!(installation.ended(held).await, RunState::Success);
}

#[tokio::test]
async fn scheduled_runs_get_the_key_of_their_parameters() {
    let installation = Installation::running(8, |_| success("1")).await;
    let document = json!({
        "id": "daily", "schedule": "@daily", "start": "2026-01-01", "end": "2026-01-03",
        "catchup": true, "params": { "region": "north" },
        "concurrency_key": "region {{ params.region }}", "tasks": { "only": {} },
    });
    installation.deploy(&document).await;
    let mut changes = installation.handle().changes(Listen::Everything);
    let made = async {
        loop {
            let all = RunFilter::default();
            let runs = installation.database.list_runs(&all, 10).await;
            let runs = runs.expect("the database answers");
            if runs.len() == 3 {
                return runs;
            }
            drop(changes.recv().await);
        }
    };
    let patience = Duration::from_secs(weft_sweeps::PATIENCE_SECONDS.size());
    let runs = tokio::time::timeout(patience, made).await;
    for run in runs.expect("they are made") {
        let run = run.expect("it can be read");
        assert_eq!(installation.ended(run.id).await, RunState::Success);
        assert_eq!(run.concurrency_key.as_deref(), Some("region north"));
    }
}
