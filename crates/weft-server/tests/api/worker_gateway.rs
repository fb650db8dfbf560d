//! The gateway for workers: calls that a worker may make there, and those that it may not.

use crate::{
    sign_in::stored,
    world::{CODE, World, fake_code},
};
use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use weft_blob::Kind;
use weft_broker::{
    BrokerError, SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key, report},
    message::write_key,
};
use weft_core::{digest::Digest, policy::Granted};
use weft_gateway::{GatewayBroker, GatewayTransport};
use weft_store_sql::{
    Role,
    secret::{SecretAddress, SecretKind},
};

const QUEUE: &str = "default";

/// Carries calls to the server of a world, and knows the registration.
struct Way<'w> {
    world: &'w World,
    token: String,
    session: Mutex<String>,
}

impl<'w> Way<'w> {
    async fn new(world: &'w World) -> Self {
        Self {
            world,
            token: stored(world, Role::Worker, None, None).await,
            session: Mutex::default(),
        }
    }

    /// Of a worker that is trusted with the whole installation.
    async fn trusted(world: &'w World) -> Self {
        Self {
            token: stored(world, Role::TrustedWorker, None, None).await,
            ..Self::new(world).await
        }
    }

    fn session(&self) -> String {
        self.session.lock().unwrap().clone()
    }

    /// A request of this worker, after its registration.
    fn any(&self, method: &str, path: &str) -> crate::world::Call<'w> {
        self.world
            .any(method, path)
            .token(self.token.clone())
            .header("weft-session", self.session())
    }
}

#[async_trait]
impl GatewayTransport for &Way<'_> {
    async fn call(&self, call: Vec<u8>) -> Result<Vec<u8>, BrokerError> {
        let asked = self.world.any("POST", "/worker/v1/call");
        let reply = asked.token(self.token.clone()).body(call).send().await;
        assert!(reply.status.is_success(), "{reply:?}");
        Ok(reply.body)
    }

    fn set_session(&self, session: &str) {
        session.clone_into(&mut self.session.lock().unwrap());
    }
}

fn info() -> WorkerInfo {
    WorkerInfo {
        id: "far".into(),
        queues: vec![QUEUE.into()],
        slots: 4,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    }
}

/// One attempt that waits, whose task was granted the variable `mine`.
async fn publish(world: &World) -> weft_core::id::TenantId {
    let mut published = dispatch(1, QUEUE, 0);
    published.granted = Arc::new(Granted {
        variables: vec!["mine".into()],
        ..Granted::default()
    });
    let tenant = published.tenant.clone();
    let scheduler = world.broker.scheduler();
    scheduler.publish(vec![published]).await.unwrap();
    tenant
}

#[tokio::test]
async fn only_a_workers_token_opens_it() {
    let world = World::new().await;
    let viewer = stored(&world, Role::Viewer, None, None).await;
    for (method, path) in [
        ("POST", "/worker/v1/call"),
        ("POST", "/worker/v1/variable"),
        ("POST", "/worker/v1/direct"),
        ("DELETE", "/worker/v1/direct"),
        ("PUT", "/worker/v1/blobs/default/output"),
        ("GET", "/worker/v1/blobs/default/output/00"),
        ("GET", "/worker/v1/blobs/default/compiled/00/x"),
        ("GET", "/worker/v1/code-key"),
        ("PUT", "/worker/v1/segments/00"),
        ("POST", "/worker/v1/lines"),
    ] {
        let anonymous = world.any(method, path).anonymous().send().await;
        anonymous.problem(401, "unauthenticated");
        let viewed = world.any(method, path).token(viewer.clone()).send().await;
        viewed.problem(403, "forbidden");
    }
    let made = world
        .post("/tokens")
        .json(&json!({ "name": "w", "role": "worker", "tenant": "default" }))
        .send()
        .await;
    made.problem(422, "invalid_value");
    let worker = stored(&world, Role::Worker, None, None).await;
    let odd = world.any("POST", "/worker/v1/call").token(worker);
    let problem = odd.body("{}").send().await.problem(400, "invalid_request");
    assert!(problem["help"].as_str().unwrap().contains("version"));
}

#[tokio::test]
async fn a_worker_reaches_blobs_of_tenants_that_it_serves_and_for_as_long() {
    let world = World::new().await;
    let tenant = publish(&world).await;
    let file = world.blobs.put(Kind::Component, &tenant, "wasm").await;
    let component = format!(
        "/worker/v1/blobs/{tenant}/component/{}",
        file.unwrap().hex()
    );
    let way = Way::new(&world).await;
    let worker = GatewayBroker::new(&way);
    worker.register(&info(), &[]).await.unwrap();
    let get = async |path: &str| way.any("GET", path).send().await;
    get(&component).await.problem(403, "forbidden");
    assert_eq!(worker.claim(1).await.unwrap().len(), 1);
    let reply = get(&component).await;
    assert_eq!(
        (reply.status.as_u16(), &reply.body[..]),
        (200, &b"wasm"[..])
    );
    assert_eq!(reply.header("content-length"), "4");
    let missing = component.replace(&component[component.len() - 64..], &"0".repeat(64));
    get(&missing).await.problem(404, "not_found");
    get("/worker/v1/blobs/other/component/00")
        .await
        .problem(403, "forbidden");
    get(&format!("/worker/v1/blobs/{tenant}/compiled/00"))
        .await
        .problem(403, "forbidden");
    // What it writes is named by its bytes.
    let outputs = format!("/worker/v1/blobs/{tenant}/output");
    let stored = way.any("PUT", &outputs).body("[1]").send().await.ok();
    let digest = Digest::of(b"[1]");
    assert_eq!(stored, json!({ "digest": digest.hex() }));
    let output = world.blobs.get(Kind::Output, &tenant, &digest).await;
    assert_eq!(output.unwrap(), "[1]");
    let files = format!("/worker/v1/blobs/{tenant}/component");
    let refused = way.any("PUT", &files).body("[1]").send().await;
    refused.problem(403, "forbidden");
    let segment = format!("/worker/v1/segments/{}", "0".repeat(32));
    let taken = way.any("PUT", &segment).body("lines").send().await;
    assert_eq!(taken.status.as_u16(), 204);
    // Another worker's registration opens nothing, even where its name is known.
    let other = Way::new(&world).await;
    *other.session.lock().unwrap() = way.session();
    other
        .any("GET", &component)
        .send()
        .await
        .problem(403, "forbidden");
    other
        .any("PUT", &segment)
        .body("x")
        .send()
        .await
        .problem(403, "forbidden");
    worker.report(vec![report(1, QUEUE)]).await.unwrap();
    get(&component).await.problem(403, "forbidden");
}

#[tokio::test]
async fn code_is_made_once_and_kept_for_workers_of_the_tenant() {
    let world = World::new().await;
    let tenant = publish(&world).await;
    let put = world.blobs.put(Kind::Component, &tenant, "wasm").await;
    let component = put.unwrap();
    let way = Way::new(&world).await;
    let worker = GatewayBroker::new(&way);
    let get = async |path: &str| way.any("GET", path).send().await;
    let path = |digest: &Digest, name: &str| {
        format!("/worker/v1/blobs/{tenant}/compiled/{}/{name}", digest.hex())
    };
    let code = path(&component, CODE);
    get(&code).await.problem(403, "forbidden");
    get("/worker/v1/code-key").await.problem(403, "forbidden");
    worker.register(&info(), &[]).await.unwrap();
    let key = get("/worker/v1/code-key").await.ok();
    assert_eq!(key, json!({ "key": "the key" }));
    get(&code).await.problem(403, "forbidden");
    assert_eq!(worker.claim(1).await.unwrap().len(), 1);
    let (first, second) = tokio::join!(get(&code), get(&code));
    for reply in [first, second, get(&code).await] {
        assert_eq!(reply.status.as_u16(), 200);
        assert_eq!(reply.body, fake_code(&component));
    }
    assert_eq!(world.compiler.made(), 1, "it was compiled once");
    // Its blob is lost, as after a backup was restored: it is made again.
    let blob = Digest::of(&fake_code(&component));
    let lost = world.blobs.delete(Kind::Compiled, &tenant, &blob).await;
    assert!(lost.unwrap());
    assert_eq!(get(&code).await.body, fake_code(&component));
    assert_eq!(world.compiler.made(), 2);
    get(&path(&component, "unknown"))
        .await
        .problem(404, "not_found");
    get(&path(&Digest::of(b"nothing"), CODE))
        .await
        .problem(404, "not_found");
    get(&path(&component, "slow"))
        .await
        .problem(503, "unavailable");
    get(&path(&component, &"x".repeat(300)))
        .await
        .problem(400, "invalid_id");
    get(&code.replace(tenant.as_str(), "other"))
        .await
        .problem(403, "forbidden");
}

#[tokio::test]
async fn a_deploy_has_its_code_at_hand_for_workers() {
    let world = World::new().await;
    let deployed = world.deploy("x", json!({ "a": {} })).await;
    let digest = deployed["digest"].as_str().unwrap();
    let digest = Digest::from_hex(digest.trim_start_matches("sha256:")).unwrap();
    let key = weft_store_sql::CompiledKey {
        tenant: weft_core::id::TenantId::default(),
        component: digest,
        name: CODE.into(),
        signer: "the key".into(),
    };
    let found = async || world.database.find_compiled(&key).await.unwrap();
    let wait = async {
        while found().await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .expect("the code is offered soon");
    assert_eq!(found().await, Some(Digest::of(&fake_code(&digest))));
}

#[tokio::test]
async fn a_variable_is_returned_for_a_held_attempt_that_was_granted_it() {
    let world = World::new().await;
    let tenant = publish(&world).await;
    for name in ["mine", "theirs"] {
        let place = SecretAddress {
            tenant: tenant.clone(),
            kind: SecretKind::Variable,
            name: name.into(),
        };
        let sealed = world.deps.keyring.seal(&place, name.as_bytes()).unwrap();
        let put = world.database.put_secret(&place, "{}", &sealed, "test");
        assert!(put.await.unwrap());
    }
    let way = Way::new(&world).await;
    let worker = GatewayBroker::new(&way);
    worker.register(&info(), &[]).await.unwrap();
    let ask = async |name: &str| {
        let asked = json!({ "attempt": write_key(&key(1)), "name": name });
        way.any("POST", "/worker/v1/variable")
            .json(&asked)
            .send()
            .await
    };
    ask("mine").await.problem(403, "forbidden");
    worker.claim(1).await.unwrap();
    let returned = ask("mine").await;
    assert_eq!(returned.ok(), json!({ "value": "mine" }));
    assert_eq!(returned.header("cache-control"), "no-store");
    ask("theirs").await.problem(403, "forbidden");
    worker.report(vec![report(1, QUEUE)]).await.unwrap();
    ask("mine").await.problem(403, "forbidden");
}

#[tokio::test]
async fn lines_are_taken_of_attempts_that_the_worker_holds_and_of_no_others() {
    let world = World::new().await;
    publish(&world).await;
    let way = Way::new(&world).await;
    let worker = GatewayBroker::new(&way);
    worker.register(&info(), &[]).await.unwrap();
    let send = async |first: u64| {
        let lines = json!([{ "t": 1, "s": "stderr", "m": "hello" }]);
        let attempt = json!({ "attempt": write_key(&key(1)), "first": first, "lines": lines });
        let call = way.any("POST", "/worker/v1/lines");
        call.json(&json!({ "attempts": [attempt] })).send().await
    };
    assert_eq!(send(0).await.status, 204);
    assert_eq!(*world.logs.1.lock().unwrap(), [], "it waits in the queue");
    worker.claim(1).await.unwrap();
    assert_eq!(send(7).await.status, 204);
    let added = world.logs.1.lock().unwrap().clone();
    assert_eq!((added.len(), added[0].1, added[0].2), (1, 7, 1));
    assert_eq!(added[0].0.run, key(1).run);
    send(u64::MAX).await.problem(400, "invalid_request");
    worker.report(vec![report(1, QUEUE)]).await.unwrap();
    assert_eq!(send(8).await.status, 204);
    assert_eq!(world.logs.1.lock().unwrap().len(), 1, "it has ended");
}

#[tokio::test]
async fn who_could_write_at_the_broker_is_not_believed_for_what_it_says() {
    let world = World::new().await;
    let tenant = publish(&world).await;
    let way = Way::trusted(&world).await;
    let worker = GatewayBroker::new(&way);
    worker.register(&info(), &[]).await.unwrap();
    // A dispatch that the database knows nothing of.
    assert_eq!(worker.claim(1).await.unwrap().len(), 1);
    let asked = json!({ "attempt": write_key(&key(1)), "name": "mine" });
    let returned = way.any("POST", "/worker/v1/variable").json(&asked);
    returned.send().await.problem(403, "forbidden");
    let digest = Digest::of(b"wasm").hex();
    let file = format!("/worker/v1/blobs/{tenant}/component/{digest}");
    let got = way.any("GET", &file).send().await;
    got.problem(403, "forbidden");
}

#[tokio::test]
async fn no_other_worker_takes_the_name_of_a_trusted_one() {
    let world = World::new().await;
    let way = Way::new(&world).await;
    let named = |id: &str| {
        let call = json!({ "register": { "id": id, "queues": [], "slots": 1, "prefetch": 0,
            "labels": [], "holding": [] } });
        let call = json!({ "call": call });
        let asked = world.any("POST", "/worker/v1/call");
        asked.token(way.token.clone()).body(call.to_string())
    };
    let refused = named("near#7").send().await;
    refused.problem(400, "invalid_request");
    for fine in ["near#", "near#a", "7"] {
        named(fine).send().await.ok();
    }
}
