//! How many attempts a second go from a scheduler to a worker and back, on one
//! core, and how long one takes from its publishing to its claim:
//! `cargo bench -p weft-broker`.
//!
//! Both sides run on one thread, each attempt is published, claimed, noticed as
//! started, reported, noticed as finished, confirmed, and its confirmation taken.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::join;
use weft_broker::{
    Dispatch, Notice, Report, SchedulerBroker, WorkerBroker, WorkerInfo,
    conformance::{dispatch, report},
    in_process::{InProcess, InProcessScheduler, InProcessWorker, Options},
};

/// Attempts in one measurement.
const ATTEMPTS: u32 = 500_000;
/// Attempts that are published ahead.
const AHEAD: u32 = 256;
/// Single attempts whose way is timed.
const SINGLES: u32 = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let broker = InProcess::new(Options::default());
    let scheduler = broker.scheduler();
    let worker = broker.worker();
    let info = WorkerInfo {
        id: "worker".into(),
        queues: vec!["default".into()],
        slots: AHEAD,
        prefetch: AHEAD,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.expect("registered");
    let template = Template {
        dispatch: dispatch(0, "default", 0),
        report: report(0, "worker"),
    };

    let begin = Instant::now();
    join!(schedule(&scheduler, &template), work(&worker, &template));
    let took = begin.elapsed();
    let per_second = f64::from(ATTEMPTS) / took.as_secs_f64();
    println!("{ATTEMPTS} round trips in {took:.2?}: {per_second:.0} a second");

    let mut pickups = Vec::new();
    for number in ATTEMPTS..ATTEMPTS + SINGLES {
        let publish = async {
            // The claim waits before anything is published.
            tokio::task::yield_now().await;
            let begin = Instant::now();
            let published = scheduler.publish(vec![template.dispatch(number)]).await;
            published.expect("there is room");
            begin
        };
        let claim = async {
            let claims = worker.claim(1).await.expect("claimed");
            assert_eq!(claims.len(), 1);
            Instant::now()
        };
        let (claimed, begin) = join!(claim, publish);
        pickups.push(claimed - begin);
        worker
            .report(vec![template.report(number)])
            .await
            .expect("taken");
        settle(&scheduler).await;
        worker.signals(8).await.expect("confirmed");
    }
    pickups.sort();
    let at = |part: usize| -> Duration { pickups[pickups.len() * part / 1000] };
    println!(
        "pickup: median {:?}, 99th percentile {:?}",
        at(500),
        at(990)
    );
}

struct Template {
    dispatch: Dispatch,
    report: Report,
}

impl Template {
    fn dispatch(&self, number: u32) -> Dispatch {
        Dispatch {
            key: weft_broker::conformance::key(number),
            ..self.dispatch.clone()
        }
    }

    fn report(&self, number: u32) -> Report {
        Report {
            key: weft_broker::conformance::key(number),
            ..self.report.clone()
        }
    }
}

async fn schedule(scheduler: &InProcessScheduler, template: &Template) {
    let (mut published, mut settled) = (0, 0);
    while settled < ATTEMPTS {
        let next = ATTEMPTS.min(settled + AHEAD);
        if published < next {
            let dispatches = (published..next)
                .map(|number| template.dispatch(number))
                .collect();
            scheduler.publish(dispatches).await.expect("there is room");
            published = next;
        }
        settled += settle(scheduler).await;
    }
}

/// Receives once and confirms what ended; how many did.
async fn settle(scheduler: &InProcessScheduler) -> u32 {
    let mut ended = Vec::new();
    while ended.is_empty() {
        let notices = scheduler.receive(512).await.expect("answered");
        ended.extend(notices.into_iter().filter_map(|notice| match notice {
            Notice::Finished(report) => Some(report.key),
            Notice::Started { .. }
            | Notice::Expired { .. }
            | Notice::Released { .. }
            | Notice::Demand => None,
        }));
    }
    scheduler.confirm(&ended).await.expect("confirmed");
    u32::try_from(ended.len()).expect("few")
}

async fn work(worker: &InProcessWorker, template: &Template) {
    let (mut reported, mut confirmed) = (0, 0);
    while confirmed < ATTEMPTS {
        if reported < ATTEMPTS {
            // One by one, as attempts end.
            for claim in worker.claim(64).await.expect("claimed") {
                let report = Report {
                    key: claim.dispatch.key,
                    worker: Arc::clone(&template.report.worker),
                    ..template.report.clone()
                };
                worker.report(vec![report]).await.expect("taken");
                reported += 1;
            }
        }
        if reported == ATTEMPTS || reported - confirmed >= AHEAD / 2 {
            let signals = worker.signals(1024).await.expect("answered");
            confirmed += u32::try_from(signals.len()).expect("few");
        }
    }
}
