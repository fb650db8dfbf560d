//! A worker, and all that it works with, in one process.

use async_trait::async_trait;
use serde_json::Map;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};
use weft_blob::{
    Blobs, Kind,
    logs::{LogOptions, LogWriter},
};
use weft_broker::{
    AttemptKey, Dispatch, LeaseTerms, Notice, Report, ReportedOutcome, SchedulerBroker as _,
    WorkerBroker,
    in_process::{InProcess, InProcessScheduler, Options},
};
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    digest::Digest,
    document::{Code, TaskIndex},
    id::TenantId,
    limit::Limits,
    policy::Granted,
    run::{Attempt, Instance},
    run_id::RunId,
    time::Timestamp,
};
use weft_sandbox::{Sandbox, SandboxOptions};
use weft_worker::{
    Drained, SecretError, Secrets, Services, Worker, WorkerError, WorkerHandle, WorkerOptions,
};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_mins(1);

/// Terms under which nothing expires while a test runs.
pub(crate) const CALM: LeaseTerms = LeaseTerms {
    lease: Duration::from_mins(1),
    renew_every: Duration::from_secs(20),
};

/// Variables of the default tenant.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) variables: HashMap<String, String>,
    pub(crate) panics: bool,
}

#[async_trait]
impl Secrets for Given {
    async fn variable(
        &self,
        _claim: &AttemptKey,
        tenant: &TenantId,
        name: &str,
    ) -> Result<Option<String>, SecretError> {
        assert!(!self.panics, "the test makes it panic");
        assert_eq!(*tenant, TenantId::default());
        Ok(self.variables.get(name).cloned())
    }
}

/// What a test sets up.
pub(crate) struct Setup {
    pub(crate) terms: LeaseTerms,
    pub(crate) options: WorkerOptions,
    pub(crate) secrets: Given,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let mut options = WorkerOptions::new("w", std::env::temp_dir());
        options.slots = 4;
        options.prefetch = 4;
        options.resend_after = Duration::from_millis(20);
        options.cancel_grace = Duration::from_millis(50);
        Self {
            terms: CALM,
            options,
            secrets: Given::default(),
        }
    }
}

/// The worker runs, and the test is the scheduler.
pub(crate) struct Rig {
    pub(crate) broker: Arc<InProcess>,
    pub(crate) scheduler: InProcessScheduler,
    pub(crate) blobs: Blobs,
    pub(crate) handle: WorkerHandle,
    pub(crate) guest: Digest,
    shutdown: Option<oneshot::Sender<()>>,
    worker: JoinHandle<Result<Drained, WorkerError>>,
    reports: HashMap<AttemptKey, Report>,
    pub(crate) expired: Vec<AttemptKey>,
    pub(crate) released: Vec<AttemptKey>,
    next: AtomicU64,
    _folder: TempDir,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::new()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        Self::wrapped(setup, |broker| broker).await
    }

    /// With something between worker and broker.
    pub(crate) async fn wrapped(
        setup: Setup,
        wrap: impl FnOnce(Arc<dyn WorkerBroker>) -> Arc<dyn WorkerBroker>,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::local(&folder.path().join("blobs")).expect("a store");
        let (logs, _recovered) = LogWriter::start(&blobs, LogOptions::local())
            .await
            .expect("a log");
        let wasm = wat::parse_str(include_str!("guest.wat")).expect("the guest is well-formed");
        let guest = blobs
            .put(Kind::Component, &TenantId::default(), wasm)
            .await
            .expect("room");
        let broker = InProcess::new(Options {
            terms: setup.terms,
            ..Options::default()
        });
        let sandbox = Sandbox::new(SandboxOptions {
            max_instances: setup.options.slots,
            max_memory_bytes: 256 << 20,
            ..SandboxOptions::default()
        })
        .expect("the machine has address space");
        let services = Services {
            broker: wrap(Arc::new(broker.worker())),
            sandbox,
            blobs: blobs.clone(),
            logs,
            secrets: Arc::new(setup.secrets),
            code: None,
            live: None,
        };
        let worker = Worker::new(setup.options, services).expect("the options are right");
        let handle = worker.handle();
        let (shutdown, asked) = oneshot::channel::<()>();
        let worker = tokio::spawn(worker.run(async move {
            // A test that lets go of its rig ends the worker as well.
            drop(asked.await);
        }));
        Self {
            scheduler: broker.scheduler(),
            broker,
            blobs,
            handle,
            guest,
            shutdown: Some(shutdown),
            worker,
            reports: HashMap::new(),
            expired: Vec::new(),
            released: Vec::new(),
            next: AtomicU64::new(1),
            _folder: folder,
        }
    }

    /// An attempt of a task of the guest by hand.
    pub(crate) fn dispatch(&self, task: &str, input: &str) -> Dispatch {
        let nonce = self.next.fetch_add(1, Ordering::Relaxed);
        let run = RunId::from_i64(1).expect("not negative");
        let at = Timestamp(1_763_704_800_000);
        let document = AttemptDocument {
            tenant: TenantId::DEFAULT.to_owned(),
            dag: "d".parse().expect("an id"),
            run: run.to_string(),
            task: "t".parse().expect("an id"),
            map_index: None,
            number: 1,
            logical_date: at,
            data_interval: DataInterval { start: at, end: at },
            params: Map::new(),
            deadline: None,
            idempotency_key: "k".into(),
            woken: None,
        };
        Dispatch {
            key: AttemptKey {
                shard: 0,
                run,
                attempt: Attempt {
                    instance: Instance {
                        task: TaskIndex(0),
                        index: u32::try_from(nonce).expect("few attempts"),
                    },
                    number: 1,
                    nonce,
                },
            },
            tenant: TenantId::default(),
            queue: "default".into(),
            priority: 0,
            digest: self.guest,
            code: Arc::new(Code::Own { task: task.into() }),
            inputs: vec![("x".into(), input.into())],
            document: Arc::new(document),
            resumed: None,
            granted: Arc::new(Granted::default()),
            limits: Limits {
                memory_bytes: 16 << 20,
                ..Limits::DEFAULT
            },
            deterministic: false,
            trace: None,
            watched: false,
            ahead: Vec::new(),
        }
    }

    pub(crate) async fn publish(&self, dispatch: Dispatch) -> AttemptKey {
        let key = dispatch.key;
        self.scheduler
            .publish(vec![dispatch])
            .await
            .expect("there is room");
        key
    }

    /// Publishes an attempt and waits for what came of it.
    pub(crate) async fn run(&mut self, task: &str, input: &str) -> ReportedOutcome {
        let key = self.publish(self.dispatch(task, input)).await;
        self.report_of(key).await.outcome
    }

    /// Waits for an attempt's report, and confirms every one that comes.
    pub(crate) async fn report_of(&mut self, key: AttemptKey) -> Report {
        loop {
            if let Some(report) = self.reports.remove(&key) {
                return report;
            }
            self.receive().await;
        }
    }

    /// Takes what the worker says next.
    pub(crate) async fn receive(&mut self) {
        let notices = self.scheduler.receive(1_000);
        let notices = within(notices).await.expect("the broker is there");
        for notice in notices {
            match notice {
                Notice::Finished(report) => {
                    self.scheduler
                        .confirm(&[report.key])
                        .await
                        .expect("the broker is there");
                    self.reports.insert(report.key, *report);
                }
                Notice::Expired { key } => self.expired.push(key),
                Notice::Released { key } => self.released.push(key),
                Notice::Started { .. } | Notice::Demand => {}
            }
        }
    }

    /// Whether a report of the attempt was taken, and not looked at.
    pub(crate) fn has_report(&self, key: AttemptKey) -> bool {
        self.reports.contains_key(&key)
    }

    /// Waits until the worker's metrics are as expected.
    pub(crate) async fn until(&mut self, wanted: impl FnMut(&weft_worker::WorkerStats) -> bool) {
        within(self.handle.wait_for(wanted))
            .await
            .expect("the worker goes on");
    }

    /// The attempt's outcome doesn't count any more.
    pub(crate) async fn revoke(&self, key: AttemptKey) {
        self.scheduler
            .revoke(&[key])
            .await
            .expect("the broker is there");
    }

    /// Waits for the end of a worker that ends by itself.
    pub(crate) async fn closed(self) -> Result<Drained, WorkerError> {
        within(self.worker)
            .await
            .expect("the worker does not panic")
    }

    /// Asks the worker to end.
    pub(crate) fn shut_down(&mut self) {
        self.shutdown = None;
    }

    /// Waits for the worker's end.
    pub(crate) async fn end(self) -> Result<Drained, WorkerError> {
        drop(self.shutdown);
        within(self.worker)
            .await
            .expect("the worker does not panic")
    }
}

/// Nothing takes for ever.
pub(crate) async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it should have come by now")
}
