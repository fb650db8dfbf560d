//! The in-process broker keeps every promise, and some of its own.

use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::join;
use weft_broker::{
    BrokerError, LeaseTerms, Notice, OperatorBroker, SchedulerBroker, Signal, WorkerBroker,
    conformance::{Fixture, Sample, Untrusted, dispatch, key, report},
    in_process::{Bounds, InProcess, Options},
};

/// The queue that samples serve.
const QUEUE: &str = "default";

struct Local(Arc<InProcess>);

fn options() -> Options {
    Options {
        redeliver_every: Duration::from_secs(20),
        bounds: Bounds {
            queue_length: 8,
            queues: 4,
            unconfirmed_reports: 10,
            ..Bounds::default()
        },
        ..Options::default()
    }
}

async fn local() -> Local {
    Local(InProcess::new(options()))
}

#[async_trait]
impl Fixture for Local {
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker> {
        Arc::new(self.0.scheduler())
    }

    async fn worker(&self) -> Arc<dyn WorkerBroker> {
        Arc::new(self.0.worker())
    }

    fn operator(&self) -> Arc<dyn OperatorBroker> {
        self.0.clone()
    }

    fn terms(&self) -> LeaseTerms {
        LeaseTerms::default()
    }

    fn redeliver_every(&self) -> Duration {
        options().redeliver_every
    }

    fn queue_length(&self) -> usize {
        options().bounds.queue_length
    }

    fn unconfirmed_reports(&self) -> usize {
        options().bounds.unconfirmed_reports
    }

    async fn advance_time(&self, span: Duration) {
        tokio::time::advance(span).await;
    }
}

weft_broker::conformance_suite!(#[tokio::test(start_paused = true)], local);

mod verified {
    use super::{Local, Untrusted, local};

    async fn untrusted() -> Untrusted<Local> {
        Untrusted(local().await)
    }

    weft_broker::conformance_suite!(#[tokio::test(start_paused = true)], untrusted);
    weft_broker::malicious_worker_suite!(#[tokio::test(start_paused = true)], untrusted);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_wakes_when_a_lease_expires() {
    let fixture = local().await;
    let scheduler = fixture.0.scheduler();
    let worker = Sample::new(&fixture, "worker", 1).await;
    scheduler
        .publish(vec![dispatch(1, QUEUE, 0)])
        .await
        .expect("room");
    worker.claim(1).await;
    scheduler.receive(9).await.expect("its start");
    let before = tokio::time::Instant::now();
    // There are no calls: time goes on only to where the broker itself wants to wake.
    let notices = loop {
        let notices = scheduler.receive(9).await.expect("answered");
        if notices != [Notice::Demand] {
            break notices;
        }
    };
    assert!(
        notices.contains(&Notice::Expired { key: key(1) }),
        "{notices:?}"
    );
    assert_eq!(before.elapsed(), LeaseTerms::default().lease);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_scheduler_is_closed_even_while_it_waits() {
    let broker = InProcess::new(options());
    let first = broker.scheduler();
    first.receive(9).await.expect("the first demand");
    let replace = async { broker.scheduler() };
    let (received, second) = join!(first.receive(9), replace);
    assert_eq!(received, Err(BrokerError::Closed));
    let (returned, error) = first
        .publish(vec![dispatch(1, QUEUE, 0)])
        .await
        .expect_err("deposed");
    assert_eq!((returned.len(), error), (1, BrokerError::Closed));
    assert_eq!(first.confirm(&[key(1)]).await, Err(BrokerError::Closed));
    assert_eq!(second.demand().await, Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_waiting_call() {
    let fixture = local().await;
    let scheduler = fixture.0.scheduler();
    let worker = Sample::new(&fixture, "worker", 1).await;
    scheduler.receive(9).await.expect("a worker came");
    let close = async { fixture.0.close() };
    let (received, claimed, signals, ()) = join!(
        scheduler.receive(9),
        worker.broker.claim(1),
        worker.broker.signals(1),
        close
    );
    assert_eq!(received, Err(BrokerError::Closed));
    assert_eq!(claimed.map(|claims| claims.len()), Err(BrokerError::Closed));
    assert_eq!(signals, Err(BrokerError::Closed));
    let again = worker.broker.register(&worker.info, &[]).await;
    assert_eq!(again, Err(BrokerError::Closed));
}

#[tokio::test(start_paused = true)]
async fn claims_wait_without_a_receiver() {
    let mut options = options();
    options.bounds.notices = 2;
    let fixture = Local(InProcess::new(options));
    let scheduler = fixture.0.scheduler();
    let worker = Sample::new(&fixture, "worker", 9).await;
    let dispatches = (0..4).map(|number| dispatch(number, QUEUE, 0)).collect();
    scheduler.publish(dispatches).await.expect("room");
    assert_eq!(worker.claim(9).await, [key(0), key(1)]);
    let (claimed, received) = join!(worker.claim(9), scheduler.receive(9));
    assert_eq!(
        received.expect("answered").len(),
        3,
        "two starts and the demand"
    );
    assert_eq!(claimed, [key(2), key(3)]);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_takes_no_signals_keeps_the_newest() {
    let mut options = options();
    options.bounds.signals = 2;
    let fixture = Local(InProcess::new(options));
    let scheduler = fixture.0.scheduler();
    let worker = Sample::new(&fixture, "worker", 9).await;
    let dispatches = (0..3).map(|number| dispatch(number, QUEUE, 0)).collect();
    scheduler.publish(dispatches).await.expect("room");
    worker.claim(9).await;
    let all = [key(0), key(1), key(2)];
    scheduler.revoke(&all).await.expect("revoked");
    let signals = worker.broker.signals(9).await;
    assert_eq!(
        signals,
        Ok(vec![Signal::Revoked(key(1)), Signal::Revoked(key(2))])
    );
    assert_eq!(
        worker.renew(&all).await,
        all,
        "the lost signal is what the renewal says"
    );
}

#[tokio::test(start_paused = true)]
async fn queues_are_bounded_in_number_and_empty_ones_are_removed() {
    let broker = InProcess::new(options());
    let scheduler = broker.scheduler();
    for round in 0..3 {
        let dispatches: Vec<_> = (0..5)
            .map(|number| dispatch(number, &format!("queue {round} {number}"), 0))
            .collect();
        let (refused, _full) = scheduler
            .publish(dispatches)
            .await
            .expect_err("one too many");
        assert_eq!(refused.len(), 1);
        let all: Vec<_> = (0..5).map(key).collect();
        scheduler.revoke(&all).await.expect("revoked");
    }
    let stats = broker.stats();
    assert_eq!((stats.queued, stats.claimed), (Vec::new(), 0));
}

#[tokio::test]
async fn attempts_complete_across_threads() {
    let broker = InProcess::new(Options::default());
    let fixture = Local(broker.clone());
    let scheduler = broker.scheduler();
    let worker = Sample::new(&fixture, "worker", 64).await;
    let total = 5_000_u32;
    let work = tokio::spawn(async move {
        let mut ended = 0;
        while ended < total {
            let claims = worker.broker.claim(64).await.expect("claimed");
            let reports = claims
                .iter()
                .map(|claim| {
                    let mut report = report(0, "worker");
                    report.key = claim.dispatch.key;
                    report
                })
                .collect::<Vec<_>>();
            ended += u32::try_from(reports.len()).expect("few");
            worker.broker.report(reports).await.expect("taken");
        }
        let mut confirmed = 0;
        while confirmed < total {
            let signals = worker.broker.signals(1000).await.expect("answered");
            confirmed += u32::try_from(signals.len()).expect("few");
        }
    });
    let mut settled = std::collections::HashSet::new();
    let mut next = 0;
    while settled.len() < total as usize {
        let places = broker
            .stats()
            .queued
            .iter()
            .map(|(_queue, length)| length)
            .sum::<usize>();
        if next < total && places < 100 {
            let dispatches = (next..(next + 50).min(total))
                .map(|number| dispatch(number, QUEUE, 0))
                .collect();
            scheduler.publish(dispatches).await.expect("room");
            next = (next + 50).min(total);
            continue;
        }
        let finished: Vec<_> = scheduler
            .receive(500)
            .await
            .expect("answered")
            .into_iter()
            .filter_map(|notice| match notice {
                Notice::Finished(report) => Some(report.key),
                _ => None,
            })
            .collect();
        scheduler.confirm(&finished).await.expect("confirmed");
        for key in finished {
            assert!(settled.insert(key), "{key:?} came twice");
        }
    }
    work.await.expect("the worker ended well");
    assert_eq!(broker.stats().unconfirmed, 0);
}
