//! How many attempts a second go through a worker, and what it adds to each.
//!
//! `cargo bench -p weft-worker --bench pipeline` runs the no-op task of the tests'
//! guest through sandbox alone, one task a slot, and then through the whole
//! worker with the in-process broker and a scheduler that does nothing but
//! publish and confirm. The difference, for each attempt, is what worker, broker
//! and that scheduler cost together.

use async_trait::async_trait;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Map;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_blob::{
    Blobs, Kind,
    logs::{LogOptions, LogWriter},
};
use weft_broker::{
    AttemptKey, Dispatch, Notice, ReportedOutcome, SchedulerBroker as _,
    in_process::{InProcess, InProcessScheduler, Options},
};
use weft_core::{
    contract::{AttemptDocument, DataInterval},
    document::{Code, TaskIndex},
    id::TenantId,
    limit::Limits,
    policy::Granted,
    run::{Attempt, Instance},
    run_id::RunId,
    time::Timestamp,
};
use weft_sandbox::{
    AttemptOutcome, AttemptRequest, CancelSignal, ConnectionScope, Entry, EventSink, NoArtifacts,
    NoVariables, Sandbox, SandboxOptions,
};
use weft_worker::{SecretError, Secrets, Services, Worker, WorkerOptions};

const ATTEMPTS: u32 = 60_000;
const WARM_UP: u32 = 5_000;
const SLOTS: u32 = 16;
/// Dispatches in one call.
const BATCH: u32 = 64;
/// Attempts published and not ended.
const AHEAD: u32 = 256;

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

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        // On a worker thread, as in the product.
        tokio::spawn(measure())
            .await
            .expect("the measurement does not panic");
    });
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = Sandbox::new(SandboxOptions {
        max_instances: SLOTS,
        ..SandboxOptions::default()
    })
    .expect("the machine has address space");
    let wasm = wat::parse_str(include_str!("../tests/worker/guest.wat")).expect("well-formed");
    alone(&sandbox, &wasm, WARM_UP).await;
    let bare = alone(&sandbox, &wasm, ATTEMPTS).await;
    bare.print("sandbox alone");

    let blobs = Blobs::local(folder.path()).expect("a store");
    let digest = blobs
        .put(Kind::Component, &TenantId::default(), wasm)
        .await
        .expect("room");
    let (logs, _recovered) = LogWriter::start(&blobs, LogOptions::local())
        .await
        .expect("a log");
    let broker = InProcess::new(Options::default());
    let mut options = WorkerOptions::new("w", folder.path());
    options.slots = SLOTS;
    options.prefetch = SLOTS;
    let services = Services {
        broker: Arc::new(broker.worker()),
        sandbox,
        blobs,
        logs,
        secrets: Arc::new(NoSecrets),
        code: None,
        live: None,
    };
    let worker = Worker::new(options, services).expect("the options are right");
    let handle = worker.handle();
    let working = tokio::spawn(worker.run(std::future::pending()));
    let scheduler = broker.scheduler();
    let one = dispatch(digest);
    through(&scheduler, &one, WARM_UP, 0).await;
    let whole = through(&scheduler, &one, ATTEMPTS, u64::from(WARM_UP)).await;
    whole.print("through the worker");
    println!(
        "added: {:.1} us of processor time",
        whole.cpu_us - bare.cpu_us
    );
    handle.drain();
    working
        .await
        .expect("the worker does not panic")
        .expect("the broker is there");
}

/// What one attempt took of the clock and of all processors, in microseconds.
struct Cost {
    wall_us: f64,
    cpu_us: f64,
}

/// Measures from here on.
struct Meter {
    wall: Instant,
    cpu: Duration,
}

impl Meter {
    fn begin() -> Self {
        Self {
            wall: Instant::now(),
            cpu: cpu_time(),
        }
    }

    fn end(&self, attempts: u32) -> Cost {
        let each = |span: Duration| span.as_secs_f64() * 1e6 / f64::from(attempts);
        Cost {
            wall_us: each(self.wall.elapsed()),
            cpu_us: each(cpu_time().saturating_sub(self.cpu)),
        }
    }
}

impl Cost {
    fn print(&self, what: &str) {
        let Self { wall_us, cpu_us } = self;
        println!(
            "{what}: {wall_us:.1} us an attempt, {cpu_us:.1} us of processor time, {:.0}/s",
            1e6 / wall_us
        );
    }
}

/// Of the whole process; unlike the clock it says the same on a busy machine.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("not negative");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("not negative"))
}

/// An attempt in the sandbox alone, as many at once as there are slots.
async fn alone(sandbox: &Sandbox, wasm: &[u8], attempts: u32) -> Cost {
    let guest = sandbox.load(wasm.to_vec()).await.expect("it loads");
    let meter = Meter::begin();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..SLOTS {
        let (sandbox, guest) = (sandbox.clone(), guest.clone());
        tasks.spawn(async move {
            for _ in 0..attempts / SLOTS {
                let report = sandbox.run(AttemptRequest {
                    guest: guest.clone(),
                    entry: Entry::Task {
                        name: "echo".into(),
                        inputs: vec![("x".into(), "1".into())],
                    },
                    attempt: "{}".into(),
                    resumed: None,
                    grants: Granted::default(),
                    limits: Limits::DEFAULT,
                    deterministic: false,
                    services: weft_sandbox::Services {
                        events: EventSink::discard(),
                        artifacts: Arc::new(NoArtifacts),
                        variables: Arc::new(NoVariables),
                    },
                    scratch_root: std::env::temp_dir(),
                    connection_scope: ConnectionScope::of_task("default", "bench", "bench"),
                    cancel: CancelSignal::new(),
                });
                assert!(matches!(
                    report.await.outcome,
                    AttemptOutcome::Success { .. }
                ));
            }
        });
    }
    tasks.join_all().await;
    meter.end(attempts)
}

fn dispatch(digest: weft_core::digest::Digest) -> Dispatch {
    let run = RunId::from_i64(1).expect("not negative");
    let at = Timestamp(1_763_704_800_000);
    Dispatch {
        key: key(0),
        tenant: TenantId::default(),
        queue: "default".into(),
        priority: 0,
        digest,
        code: Arc::new(Code::Own {
            task: "echo".into(),
        }),
        inputs: vec![("x".into(), "1".into())],
        document: Arc::new(AttemptDocument {
            tenant: TenantId::DEFAULT.into(),
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
        }),
        resumed: None,
        granted: Arc::new(Granted::default()),
        limits: Limits::DEFAULT,
        deterministic: false,
        trace: None,
        watched: false,
        ahead: Vec::new(),
    }
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

/// An attempt through broker and worker.
async fn through(
    scheduler: &InProcessScheduler,
    one: &Dispatch,
    attempts: u32,
    first: u64,
) -> Cost {
    let meter = Meter::begin();
    let (mut published, mut ended) = (0, 0);
    while ended < attempts {
        while published < attempts && published - ended < AHEAD {
            let dispatches = (0..BATCH.min(attempts - published))
                .map(|number| Dispatch {
                    key: key(first + u64::from(published + number)),
                    ..one.clone()
                })
                .collect::<Vec<_>>();
            published += u32::try_from(dispatches.len()).expect("a batch");
            scheduler.publish(dispatches).await.expect("there is room");
        }
        let notices = scheduler.receive(4_096).await.expect("the broker is there");
        let mut done = Vec::new();
        for notice in notices {
            if let Notice::Finished(report) = notice {
                assert!(matches!(report.outcome, ReportedOutcome::Success { .. }));
                done.push(report.key);
            }
        }
        ended += u32::try_from(done.len()).expect("as many as published");
        scheduler.confirm(&done).await.expect("the broker is there");
    }
    meter.end(attempts)
}
