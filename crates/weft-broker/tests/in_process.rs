//! The in-process broker keeps every promise, and some of its own.

use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::join;
use weft_broker::{
    BrokerError, LeaseTerms, Notice, OperatorBroker, SchedulerBroker, Signal, WorkerBroker,
    conformance::{Fixture, Sample, dispatch, key, report},
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

    async fn pass(&self, span: Duration) {
        tokio::time::advance(span).await;
    }
}

weft_broker::conformance_suite!(#[tokio::test(start_paused = true)], local);

/// The same broker, whose workers stand beyond a gate.
mod gate {
    use super::{Fixture, InProcess, LeaseTerms, Local, QUEUE, Sample, dispatch, key, local};
    use async_trait::async_trait;
    use std::{sync::Arc, time::Duration};
    use weft_broker::{
        BrokerError, OperatorBroker, SchedulerBroker, WorkerBroker, WorkerInfo,
        gate::{Carrier, Gate, GateWorker, SessionOwner},
        message::MessageError,
    };

    const OWNER: SessionOwner = SessionOwner::Token(7);

    struct Gated {
        inner: Local,
        gate: Arc<Gate>,
    }

    /// Carries every call in the name of one owner.
    struct Hand(Arc<Gate>, SessionOwner);

    #[async_trait]
    impl Carrier for Hand {
        async fn carry(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
            let answered = self.0.answer(self.1, &call).await;
            Ok(answered.expect("the calls of this program are good"))
        }
    }

    async fn gated() -> Gated {
        let inner = local().await;
        let broker: Arc<InProcess> = inner.0.clone();
        let gate = Gate::new(
            move || Arc::new(broker.worker()) as Arc<dyn WorkerBroker>,
            vec!["local".into()],
        );
        Gated {
            inner,
            gate: Arc::new(gate),
        }
    }

    #[async_trait]
    impl Fixture for Gated {
        async fn scheduler(&self) -> Arc<dyn SchedulerBroker> {
            self.inner.scheduler().await
        }

        async fn worker(&self) -> Arc<dyn WorkerBroker> {
            Arc::new(GateWorker::new(Hand(self.gate.clone(), OWNER)))
        }

        fn operator(&self) -> Arc<dyn OperatorBroker> {
            self.inner.operator()
        }

        fn terms(&self) -> LeaseTerms {
            self.inner.terms()
        }

        fn redeliver_every(&self) -> Duration {
            self.inner.redeliver_every()
        }

        fn queue_length(&self) -> usize {
            self.inner.queue_length()
        }

        fn unconfirmed_reports(&self) -> usize {
            self.inner.unconfirmed_reports()
        }

        async fn pass(&self, span: Duration) {
            self.inner.pass(span).await;
        }
    }

    weft_broker::conformance_suite!(#[tokio::test(start_paused = true)], gated);

    fn info(id: &str) -> WorkerInfo {
        WorkerInfo {
            id: id.into(),
            queues: vec![QUEUE.into()],
            slots: 2,
            prefetch: 0,
            memory_bytes: None,
            labels: Vec::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_belongs_to_whoever_registered_it() {
        let fixture = gated().await;
        let mine = fixture.worker().await;
        mine.register(&info("a"), &[]).await.expect("free");
        let other = GateWorker::new(Hand(fixture.gate.clone(), SessionOwner::Token(8)));
        for name in ["a", "local"] {
            let refused = other.register(&info(name), &[]).await;
            assert!(
                matches!(refused, Err(BrokerError::Unavailable(_))),
                "{refused:?}"
            );
        }
        other.register(&info("b"), &[]).await.expect("free");
        mine.register(&info("a"), &[]).await.expect("its own");
        assert_eq!(mine.renew(&[]).await, Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_is_known_to_its_holder_alone_and_until_it_ends() {
        struct Known(Hand, std::sync::Mutex<String>);
        #[async_trait]
        impl Carrier for &Known {
            async fn carry(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
                self.0.carry(call).await
            }
            fn registered(&self, session: &str) {
                *self.1.lock().expect("whole") = session.to_owned();
            }
        }
        let fixture = gated().await;
        let scheduler = fixture.scheduler().await;
        let way = Known(
            Hand(fixture.gate.clone(), OWNER),
            std::sync::Mutex::default(),
        );
        let worker = GateWorker::new(&way);
        worker.register(&info("a"), &[]).await.expect("free");
        let session = way.1.lock().expect("whole").clone();
        let published = dispatch(1, QUEUE, 0);
        let tenant = published.tenant.clone();
        scheduler.publish(vec![published]).await.expect("room");
        let held = || fixture.gate.held(OWNER, &session, &key(1));
        assert_eq!(held(), None, "nothing is claimed yet");
        assert_eq!(worker.claim(1).await.expect("one").len(), 1);
        let facts = held().expect("held");
        assert_eq!(facts.tenant, tenant);
        assert!(fixture.gate.serves(OWNER, &session, &tenant));
        let stranger = SessionOwner::Token(8);
        assert_eq!(fixture.gate.held(stranger, &session, &key(1)), None);
        assert!(!fixture.gate.serves(stranger, &session, &tenant));
        let lease = fixture.terms().lease;
        fixture.pass(lease * 6 / 10).await;
        assert_eq!(worker.renew(&[key(1)]).await, Ok(Vec::new()));
        fixture.pass(lease * 6 / 10).await;
        assert!(held().is_some(), "it was renewed");
        // It calls, so that it stays registered, and renews nothing.
        assert_eq!(worker.renew(&[]).await, Ok(Vec::new()));
        fixture.pass(lease * 6 / 10).await;
        assert_eq!(held(), None, "its lease ran out");
        scheduler
            .publish(vec![dispatch(2, QUEUE, 0)])
            .await
            .expect("room");
        assert_eq!(worker.claim(1).await.expect("one").len(), 1);
        assert!(fixture.gate.serves(OWNER, &session, &tenant));
        scheduler.revoke(&[key(2)]).await.expect("revoked");
        worker.signals(9).await.expect("told");
        assert!(!fixture.gate.serves(OWNER, &session, &tenant));
        scheduler
            .publish(vec![dispatch(3, QUEUE, 0)])
            .await
            .expect("room");
        assert_eq!(worker.claim(1).await.expect("one").len(), 1);
        assert!(fixture.gate.serves(OWNER, &session, &tenant));
        let report = weft_broker::conformance::report(3, QUEUE);
        worker.report(vec![report]).await.expect("taken");
        assert!(!fixture.gate.serves(OWNER, &session, &tenant));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_beyond_a_bound_are_refused_by_name() {
        let fixture = gated().await;
        let mut huge = info("a");
        huge.slots = u32::MAX;
        let mut many = info("a");
        many.queues = vec!["q".into(); 65];
        for (info, word) in [(huge, "places"), (many, "queues"), (info(""), "name")] {
            struct Watch(Arc<Gate>, std::sync::Mutex<Option<MessageError>>);
            #[async_trait]
            impl Carrier for &Watch {
                async fn carry(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
                    let answered = self.0.answer(OWNER, &call).await;
                    answered.map_err(|error| {
                        *self.1.lock().expect("whole") = Some(error);
                        BrokerError::Closed
                    })
                }
            }
            let watch = Watch(fixture.gate.clone(), std::sync::Mutex::default());
            let refused = GateWorker::new(&watch).register(&info, &[]).await;
            assert_eq!(refused, Err(BrokerError::Closed));
            let why = watch.1.lock().expect("whole").take().expect("said why");
            assert!(why.to_string().contains(word), "{why}");
        }
        // Nothing but a sample of noise: none of it is a call.
        for noise in [&b""[..], b"{}", b"[1]", b"\xff", br#"{"call":"dance"}"#] {
            assert!(fixture.gate.answer(OWNER, noise).await.is_err());
        }
        let worker = Sample::new(&fixture, "worker", 1).await;
        assert_eq!(worker.renew(&[]).await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_receive_wakes_by_itself_when_a_lease_runs_out() {
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
    // Nobody calls: time goes on only to where the broker itself wants to wake.
    let told = loop {
        let told = scheduler.receive(9).await.expect("answered");
        if told != [Notice::Demand] {
            break told;
        }
    };
    assert!(told.contains(&Notice::Expired { key: key(1) }), "{told:?}");
    assert_eq!(before.elapsed(), LeaseTerms::default().lease);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_scheduler_is_closed_even_while_it_waits() {
    let broker = InProcess::new(options());
    let first = broker.scheduler();
    first.receive(9).await.expect("the first demand");
    let replace = async { broker.scheduler() };
    let (told, second) = join!(first.receive(9), replace);
    assert_eq!(told, Err(BrokerError::Closed));
    let (handed_back, error) = first
        .publish(vec![dispatch(1, QUEUE, 0)])
        .await
        .expect_err("deposed");
    assert_eq!((handed_back.len(), error), (1, BrokerError::Closed));
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
async fn claims_wait_while_nobody_receives() {
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
async fn queues_are_bounded_in_number_and_nothing_is_left_of_empty_ones() {
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
async fn attempts_go_round_between_threads() {
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
