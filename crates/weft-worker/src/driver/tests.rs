//! A defect in the worker's own tasks, which no test from outside can cause.

use super::*;
use crate::{
    SecretError, Secrets,
    held::{Fate, Held, Running, Stage},
};
use async_trait::async_trait;
use tokio::sync::oneshot;
use weft_blob::{
    Blobs,
    logs::{LogOptions, LogWriter},
};
use weft_broker::{
    ReportedOutcome,
    in_process::{InProcess, Options},
};
use weft_core::{
    document::TaskIndex,
    id::TenantId,
    run::{Attempt, Instance},
    run_id::RunId,
};
use weft_sandbox::{CancelSignal, Sandbox, SandboxOptions};

struct NoSecrets;

#[async_trait]
impl Secrets for NoSecrets {
    async fn variable(
        &self,
        _claim: &AttemptKey,
        _tenant: &TenantId,
        _name: &str,
    ) -> Result<Option<String>, SecretError> {
        Ok(None)
    }
}

async fn driver(folder: &std::path::Path) -> Driver {
    let blobs = Blobs::local(folder).expect("a store");
    let (logs, _recovered) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("a log");
    let options = WorkerOptions::new("w", folder);
    let services = Services {
        broker: Arc::new(InProcess::new(Options::default()).worker()),
        sandbox: Sandbox::new(SandboxOptions {
            max_instances: 1,
            max_memory_bytes: 16 << 20,
            ..SandboxOptions::default()
        })
        .expect("the machine has address space"),
        blobs,
        logs,
        secrets: Arc::new(NoSecrets),
        code: None,
        live: None,
    };
    let worker = crate::Worker::new(options.clone(), services.clone()).expect("right options");
    let stats = watch::Sender::new(worker.handle().stats());
    Driver::new(options, services, Metrics::default(), stats)
}

fn key(nonce: u64) -> AttemptKey {
    AttemptKey {
        shard: 0,
        run: RunId::from_i64(1).expect("not negative"),
        attempt: Attempt {
            instance: Instance {
                task: TaskIndex(0),
                index: 0,
            },
            number: 1,
            nonce,
        },
    }
}

#[tokio::test]
async fn a_task_that_panics_is_a_failed_report_and_a_free_slot() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut driver = driver(folder.path()).await;
    let (kill, _killed) = oneshot::channel();
    driver.held.insert(
        key(1),
        Held {
            secret: None,
            claimed: BootInstant::now(),
            lease_ends: BootInstant::now() + Duration::from_mins(1),
            queued: std::time::Instant::now(),
            stage: Stage::Running(Running {
                memory_bytes: 5,
                cancel: CancelSignal::new(),
                fate: Fate::Free { kill },
            }),
        },
    );
    driver.running = 1;
    driver.memory_bytes = 5;
    let task = driver.attempts.spawn(async { panic!("a defect") });
    driver.attempt_of.insert(task.id(), key(1));
    let ended = driver.attempts.join_next_with_id().await.expect("a task");
    driver.on_ended(ended);
    assert!(driver.held.is_empty());
    assert_eq!((driver.running, driver.memory_bytes), (0, 0));
    let reports = driver.outbox.begin_call();
    let [report] = &reports[..] else {
        panic!("one report: {reports:?}");
    };
    assert_eq!(report.key, key(1));
    let ReportedOutcome::Failed(failure) = &report.outcome else {
        panic!("it should fail: {:?}", report.outcome);
    };
    assert_eq!(&*failure.code, "internal");
    assert!(failure.retryable);
    assert!(failure.message.contains("a defect"), "{}", failure.message);
}
