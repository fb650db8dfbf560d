//! Large inputs of many instances: what is dispatched is bounded by the workers' slots and by
//! bytes, whether the blob store answers or not.

use crate::{
    harness::{Installation, success},
    outputs::SlowBlobs,
    watched_store::WatchedStore,
};
use async_trait::async_trait;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use weft_blob::{BlobError, Kind};
use weft_broker::{Dispatch, Output, ReportedOutcome};
use weft_core::{digest::Digest, id::TenantId, run::RunState};
use weft_scheduler::{Deps, OutputBlobs, SchedulerOptions};
use weft_store::CommandKind;
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

/// A blob store that never answers.
struct HangingBlobs(AtomicU32);

#[async_trait]
impl OutputBlobs for HangingBlobs {
    async fn read_output(&self, _: &TenantId, _: &Digest) -> Result<Vec<u8>, BlobError> {
        struct Ended<'a>(&'a AtomicU32);
        impl Drop for Ended<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.fetch_add(1, Ordering::SeqCst);
        let _ended = Ended(&self.0);
        std::future::pending().await
    }
}

#[tokio::test]
async fn rows_are_read_while_the_blob_store_does_not_answer_and_an_ended_run_reads_nothing() {
    const RUNS: usize = 40;
    let mut installation = Installation::new().await;
    let policy = "[queues]\nallow = [\"late\", \"later\"]";
    let set = installation
        .database
        .put_policy(&TenantId::default(), Some(policy), "test")
        .await;
    set.expect("it is set");
    installation.start_scheduler("first");
    installation.start_worker("worker", &["default"], 64, Arc::new(rule));
    deploy_large(&installation).await;
    let dag = |dag: &str, first: &str, queue: &str| {
        json!({ "id": dag, "max_active_runs": RUNS, "tasks": {
            first: {}, "then": { "inputs": { "x": first }, "queue": queue },
        } })
    };
    let blob = installation.deploy(&dag("blob", "large", "late")).await;
    let row = installation.deploy(&dag("row", "only", "later")).await;
    let mut waiting = Vec::new();
    for _ in 0..RUNS {
        waiting.push(installation.trigger(&blob).await);
    }
    let rows = installation.trigger(&row).await;
    for run in waiting.iter().chain([&rows]) {
        installation.wait(*run, |row| row.counts.success == 1).await;
    }
    // What the next scheduler needs is in the database and in the blob store.
    installation.stop_scheduler().await;
    let blobs = Arc::new(HangingBlobs(AtomicU32::new(0)));
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("second"), deps);
    let all = |_: &Dispatch| success("1");
    installation.start_worker("late", &["late"], 64, Arc::new(all));
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while blobs.0.load(Ordering::SeqCst) < 16 {
        ticks.tick().await;
    }
    let began = Instant::now();
    installation.start_worker("later", &["later"], 64, Arc::new(all));
    assert_eq!(installation.ended(rows).await, RunState::Success);
    println!("rows were read and used within {:?}", began.elapsed());
    for run in waiting {
        installation.command(run, CommandKind::Cancel).await;
        assert_eq!(installation.ended(run).await, RunState::Cancelled);
    }
    let reads_end = async {
        while blobs.0.load(Ordering::SeqCst) > 0 {
            ticks.tick().await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(30), reads_end).await;
    ended.expect("no read goes on for a run that has ended");
}
