//! Large inputs of many instances: what is dispatched is bounded by the workers' slots and by
//! bytes, whether the blob store answers or not.

use crate::{
    harness::{Installation, success},
    outputs::SlowBlobs,
    watched_store::WatchedStore,
};
use serde_json::json;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use weft_blob::Kind;
use weft_broker::{Dispatch, Output, ReportedOutcome};
use weft_core::{digest::Digest, id::TenantId, run::RunState};
use weft_scheduler::{Deps, OutputBlobs, SchedulerOptions};
use weft_store_sql::Deployed;

/// The bytes of the large output.
const BYTES: usize = 1 << 20;
/// Instances that take it as an input.
const COUNT: usize = 10_000;

fn large_text() -> String {
    format!("\"{}\"", "x".repeat(BYTES))
}

/// The task `large` reports the large output; every other attempt runs for ever, but for those of
/// `only`.
fn rule(dispatch: &Dispatch) -> Option<ReportedOutcome> {
    match dispatch.document.task.as_str() {
        "large" => {
            let text = large_text();
            Some(ReportedOutcome::Success {
                output: Output::Blob {
                    digest: Digest::of(text.as_bytes()),
                    bytes: text.len() as u64,
                },
            })
        }
        "only" => success("1"),
        _ => None,
    }
}

/// A DAG in which many instances take one large output.
async fn deploy_large(installation: &Installation) -> Deployed {
    let text = large_text();
    installation
        .blobs
        .put(Kind::Output, &TenantId::default(), text.into_bytes())
        .await
        .expect("there is space");
    installation
        .deploy(&json!({ "id": "large", "tasks": {
            "large": {},
            "each": { "inputs": { "x": "large" }, "expand": { "item": { "value": vec![0; COUNT] } } },
        } }))
        .await
}

#[tokio::test]
async fn no_attempt_is_made_whose_inputs_can_not_be_read() {
    const SLOTS: u32 = 16;
    let mut installation = Installation::new().await;
    let blobs = Arc::new(SlowBlobs::new(&installation.blobs, Duration::ZERO));
    blobs.is_away.store(true, Ordering::SeqCst);
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    installation.start_worker("worker", &["default"], SLOTS, Arc::new(rule));
    let large = deploy_large(&installation).await;
    let other = installation
        .deploy(&json!({ "id": "other", "tasks": { "only": {} } }))
        .await;
    let run = installation.trigger(&large).await;
    installation.wait(run, |row| row.counts.success == 1).await;
    // Each of them takes several turns.
    for _ in 0..20 {
        let run = installation.trigger(&other).await;
        assert_eq!(installation.ended(run).await, RunState::Success);
    }
    let counts = installation.show(run).await.counts;
    println!("attempts while the blob store is away: {}", counts.queued);
    assert_eq!((counts.queued, counts.running), (0, 0));
    blobs.is_away.store(false, Ordering::SeqCst);
    let all = u64::from(SLOTS);
    let row = installation
        .wait(run, |row| row.counts.running == all)
        .await;
    assert_eq!(row.counts.queued, 0, "no more than there are slots");
}

#[tokio::test]
async fn a_turn_dispatches_no_more_than_so_many_bytes() {
    const SLOTS: u32 = 200;
    let mut installation = Installation::new().await;
    let store = WatchedStore::new(installation.database.clone(), 1);
    let deps = Deps {
        store: Arc::new(store.clone()),
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    installation.start_worker("worker", &["default"], SLOTS, Arc::new(rule));
    let large = deploy_large(&installation).await;
    let run = installation.trigger(&large).await;
    let all = u64::from(SLOTS);
    installation
        .wait(run, |row| row.counts.running == all)
        .await;
    let most = store.dispatched().into_iter().max();
    assert!(most <= Some(65), "{most:?} megabytes in one turn");
}
