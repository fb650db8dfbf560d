//! The broker behind a gateway keeps the contract of [`WorkerBroker`], and the
//! gateway knows what each of its workers holds.

#[path = "support/names.rs"]
mod names;

use async_trait::async_trait;
use names::Names;
use std::{sync::Arc, time::Duration};
use weft_broker::{
    BrokerError, LeaseTerms, OperatorBroker, SchedulerBroker, WorkerBroker, WorkerInfo,
    conformance::{Fixture, Sample, claim_keys, dispatch, held as claim, key},
    in_process::{Bounds, InProcess, Options},
    message::MessageError,
};
use weft_gateway::{GatewayBroker, GatewayTransport, SessionOwner, WorkerSessions};

/// The queue that samples serve.
const QUEUE: &str = "default";

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

const OWNER: SessionOwner = SessionOwner::Token(7);

struct Gated {
    broker: Arc<InProcess>,
    gate: Arc<WorkerSessions>,
}

/// Carries every call in the name of one owner.
struct Hand(Arc<WorkerSessions>, SessionOwner);

#[async_trait]
impl GatewayTransport for Hand {
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
        let answered = self.0.handle_call(self.1, &call).await;
        Ok(answered.expect("the calls of this program are good"))
    }
}

async fn gated() -> Gated {
    let broker = InProcess::new(options());
    let behind = Arc::clone(&broker);
    let gate = WorkerSessions::new(
        move || Arc::new(behind.worker()) as Arc<dyn WorkerBroker>,
        claim_keys(),
        Names::new(),
        vec!["local".into()],
    );
    Gated {
        broker,
        gate: Arc::new(gate),
    }
}

#[async_trait]
impl Fixture for Gated {
    async fn scheduler(&self) -> Arc<dyn SchedulerBroker> {
        Arc::new(self.broker.scheduler())
    }

    async fn worker(&self) -> Arc<dyn WorkerBroker> {
        Arc::new(GatewayBroker::new(Hand(self.gate.clone(), OWNER)))
    }

    fn operator(&self) -> Arc<dyn OperatorBroker> {
        self.broker.clone()
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

weft_broker::conformance_suite!(#[tokio::test(start_paused = true)], gated);
weft_broker::malicious_worker_suite!(#[tokio::test(start_paused = true)], gated);

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
async fn a_worker_name_belongs_to_its_owner() {
    let fixture = gated().await;
    let mine = fixture.worker().await;
    mine.register(&info("a"), &[]).await.expect("free");
    let other = GatewayBroker::new(Hand(fixture.gate.clone(), SessionOwner::Token(8)));
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
async fn held_attempts_are_found_by_their_session_until_their_lease_ends() {
    struct Known(Hand, std::sync::Mutex<String>);
    #[async_trait]
    impl GatewayTransport for &Known {
        async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
            self.0.call(call).await
        }
        fn set_session(&self, session: &str) {
            *self.1.lock().expect("whole") = session.to_owned();
        }
    }
    let fixture = gated().await;
    let scheduler = fixture.scheduler().await;
    let way = Known(
        Hand(fixture.gate.clone(), OWNER),
        std::sync::Mutex::default(),
    );
    let worker = GatewayBroker::new(&way);
    worker.register(&info("a"), &[]).await.expect("free");
    let session = way.1.lock().expect("whole").clone();
    let published = dispatch(1, QUEUE, 0);
    let tenant = published.tenant.clone();
    scheduler.publish(vec![published]).await.expect("room");
    let held = || fixture.gate.find_held(OWNER, &session, &key(1));
    assert_eq!(held(), None, "nothing is claimed yet");
    assert_eq!(worker.claim(1).await.expect("one").len(), 1);
    let facts = held().expect("held");
    assert_eq!(facts.tenant, tenant);
    assert!(fixture.gate.serves_tenant(OWNER, &session, &tenant));
    let stranger = SessionOwner::Token(8);
    assert_eq!(fixture.gate.find_held(stranger, &session, &key(1)), None);
    assert!(!fixture.gate.serves_tenant(stranger, &session, &tenant));
    let lease = fixture.terms().lease;
    fixture.advance_time(lease * 6 / 10).await;
    assert_eq!(worker.renew(&[claim(key(1))]).await, Ok(Vec::new()));
    fixture.advance_time(lease * 6 / 10).await;
    assert!(held().is_some(), "it was renewed");
    // It calls, so that it stays registered, and renews nothing.
    assert_eq!(worker.renew(&[]).await, Ok(Vec::new()));
    fixture.advance_time(lease * 6 / 10).await;
    assert_eq!(held(), None, "its lease ran out");
    scheduler
        .publish(vec![dispatch(2, QUEUE, 0)])
        .await
        .expect("room");
    assert_eq!(worker.claim(1).await.expect("one").len(), 1);
    assert!(fixture.gate.serves_tenant(OWNER, &session, &tenant));
    scheduler.revoke(&[key(2)]).await.expect("revoked");
    worker.signals(9).await.expect("notified");
    assert!(!fixture.gate.serves_tenant(OWNER, &session, &tenant));
    scheduler
        .publish(vec![dispatch(3, QUEUE, 0)])
        .await
        .expect("room");
    assert_eq!(worker.claim(1).await.expect("one").len(), 1);
    assert!(fixture.gate.serves_tenant(OWNER, &session, &tenant));
    let report = weft_broker::conformance::report(3, QUEUE);
    worker.report(vec![report]).await.expect("taken");
    assert!(!fixture.gate.serves_tenant(OWNER, &session, &tenant));
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_a_bound_are_refused_with_its_name() {
    let fixture = gated().await;
    let mut huge = info("a");
    huge.slots = u32::MAX;
    let mut many = info("a");
    many.queues = vec!["q".into(); 65];
    for (info, word) in [(huge, "slots"), (many, "queues"), (info(""), "name")] {
        struct Watch(Arc<WorkerSessions>, std::sync::Mutex<Option<MessageError>>);
        #[async_trait]
        impl GatewayTransport for &Watch {
            async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
                let answered = self.0.handle_call(OWNER, &call).await;
                answered.map_err(|error| {
                    *self.1.lock().expect("whole") = Some(error);
                    BrokerError::Closed
                })
            }
        }
        let watch = Watch(fixture.gate.clone(), std::sync::Mutex::default());
        let refused = GatewayBroker::new(&watch).register(&info, &[]).await;
        assert_eq!(refused, Err(BrokerError::Closed));
        let why = watch.1.lock().expect("whole").take().expect("said why");
        assert!(why.to_string().contains(word), "{why}");
    }
    // Nothing but a sample of noise: none of it is a call.
    for noise in [&b""[..], b"{}", b"[1]", b"\xff", br#"{"call":"dance"}"#] {
        assert!(fixture.gate.handle_call(OWNER, noise).await.is_err());
    }
    let worker = Sample::new(&fixture, "worker", 1).await;
    assert_eq!(worker.renew(&[]).await, []);
}
