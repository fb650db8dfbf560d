//! The memory of a scheduler. The test has a process of its own, since it counts every allocation.

#[path = "service/harness.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod harness;

use async_trait::async_trait;
use harness::Installation;
use serde_json::json;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use weft_blob::BlobError;
use weft_broker::{Dispatch, Output, ReportedOutcome};
use weft_core::{digest::Digest, id::TenantId, run::RunState};
use weft_scheduler::{Deps, OutputBlobs, SchedulerOptions};

/// Counts the bytes that are allocated, and the most that ever were.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let allocated = ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(allocated, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The tests run one after another, since each counts the allocations of the process.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Outputs of a task.
const COUNT: usize = 3_000;
/// The size of each.
const BYTES: u64 = 1 << 20;
/// What the scheduler may allocate beyond what it has when the outputs begin to arrive.
const MAX_GROWTH: usize = 64 << 20;

/// Gives outputs of [`BYTES`], and counts the reads.
#[derive(Default)]
struct Megabytes(AtomicUsize);

#[async_trait]
impl OutputBlobs for Megabytes {
    async fn read_output(&self, _: &TenantId, _: &Digest) -> Result<Vec<u8>, BlobError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let mut text = vec![b'x'; usize::try_from(BYTES).expect("it is small")];
        text[0] = b'"';
        *text.last_mut().expect("it is not empty") = b'"';
        Ok(text)
    }
}

#[tokio::test]
async fn outputs_beyond_the_input_limit_are_refused_before_one_is_read() {
    let _alone = ALONE.lock().await;
    let blobs = Arc::new(Megabytes::default());
    let mut installation = Installation::new().await;
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    let rule = |_: &Dispatch| {
        Some(ReportedOutcome::Success {
            output: Output::Blob {
                digest: Digest::of(b"a megabyte"),
                bytes: BYTES,
            },
        })
    };
    installation.start_worker("worker", &["default"], 64, Arc::new(rule));
    let deployed = installation
        .deploy(&json!({ "id": "large", "tasks": {
            "each": { "expand": { "item": { "value": vec![0; COUNT] } } },
            "gathers": { "inputs": { "all": "each" } },
            "maps": { "expand": { "one": "each" } },
        } }))
        .await;
    let run = installation.trigger(&deployed).await;
    installation.wait(run, |row| row.counts.success > 0).await;
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    assert_eq!(installation.ended(run).await, RunState::Failed);
    let growth = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(growth <= MAX_GROWTH, "{growth} bytes more");
    assert_eq!(blobs.0.load(Ordering::SeqCst), 0, "nothing is read");
    for task in [1, 2] {
        let row = installation.show_instance(run, task).await;
        let error = row.error.expect("it has an error");
        assert!(error.contains("\"input_limit\""), "{error}");
    }
}

#[tokio::test]
async fn an_output_that_many_instances_take_is_in_memory_once() {
    const SLOTS: u32 = 1_000;
    let _alone = ALONE.lock().await;
    let blobs = Arc::new(Megabytes::default());
    let mut installation = Installation::new().await;
    let deps = Deps {
        blobs: Arc::clone(&blobs) as Arc<dyn OutputBlobs>,
        ..installation.deps()
    };
    installation.start_scheduler_over(SchedulerOptions::new("first"), deps);
    let rule = |dispatch: &Dispatch| {
        (dispatch.document.task.as_str() == "large").then(|| ReportedOutcome::Success {
            output: Output::Blob {
                digest: Digest::of(b"a megabyte"),
                bytes: BYTES,
            },
        })
    };
    installation.start_worker("worker", &["default"], SLOTS, Arc::new(rule));
    let deployed = installation
        .deploy(&json!({ "id": "shared", "tasks": {
            "large": {},
            "each": { "inputs": { "x": "large" }, "expand": { "item": { "value": vec![0; COUNT] } } },
        } }))
        .await;
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let run = installation.trigger(&deployed).await;
    let all = u64::from(SLOTS);
    installation
        .wait(run, |row| row.counts.running == all)
        .await;
    let growth = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    println!("{growth} bytes more at the most");
    assert!(growth <= MAX_GROWTH, "{growth} bytes more");
    assert_eq!(blobs.0.load(Ordering::SeqCst), 1, "it is read once");
}
