//! Calls about attempts that were claimed through another gateway, as after a restart of its
//! process.

#![cfg(test)]

#[path = "support/names.rs"]
mod names;

use async_trait::async_trait;
use names::Names;
use std::sync::{Arc, Mutex};
use weft_broker::{
    BrokerError, SchedulerBroker as _, WorkerBroker, WorkerInfo,
    conformance::{claim_keys, dispatch, held, key},
    in_process::{InProcess, Options},
};
use weft_core::id::TenantId;
use weft_gateway::{GatewayBroker, GatewayTransport, HeldAttempt, SessionOwner, WorkerSessions};

const OWNER: SessionOwner = SessionOwner::Token(7);

/// Carries calls to whichever gate there is now.
#[derive(Clone)]
struct Way {
    gate: Arc<Mutex<Arc<WorkerSessions>>>,
    session: Arc<Mutex<String>>,
}

impl Way {
    fn gate(&self) -> Arc<WorkerSessions> {
        self.gate.lock().unwrap().clone()
    }

    fn session(&self) -> String {
        self.session.lock().unwrap().clone()
    }
}

#[async_trait]
impl GatewayTransport for Way {
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
        let answered = self.gate().handle_call(OWNER, &call).await;
        Ok(answered.expect("calls are in order"))
    }

    fn set_session(&self, session: &str) {
        session.clone_into(&mut self.session.lock().unwrap());
    }
}

fn gate(broker: &Arc<InProcess>) -> Arc<WorkerSessions> {
    let broker = Arc::clone(broker);
    let worker = move || Arc::new(broker.worker()) as Arc<dyn WorkerBroker>;
    Arc::new(WorkerSessions::new(
        worker,
        claim_keys(),
        Names::new(),
        Vec::new(),
    ))
}

#[tokio::test]
async fn attempts_claimed_before_a_restart_are_unverified_until_recorded() {
    let broker = InProcess::new(Options::default());
    let scheduler = broker.scheduler();
    scheduler
        .publish(vec![dispatch(1, "default", 0)])
        .await
        .unwrap();
    let way = Way {
        gate: Arc::new(Mutex::new(gate(&broker))),
        session: Arc::default(),
    };
    let worker = GatewayBroker::new(way.clone());
    let info = WorkerInfo {
        id: "far".into(),
        queues: vec!["default".into()],
        slots: 4,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.unwrap();
    assert_eq!(worker.claim(4).await.unwrap().len(), 1);
    assert_eq!(way.gate().unverified_attempts(OWNER, &way.session()), []);

    *way.gate.lock().unwrap() = gate(&broker);
    assert_eq!(
        worker.renew(&[held(key(1))]).await,
        Err(BrokerError::Unregistered)
    );
    // Its broker lost an attempt, and knows another worker's.
    let holding = [held(key(1)), held(key(2)), key(3).into()];
    worker.register(&info, &holding).await.unwrap();
    let (gate, session) = (way.gate(), way.session());
    let tenant = TenantId::default();
    let mut unknown = gate.unverified_attempts(OWNER, &session);
    unknown.sort_by_key(|key| key.attempt.nonce);
    assert_eq!(unknown, [key(1), key(2)]);
    assert!(!gate.serves_tenant(OWNER, &session, &tenant));
    assert_eq!(
        gate.unverified_attempts(SessionOwner::Token(8), &session),
        []
    );
    let is = HeldAttempt {
        tenant: tenant.clone(),
        variables: vec!["mine".into()],
    };
    // One of them is in progress, which it alone becomes known for.
    gate.record_attempt(SessionOwner::Token(8), &session, &key(1), is.clone());
    assert_eq!(gate.find_held(OWNER, &session, &key(1)), None);
    gate.record_attempt(OWNER, &session, &key(1), is.clone());
    gate.record_attempt(OWNER, &session, &key(3), is.clone());
    assert_eq!(gate.find_held(OWNER, &session, &key(1)), Some(is));
    assert_eq!(gate.find_held(OWNER, &session, &key(2)), None);
    assert_eq!(gate.find_held(OWNER, &session, &key(3)), None);
    assert!(gate.serves_tenant(OWNER, &session, &tenant));
    assert_eq!(gate.unverified_attempts(OWNER, &session), [key(2)]);
}
