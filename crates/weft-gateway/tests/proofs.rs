//! Claim secrets: they prove a claim to a server that has no record of it, from a worker whose
//! name belongs to the caller.

#![cfg(test)]

#[path = "support/names.rs"]
mod names;

use names::Names;
use serde_json::{Value, json};
use std::sync::Arc;
use weft_broker::{
    SchedulerBroker as _, WorkerBroker,
    conformance::{claim_keys, dispatch, held, key},
    in_process::{InProcess, Options},
    message::write_key,
};
use weft_gateway::{SessionOwner, WorkerSessions};

const OWNER: SessionOwner = SessionOwner::Token(7);
const THIEF: SessionOwner = SessionOwner::Token(8);

fn names_of(numbers: &[u32]) -> Vec<String> {
    numbers
        .iter()
        .map(|number| write_key(&key(*number)))
        .collect()
}

fn gateway(broker: &Arc<InProcess>, names: &Arc<Names>) -> Arc<WorkerSessions> {
    let broker = Arc::clone(broker);
    Arc::new(WorkerSessions::new(
        move || Arc::new(broker.worker()) as Arc<dyn WorkerBroker>,
        claim_keys(),
        Arc::clone(names) as _,
        Vec::new(),
    ))
}

async fn call(
    gateway: &WorkerSessions,
    owner: SessionOwner,
    session: &Value,
    call: Value,
) -> Value {
    let request = json!({ "session": session, "call": call }).to_string();
    let answer = gateway.handle_call(owner, request.as_bytes()).await;
    serde_json::from_slice(&answer.unwrap()).unwrap()
}

/// Registers a worker that announces these attempts, with these secrets.
async fn register(
    gateway: &WorkerSessions,
    owner: SessionOwner,
    worker: &str,
    (holding, secrets): (&[u32], Option<Vec<String>>),
) -> Value {
    let registration = json!({"register": {
        "id": worker, "queues": ["default"], "slots": 4, "prefetch": 0, "labels": [],
        "holding": names_of(holding), "secrets": secrets,
    }});
    call(gateway, owner, &Value::Null, registration).await
}

fn session(answer: &Value) -> &Value {
    let session = &answer["registered"]["session"];
    assert!(session.is_string(), "{answer}");
    session
}

#[tokio::test]
async fn a_worker_proves_what_it_claimed_to_a_server_and_a_broker_that_know_nothing() {
    let secret = held(key(1)).secret.unwrap().to_hex();
    let broker = InProcess::new(Options::default());
    let gateway = gateway(&broker, &Names::new());
    let secrets = Some(vec![secret.clone(), secret]);
    let answer = register(&gateway, OWNER, "new", (&[1, 2], secrets)).await;
    session(&answer);
    assert_eq!(broker.stats().claimed, 1, "the secret proves one of them");
}

#[tokio::test]
async fn another_token_gets_no_attempt_of_a_worker_by_its_name_at_any_server() {
    let (broker, names) = (InProcess::new(Options::default()), Names::new());
    let published = broker
        .scheduler()
        .publish(vec![dispatch(1, "default", 0)])
        .await;
    published.unwrap();
    let (one, other) = (gateway(&broker, &names), gateway(&broker, &names));
    let victim = register(&one, OWNER, "victim", (&[], None)).await;
    let claimed = call(&one, OWNER, session(&victim), json!({"claim": {"max": 9}})).await;
    let secret = claimed["claimed"]["claims"][0]["secret"].clone();
    assert!(secret.is_string(), "{claimed}");
    // The thief knows the attempt's name and nonce, and how an older worker would announce it.
    for server in [&one, &other] {
        let answer = register(server, THIEF, "victim", (&[1], None)).await;
        let refused = answer.to_string();
        assert!(
            refused.contains("another worker with the name"),
            "{refused}"
        );
    }
    // Under a name of its own, or with the owner's token, an attempt needs its secret.
    for (owner, name) in [(THIEF, "thief"), (OWNER, "other")] {
        let answer = register(&other, owner, name, (&[1], None)).await;
        let renew = json!({"renew": {"attempts": names_of(&[1])}});
        let lost = call(&other, owner, session(&answer), renew).await;
        assert_eq!(lost["lost"]["attempts"], json!(names_of(&[1])));
    }
    let renew = json!({"renew": {"attempts": names_of(&[1]), "secrets": [secret]}});
    let lost = call(&one, OWNER, session(&victim), renew).await;
    assert_eq!(lost["lost"]["attempts"], json!([]), "the holder goes on");
}
