//! Runs that timetables create.

use crate::harness::{Installation, success};
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use weft_core::{run::RunState, time::Timestamp};
use weft_scheduler::Listen;
use weft_store::RunKind;
use weft_store_sql::{RunCursor, RunFilter, RunRow};

async fn runs(installation: &Installation) -> Vec<RunRow> {
    let filter = RunFilter {
        from: RunCursor::Newest,
        ..RunFilter::default()
    };
    let runs = installation.database.list_runs(&filter, 100).await;
    let runs = runs.expect("the database answers").into_iter();
    runs.map(|run| run.expect("it can be read")).collect()
}

/// Waits until the timetable has created this many runs and they have ended.
async fn ended_runs(installation: &Installation, count: usize) -> Vec<RunRow> {
    let mut changes = installation.handle().changes(Listen::Everything);
    loop {
        let runs = runs(installation).await;
        if runs.len() >= count && runs.iter().all(|run| run.state.is_ended()) {
            return runs;
        }
        drop(
            tokio::time::timeout(std::time::Duration::from_secs(30), changes.recv())
                .await
                .expect("something happens"),
        );
    }
}

#[tokio::test]
async fn an_interval_creates_runs_with_its_dates() {
    let installation = Installation::running(2, |_| success("1")).await;
    installation
        .deploy(&json!({ "id": "often", "schedule": "every 1s", "tasks": { "only": {} } }))
        .await;
    let runs = ended_runs(&installation, 2).await;
    let mut dates: Vec<Timestamp> = runs.iter().map(|run| run.logical_date).collect();
    dates.dedup();
    assert_eq!(dates.len(), runs.len(), "each date has one run");
    assert!(dates.iter().all(|date| date.0 % 1000 == 0));
    assert!(runs.iter().all(|run| run.kind == RunKind::Scheduled));
}

#[tokio::test]
async fn a_once_timetable_creates_one_run_even_after_a_restart() {
    let mut installation = Installation::running(1, |_| success("1")).await;
    installation
        .deploy(&json!({ "id": "once", "schedule": "@once", "tasks": { "only": {} } }))
        .await;
    ended_runs(&installation, 1).await;
    installation.stop_scheduler().await;
    installation.start_scheduler("second");
    let other = installation
        .deploy(&json!({ "id": "other", "tasks": { "only": {} } }))
        .await;
    let after = installation.trigger(&other).await;
    installation.ended(after).await;
    assert_eq!(runs(&installation).await.len(), 2, "one of each DAG");
}

#[tokio::test]
async fn catchup_creates_every_missed_run_in_order() {
    let installation = Installation::running(1, |_| success("1")).await;
    installation
        .deploy(&json!({
            "id": "history", "schedule": "@daily", "start": "2026-01-01", "end": "2026-01-05",
            "catchup": true, "max_active_runs": 1, "tasks": { "only": {} },
        }))
        .await;
    let mut runs = ended_runs(&installation, 5).await;
    assert_eq!(runs.len(), 5);
    runs.sort_by_key(|run| run.started);
    let dates: Vec<String> = runs
        .iter()
        .map(|run| run.logical_date.to_string())
        .collect();
    assert_eq!(
        dates.first().map(String::as_str),
        Some("2026-01-01T00:00:00Z")
    );
    assert!(dates.is_sorted(), "{dates:?}");
}

#[tokio::test]
async fn a_long_catchup_keeps_a_bounded_number_of_runs_queued() {
    let mut installation = Installation::running(1, |_| success("1")).await;
    installation
        .deploy(&json!({
            "id": "seconds", "schedule": "every 1s", "start": "2000-01-01", "catchup": true,
            "max_active_runs": 1, "tasks": { "only": {} },
        }))
        .await;
    let mut changes = installation.handle().changes(Listen::Everything);
    let (mut ended, mut restarted) = (BTreeSet::new(), false);
    while ended.len() < 150 {
        let change = tokio::time::timeout(Duration::from_secs(30), changes.recv()).await;
        drop(change.expect("something happens"));
        let filter = RunFilter {
            from: RunCursor::Newest,
            ..RunFilter::default()
        };
        let runs = installation.database.list_runs(&filter, 500).await;
        let (over, open): (Vec<_>, Vec<_>) = runs
            .expect("the database answers")
            .into_iter()
            .map(|run| run.expect("it can be read"))
            .partition(|run| run.state.is_ended());
        assert!(open.len() <= 101, "{} runs", open.len());
        ended.extend(over.into_iter().map(|run| run.logical_date));
        if !restarted && ended.len() >= 50 {
            restarted = true;
            // The next one counts what is queued.
            installation.stop_scheduler().await;
            installation.start_scheduler("second");
            changes = installation.handle().changes(Listen::Everything);
        }
    }
    let dates = ended.iter().zip(ended.iter().skip(1));
    assert!(
        dates.into_iter().all(|(one, next)| next.0 - one.0 == 1000),
        "no date is left out: {ended:?}"
    );
}

#[tokio::test]
async fn a_run_with_a_later_start_time_stays_queued_until_then() {
    let installation = Installation::running(1, |_| success("1")).await;
    let deployed = installation
        .deploy(&json!({ "id": "later", "tasks": { "only": {} } }))
        .await;
    let soon = Timestamp(
        i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .expect("after 1970")
                .as_millis(),
        )
        .expect("small")
            + 300,
    );
    let run = installation.trigger_at(&deployed, None, Some(soon)).await;
    assert_eq!(installation.ended(run).await, RunState::Success);
    assert!(installation.show(run).await.started >= Some(soon));
}
