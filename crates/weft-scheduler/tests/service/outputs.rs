//! Large outputs: they are read beside the loop, and a blob store that is slow, away or damaged
//! affects only what needs them.

use crate::harness::{Installation, success};
use async_trait::async_trait;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;
use weft_blob::{BlobError, Blobs, Kind};
use weft_broker::{Dispatch, Output, ReportedOutcome};
use weft_core::{digest::Digest, id::TenantId, run::RunState};
use weft_scheduler::{Deps, OutputBlobs, Scheduler, SchedulerOptions};

/// What an output of the task `each` is.
fn text_of(index: u64, bytes: usize) -> String {
    format!("\"{index:0>bytes$}\"")
}

/// Reports the outputs of `each` as blobs; `then` sees the attempts of the others.
fn blobs_of_each(
    bytes: usize,
    then: impl Fn(&Dispatch) -> Option<ReportedOutcome> + Send + Sync,
) -> impl Fn(&Dispatch) -> Option<ReportedOutcome> + Send + Sync {
    move |dispatch| {
        if dispatch.document.task.as_str() != "each" {
            return then(dispatch);
        }
        let text = text_of(dispatch.document.map_index.unwrap_or(0), bytes);
        Some(ReportedOutcome::Success {
            output: Output::Blob {
                digest: Digest::of(text.as_bytes()),
                bytes: text.len() as u64,
            },
        })
    }
}

/// A DAG that gathers the outputs of so many instances.
fn gathering(count: usize) -> serde_json::Value {
    json!({ "id": "gathering", "tasks": {
        "each": { "expand": { "item": { "value": vec![0; count] } } },
        "last": { "inputs": { "all": "each" } },
    } })
}

async fn put_all(blobs: &Blobs, count: usize, bytes: usize) {
    for index in 0..count {
        let text = text_of(index as u64, bytes);
        blobs
            .put(Kind::Output, &TenantId::default(), text.into_bytes())
            .await
            .expect("there is space");
    }
}

/// Takes its time for each read, and may be away.
pub(crate) struct SlowBlobs {
    blobs: Blobs,
    each: Duration,
    pub(crate) is_away: AtomicBool,
    reads: AtomicU32,
}

impl SlowBlobs {
    pub(crate) fn new(blobs: &Blobs, each: Duration) -> Self {
        Self {
            blobs: blobs.clone(),
            each,
            is_away: AtomicBool::new(false),
            reads: AtomicU32::new(0),
        }
    }
}

#[async_trait]
impl OutputBlobs for SlowBlobs {
    async fn read_output(&self, tenant: &TenantId, digest: &Digest) -> Result<Vec<u8>, BlobError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        sleep(self.each).await;
        if self.is_away.load(Ordering::SeqCst) {
            return Err(BlobError::Unavailable {
                path: digest.to_string(),
                reason: "the test took it away".into(),
            });
        }
        self.blobs.read_output(tenant, digest).await
    }
}

#[tokio::test]
async fn slow_reads_of_many_outputs_let_no_other_scheduler_take_over() {
    const COUNT: usize = 1000;
    const BYTES: usize = 20_000;
    let mut installation = Installation::new().await;
    put_all(&installation.blobs, COUNT, BYTES).await;
    let each = Duration::from_millis(30);
    let blobs = Arc::new(SlowBlobs::new(&installation.blobs, each));
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    let mut options = SchedulerOptions::new("first");
    options.lease = Duration::from_secs(3);
    installation.start_scheduler_over(options.clone(), deps.clone());
    let rule = blobs_of_each(BYTES, |dispatch| {
        assert!(dispatch.inputs[0].1.len() > COUNT * BYTES);
        success("1")
    });
    installation.start_worker("worker", &["default"], 64, Arc::new(rule));
    let deployed = installation.deploy(&gathering(COUNT)).await;
    let run = installation.trigger(&deployed).await;
    // It takes the shard over as soon as its lease expires.
    installation.wait(run, |row| row.counts.success > 0).await;
    options.id = "second".into();
    let (standby, _handle) = Scheduler::new(options, deps);
    let standby = tokio::spawn(standby.run(std::future::pending()));
    assert_eq!(installation.ended(run).await, RunState::Success);
    let shards = installation.database.list_shards().await;
    let shard = shards.expect("the database answers").remove(0);
    assert_eq!(
        (shard.epoch, shard.scheduler.as_deref()),
        (1, Some("first"))
    );
    assert_eq!(
        blobs.reads.load(Ordering::SeqCst),
        1000,
        "each is read once"
    );
    standby.abort();
}

#[tokio::test]
async fn an_outage_of_the_blob_store_delays_what_needs_it_and_nothing_else() {
    let mut installation = Installation::new().await;
    put_all(&installation.blobs, 2, 20_000).await;
    let blobs = Arc::new(SlowBlobs::new(&installation.blobs, Duration::ZERO));
    blobs.is_away.store(true, Ordering::SeqCst);
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    let rule = blobs_of_each(20_000, |_| success("1"));
    installation.start_worker("worker", &["default"], 4, Arc::new(rule));
    let gathers = installation.deploy(&gathering(2)).await;
    let other = installation
        .deploy(&json!({ "id": "other", "tasks": { "only": {} } }))
        .await;
    let waits = installation.trigger(&gathers).await;
    // Its inputs can't be read, so it gets no attempt.
    installation.wait(waits, |row| row.counts.ready == 1).await;
    for _ in 0..5 {
        let run = installation.trigger(&other).await;
        assert_eq!(installation.ended(run).await, RunState::Success);
    }
    assert_eq!(installation.show(waits).await.counts.ready, 1);
    assert!(blobs.reads.load(Ordering::SeqCst) > 0, "it was tried");
    blobs.is_away.store(false, Ordering::SeqCst);
    assert_eq!(installation.ended(waits).await, RunState::Success);
}

#[tokio::test]
async fn an_output_that_is_missing_fails_what_needs_it() {
    let mut installation = Installation::new().await;
    put_all(&installation.blobs, 1, 20_000).await;
    installation.start_scheduler("first");
    let rule = blobs_of_each(20_000, |_| success("1"));
    installation.start_worker("worker", &["default"], 4, Arc::new(rule));
    let deployed = installation.deploy(&gathering(2)).await;
    let run = installation.trigger(&deployed).await;
    assert_eq!(installation.ended(run).await, RunState::Failed);
    let last = installation.show_instance(run, 1).await;
    let error = last.error.expect("it has an error");
    assert!(error.contains("\"output_lost\""), "{error}");
    assert!(error.contains("clear that task"), "{error}");
}
