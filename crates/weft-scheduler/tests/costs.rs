//! What a task costs the scheduler: turns, calls of the database and allocations, counted over fixed work. The
//! counts hold on every machine, so that a change which adds a tenth to one of them fails here. What it adds for
//! a reason goes into the bounds. Redis' counts are those of `weft-broker-redis`.
//!
//! The test has a process of its own, since it counts every allocation: of the scheduler, the broker of
//! one process, the store, and the worker and the caller of the test.

#[path = "service/harness.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod harness;
#[path = "service/watched_store.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod watched_store;

use harness::Installation;
use serde_json::json;
use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use watched_store::WatchedStore;
use weft_broker::{
    AheadReport, Claim, Output, Report, ReportedOutcome, Usage, WorkerBroker as _, WorkerInfo,
    in_process::InProcessWorker,
};
use weft_core::run::RunState;
use weft_scheduler::SchedulerOptions;
use weft_store_sql::Deployed;

/// Counts allocations.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on to the system's allocator as it is.
#[expect(unsafe_code, reason = "an allocator is unsafe to implement")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the same.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs of one task, one after another.
const RUNS: u32 = 100;
/// Instances of one mapped task.
const INSTANCES: u32 = 5_000;
/// Of the worker, as one of two cores has.
const SLOTS: u32 = 4;

/// What something took, for each piece of it.
#[derive(Debug, Clone, Copy)]
struct Cost {
    turns: f64,
    calls: f64,
    allocations: f64,
}

/// A tenth more than what was measured: 1.0 turn (the dispatch is sent ahead of its commit), 2.05 calls (the
/// queued run is read, the turn is committed, and a sweep now and then), 218 allocations.
const MOST_OF_A_RUN: Cost = Cost {
    turns: 1.1,
    calls: 2.25,
    allocations: 240.0,
};

/// As above: 4 to 5 turns and 6 calls for all 5,000, and 28.6 allocations for each.
const MOST_OF_AN_INSTANCE: Cost = Cost {
    turns: 6.0 / 5_000.0,
    calls: 8.0 / 5_000.0,
    allocations: 31.5,
};

impl Cost {
    fn check(&self, piece: &str, most: Self) {
        println!("{piece}: {self:?}");
        for (what, took, most) in [
            ("turns", self.turns, most.turns),
            ("calls of the database", self.calls, most.calls),
            ("allocations", self.allocations, most.allocations),
        ] {
            assert!(took <= most, "{piece} takes {took} {what}, {most} at most");
        }
    }
}

struct World {
    installation: Installation,
    store: WatchedStore,
    _worker: tokio::task::JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        let mut installation = Installation::new().await;
        let options = SchedulerOptions::new("first");
        let store = WatchedStore::start_scheduler(&mut installation, options, usize::MAX);
        let worker = tokio::spawn(work(installation.broker.worker()));
        Self {
            installation,
            store,
            _worker: worker,
        }
    }

    /// Runs a DAG so often, and returns what each piece took, of which a run has so many.
    async fn cost(&self, deployed: &Deployed, runs: u32, pieces: u32) -> Cost {
        let (turns, calls) = (self.store.rows().len(), self.calls());
        let allocations = ALLOCATIONS.load(Ordering::Relaxed);
        for _ in 0..runs {
            let run = self.installation.trigger(deployed).await;
            assert_eq!(self.installation.ended(run).await, RunState::Success);
        }
        let each = |count: usize| {
            let count = u32::try_from(count).expect("it is small");
            f64::from(count) / f64::from(runs * pieces)
        };
        Cost {
            turns: each(self.store.rows().len() - turns),
            calls: each(self.calls() - calls),
            allocations: each(ALLOCATIONS.load(Ordering::Relaxed) - allocations),
        }
    }

    /// The least of three times: where the machine is busy, timers add turns.
    async fn least(&self, deployed: &Deployed, runs: u32, pieces: u32) -> Cost {
        let mut least = self.cost(deployed, runs, pieces).await;
        for _ in 0..2 {
            let next = self.cost(deployed, runs, pieces).await;
            least = Cost {
                turns: least.turns.min(next.turns),
                calls: least.calls.min(next.calls),
                allocations: least.allocations.min(next.allocations),
            };
        }
        least
    }

    fn calls(&self) -> usize {
        self.store.calls().values().sum()
    }
}

/// A worker whose attempts, and what runs ahead with them, succeed at once.
async fn work(worker: InProcessWorker) {
    let info = WorkerInfo {
        id: "worker".into(),
        queues: vec!["default".into()],
        slots: SLOTS,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.expect("it registers");
    while let Ok(claims) = worker.claim(SLOTS).await {
        for claim in claims {
            let reported = worker.report(vec![report(&claim, &info.id)]).await;
            reported.expect("it is taken");
        }
    }
}

fn short() -> Usage {
    Usage {
        wall_us: 100,
        ..Usage::default()
    }
}

fn report(claim: &Claim, worker: &Arc<str>) -> Report {
    let outcome = ReportedOutcome::Success {
        output: Output::Inline("1".into()),
    };
    let ahead = claim.dispatch.ahead.iter().map(|ahead| AheadReport {
        instance: ahead.instance,
        number: ahead.number,
        outcome: outcome.clone(),
        usage: short(),
        log: None,
        artifacts: Vec::new(),
        updates: Vec::new(),
    });
    Report {
        key: claim.dispatch.key,
        ahead: ahead.collect(),
        outcome,
        usage: short(),
        log: None,
        artifacts: Vec::new(),
        updates: Vec::new(),
        worker: Arc::clone(worker),
        secret: claim.secret,
    }
}

#[tokio::test]
async fn a_task_costs_what_it_did() {
    let world = World::new().await;
    let lone = json!({ "id": "lone", "tasks": { "only": {} } });
    let lone = world.installation.deploy(&lone).await;
    let items = vec![0; INSTANCES as usize];
    let mapped = json!({ "id": "mapped", "tasks": {
        "each": { "expand": { "item": { "value": items } } },
    } });
    let mapped = world.installation.deploy(&mapped).await;
    // Statements are prepared, and the scheduler knows how long a task takes.
    for deployed in [&lone, &mapped] {
        world.cost(deployed, 1, 1).await;
    }
    let lone = world.least(&lone, RUNS, 1).await;
    lone.check("a run of one task", MOST_OF_A_RUN);
    let mapped = world.least(&mapped, 1, INSTANCES).await;
    mapped.check("an instance of a mapped task", MOST_OF_AN_INSTANCE);
}
