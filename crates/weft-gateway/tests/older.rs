//! Workers of the version before, which keep no secrets, and claims of servers of the version
//! before, which gave none.

#![cfg(test)]

use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use weft_broker::{
    AttemptKey, BrokerError, SchedulerBroker as _, WorkerBroker,
    conformance::{claim_keys, dispatch, held, key},
    direct_worker::{
        DirectWorker, DirectWorkerBroker, DirectWorkerError, NoDirectWorkers, RedisCredentials,
    },
    in_process::{InProcess, Options},
    message::write_key,
};
use weft_gateway::{SessionOwner, WorkerSessions};

const OWNER: SessionOwner = SessionOwner::Token(7);

/// A broker that knows what its workers hold, as Redis does.
struct Knowing(Vec<AttemptKey>);

#[async_trait]
impl DirectWorkerBroker for Knowing {
    async fn issue_credentials(
        &self,
        token: i64,
        worker: &str,
    ) -> Result<(DirectWorker, RedisCredentials), DirectWorkerError> {
        NoDirectWorkers.issue_credentials(token, worker).await
    }

    async fn renew_credentials(&self, worker: &DirectWorker) -> Result<(), DirectWorkerError> {
        NoDirectWorkers.renew_credentials(worker).await
    }

    async fn find_direct_worker(&self, user: &str) -> Result<Option<DirectWorker>, BrokerError> {
        NoDirectWorkers.find_direct_worker(user).await
    }

    async fn revoke_credentials(&self, user: &str) -> Result<(), BrokerError> {
        NoDirectWorkers.revoke_credentials(user).await
    }

    async fn remove_expired(&self) -> Result<usize, BrokerError> {
        NoDirectWorkers.remove_expired().await
    }

    fn shards(&self) -> Vec<u32> {
        Vec::new()
    }

    async fn held_by(&self, worker: &str) -> Result<Vec<AttemptKey>, BrokerError> {
        let is_known = worker == "old";
        Ok(self.0.iter().copied().filter(|_| is_known).collect())
    }
}

/// A worker of the version before, as it wrote its calls.
struct OldWorker {
    gateway: Arc<WorkerSessions>,
    session: Mutex<Value>,
}

impl OldWorker {
    async fn registered(gateway: &Arc<WorkerSessions>, id: &str, holding: &[u32]) -> Self {
        let worker = Self {
            gateway: Arc::clone(gateway),
            session: Mutex::new(Value::Null),
        };
        let registration = json!({"register": {
            "id": id, "queues": ["default"], "slots": 4, "prefetch": 0, "labels": [],
            "holding": names(holding),
        }});
        let answer = worker.call(registration).await;
        *worker.session.lock().unwrap() = answer["registered"]["session"].clone();
        worker
    }

    async fn call(&self, call: Value) -> Value {
        let session = self.session.lock().unwrap().clone();
        let request = json!({"session": session, "call": call}).to_string();
        let answer = self.gateway.handle_call(OWNER, request.as_bytes()).await;
        serde_json::from_slice(&answer.unwrap()).unwrap()
    }

    async fn claim(&self) -> usize {
        let answer = self.call(json!({"claim": {"max": 9}})).await;
        answer["claimed"]["claims"].as_array().unwrap().len()
    }

    async fn renew(&self, numbers: &[u32]) -> Value {
        let call = json!({"renew": {"attempts": names(numbers)}});
        self.call(call).await["lost"]["attempts"].clone()
    }

    async fn report(&self, number: u32) {
        let report = weft_broker::conformance::report(number, "old");
        let report: Value =
            serde_json::from_str(&weft_broker::message::write_report(&report)).unwrap();
        let call = json!({"report": {"version": 1, "reports": [report]}});
        assert_eq!(self.call(call).await, json!("done"));
    }
}

fn names(numbers: &[u32]) -> Vec<String> {
    numbers
        .iter()
        .map(|number| write_key(&key(*number)))
        .collect()
}

fn gateway(broker: &Arc<InProcess>, held: &[u32]) -> Arc<WorkerSessions> {
    let broker = Arc::clone(broker);
    let held = held.iter().map(|number| key(*number)).collect();
    Arc::new(WorkerSessions::new(
        move || Arc::new(broker.worker()) as Arc<dyn WorkerBroker>,
        claim_keys(),
        Arc::new(Knowing(held)),
        Vec::new(),
    ))
}

async fn broker_with(numbers: &[u32]) -> Arc<InProcess> {
    let broker = InProcess::new(Options::default());
    let dispatches = numbers.iter().map(|number| dispatch(*number, "default", 0));
    let published = broker.scheduler().publish(dispatches.collect()).await;
    published.unwrap();
    broker
}

#[tokio::test]
async fn a_worker_without_secrets_keeps_what_it_claims_over_its_own_registrations() {
    let broker = broker_with(&[1, 2]).await;
    let gateway = gateway(&broker, &[]);
    let worker = OldWorker::registered(&gateway, "old", &[]).await;
    assert_eq!(worker.claim().await, 2);
    assert_eq!(worker.renew(&[1, 2]).await, json!([]));
    let again = OldWorker::registered(&gateway, "old", &[1, 2]).await;
    assert_eq!(again.renew(&[1, 2]).await, json!([]));
    again.report(1).await;
    assert_eq!(broker.stats().unconfirmed, 1);
}

#[tokio::test]
async fn a_worker_without_secrets_keeps_through_another_server_what_the_broker_knows() {
    let broker = broker_with(&[1, 2]).await;
    let worker = OldWorker::registered(&gateway(&broker, &[]), "old", &[]).await;
    assert_eq!(worker.claim().await, 2);
    // The broker does not know the second one as this worker's.
    let other = gateway(&broker, &[1]);
    let again = OldWorker::registered(&other, "old", &[1, 2]).await;
    assert_eq!(again.renew(&[1, 2]).await, json!(names(&[2])));
    again.report(2).await;
    assert_eq!(broker.stats().unconfirmed, 0);
    again.report(1).await;
    assert_eq!(broker.stats().unconfirmed, 1);
    let thief = OldWorker::registered(&other, "thief", &[1]).await;
    assert_eq!(thief.renew(&[1]).await, json!(names(&[1])));
}

#[tokio::test]
async fn a_worker_without_secrets_ends_no_claim_of_another_one() {
    let broker = broker_with(&[1]).await;
    let gateway = gateway(&broker, &[]);
    let holder = OldWorker::registered(&gateway, "holder", &[]).await;
    assert_eq!(holder.claim().await, 1);
    let thief = OldWorker::registered(&gateway, "thief", &[1, 2]).await;
    assert_eq!(thief.renew(&[1, 2]).await, json!(names(&[1, 2])));
    thief.report(1).await;
    thief.report(2).await;
    assert_eq!((broker.stats().unconfirmed, broker.stats().claimed), (0, 1));
    assert_eq!(holder.renew(&[1]).await, json!([]));
}

#[tokio::test]
async fn a_worker_proves_what_it_claimed_to_a_server_and_a_broker_that_know_nothing() {
    let secret = held(key(1)).secret.unwrap().to_hex();
    let broker = InProcess::new(Options::default());
    let gateway = gateway(&broker, &[]);
    let registration = json!({"call": {"register": {
        "id": "new", "queues": [], "slots": 1, "prefetch": 0, "labels": [],
        "holding": names(&[1, 2]), "secrets": [secret, secret],
    }}});
    let answer = gateway
        .handle_call(OWNER, registration.to_string().as_bytes())
        .await;
    assert!(
        String::from_utf8(answer.unwrap())
            .unwrap()
            .contains("registered")
    );
    assert_eq!(broker.stats().claimed, 1, "the secret proves one of them");
}
