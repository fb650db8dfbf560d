//! Direct workers: the credentials of a worker that takes its attempts from the transport
//! itself, and what it still can't have.

use crate::{
    sign_in::stored,
    world::{Call, World, instance},
};
use serde_json::{Value, json};
use weft_blob::Kind;
use weft_broker::{AttemptKey, message::write_key};
use weft_core::run::Attempt;
use weft_server::Secret;
use weft_store::{InstanceRow, InstanceTag};
use weft_store_sql::Role;

/// Allows the variable and the queue of the test's task.
const POLICY: &str = "[variables]\nallow = [\"key\"]\n";

/// A trusted worker.
struct Near {
    token: String,
    /// Under which it works.
    name: String,
    user: String,
}

impl Near {
    async fn new(world: &World) -> Self {
        let token = stored(world, Role::TrustedWorker, None, None).await;
        let digest = token.parse::<Secret>().unwrap().digest();
        let row = world.database.find_token(&digest).await.unwrap().unwrap();
        let mut near = Self {
            token,
            name: format!("near#{}", row.id.0),
            user: String::new(),
        };
        let reply_body = near.ask(world, &json!({ "worker": "near" })).await;
        assert_eq!(reply_body["open"]["worker"], near.name, "{reply_body}");
        reply_body["open"]["user"]
            .as_str()
            .unwrap()
            .clone_into(&mut near.user);
        near
    }

    async fn ask(&self, world: &World, asked: &Value) -> Value {
        let call = world.any("POST", "/worker/v1/direct");
        let reply = call.token(self.token.clone()).json(asked).send().await;
        assert_eq!(reply.header("cache-control"), "no-store");
        reply.ok()
    }

    fn any<'w>(&self, world: &'w World, method: &str, path: &str) -> Call<'w> {
        let call = world.any(method, path).token(self.token.clone());
        call.header("weft-session", self.user.clone())
    }

    /// The status of asking for the variable of an attempt, and the value.
    async fn variable(&self, world: &World, attempt: &AttemptKey) -> (u16, Value) {
        let asked = json!({ "attempt": write_key(attempt), "name": "key" });
        let call = self.any(world, "POST", "/worker/v1/variable").json(&asked);
        let reply = call.send().await;
        (reply.status.as_u16(), reply.json()["value"].clone())
    }
}

/// A run whose only task was granted the variable `key`, and the key of its attempt.
async fn run(world: &World) -> (String, AttemptKey) {
    let policy = json!({ "policy": POLICY });
    world.put("/policy").json(&policy).send().await.ok();
    let value = json!({ "value": "hunter2" });
    let put = world.put("/variables/key").json(&value).send().await;
    assert!(put.status.is_success(), "{put:?}");
    let tasks = json!({ "a": { "grants": { "variables": ["key"] } } });
    world.deploy("d", tasks).await;
    let run = world.trigger("d").await;
    let row = instance(&run, 0, 0, InstanceTag::Running);
    let attempt = AttemptKey {
        shard: 0,
        run: row.run,
        attempt: Attempt {
            instance: row.instance,
            number: row.number,
            nonce: row.nonce,
        },
    };
    (run, attempt)
}

/// Writes that the attempt is at this, claimed by this worker.
async fn assert_state(world: &World, run: &str, state: InstanceTag, worker: &str) {
    let row = InstanceRow {
        worker: Some(worker.into()),
        ..instance(run, 0, 0, state)
    };
    world.write_instances(vec![row]).await;
}

#[tokio::test]
async fn a_worker_that_is_not_trusted_must_use_the_gateway() {
    let world = World::new().await;
    let worker = stored(&world, Role::Worker, None, None).await;
    let asked = json!({ "worker": "far" });
    let ask = |token: &str| {
        world
            .any("POST", "/worker/v1/direct")
            .token(token)
            .json(&asked)
    };
    let reply_body = ask(&worker).send().await.ok();
    assert!(
        reply_body["refused"]["why"]
            .as_str()
            .unwrap()
            .contains("trusted"),
        "{reply_body}"
    );
    assert_eq!(world.direct_workers.count(), 0);
    let admin = ask(&world.admin).send().await;
    admin.problem(403, "forbidden");
    let made = json!({ "name": "w", "role": "trusted_worker", "tenant": "default" });
    let made = world.post("/tokens").json(&made).send().await;
    made.problem(422, "invalid_value");
    let trusted = stored(&world, Role::TrustedWorker, None, None).await;
    let odd = json!({ "worker": "" });
    let odd = world
        .any("POST", "/worker/v1/direct")
        .token(&trusted)
        .json(&odd);
    odd.send().await.problem(400, "invalid_request");
    let odd = json!({ "worker": "odd" });
    let call = world.any("POST", "/worker/v1/direct").token(&trusted);
    let reply_body = call.json(&odd).send().await.ok();
    assert_eq!(
        reply_body,
        json!({ "refused": { "why": "direct workers are refused" } })
    );
    // It sees nothing of the API either.
    let seen = world.get("/dags").token(&trusted).send().await;
    seen.problem(403, "forbidden");
}

#[tokio::test]
async fn a_direct_worker_stays_one_for_as_long_as_its_token_is_worth_something() {
    let world = World::new().await;
    let near = Near::new(&world).await;
    let again = json!({ "worker": "near", "user": near.user });
    assert_eq!(near.ask(&world, &again).await, json!("prolonged"));
    // The transport has lost it; the server hasn't.
    world.direct_workers.forget();
    assert_eq!(near.ask(&world, &again).await, json!("prolonged"));
    assert_eq!(world.direct_workers.count(), 1);
    // Its user belongs to no other worker, whatever they request.
    let other = Near::new(&world).await;
    let reply_body = other.ask(&world, &again).await;
    assert_ne!(reply_body["open"]["user"], json!(near.user), "{reply_body}");
    let stolen = Near {
        token: other.token.clone(),
        name: other.name.clone(),
        user: near.user.clone(),
    };
    let count = world.direct_workers.count();
    let left = stolen
        .any(&world, "DELETE", "/worker/v1/direct")
        .send()
        .await;
    assert_eq!(
        (left.status.as_u16(), world.direct_workers.count()),
        (204, count)
    );
    let left = near.any(&world, "DELETE", "/worker/v1/direct").send().await;
    assert_eq!(
        (left.status.as_u16(), world.direct_workers.count()),
        (204, count - 1)
    );
    let id = near.name.split('#').next_back().unwrap();
    let revoked = world.delete(&format!("/tokens/{id}")).send().await;
    assert_eq!(revoked.status.as_u16(), 204);
    let asked = near.any(&world, "POST", "/worker/v1/direct").json(&again);
    asked.send().await.problem(401, "token_revoked");
}

#[tokio::test]
async fn a_direct_worker_gets_secrets_of_its_own_attempts_alone() {
    let world = World::new().await;
    let (run, attempt) = run(&world).await;
    let near = Near::new(&world).await;
    let other = Near::new(&world).await;
    assert_eq!(near.variable(&world, &attempt).await.0, 403);
    // An attempt that no worker has claimed yet: the transport decides.
    assert_state(&world, &run, InstanceTag::Queued, "earlier").await;
    assert_eq!(near.variable(&world, &attempt).await.0, 403);
    let holds = |near: &Near| {
        let mut held = world.direct_workers.held.lock().unwrap();
        held.insert(near.name.clone(), vec![attempt]);
    };
    holds(&near);
    let secret = near.variable(&world, &attempt).await;
    assert_eq!(secret, (200, json!("hunter2")));
    assert_eq!(other.variable(&world, &attempt).await.0, 403);
    // What the database knows to run: whatever the transport says, where direct_workers can write.
    assert_state(&world, &run, InstanceTag::Running, &other.name).await;
    assert_eq!(near.variable(&world, &attempt).await.0, 403);
    assert_eq!(other.variable(&world, &attempt).await.0, 200);
    assert_state(&world, &run, InstanceTag::Running, "far").await;
    assert_eq!(near.variable(&world, &attempt).await.0, 403);
    // Only the attempt that is in progress, and only who showed the token.
    assert_state(&world, &run, InstanceTag::Running, &near.name).await;
    let mut earlier = attempt;
    earlier.attempt.nonce += 1;
    assert_eq!(near.variable(&world, &earlier).await.0, 403);
    for token in [
        other.token.clone(),
        stored(&world, Role::Worker, None, None).await,
    ] {
        let stolen = Near {
            token,
            name: near.name.clone(),
            user: near.user.clone(),
        };
        assert_eq!(stolen.variable(&world, &attempt).await.0, 403);
    }
    assert_state(&world, &run, InstanceTag::Success, &near.name).await;
    assert_eq!(near.variable(&world, &attempt).await.0, 403);
}

#[tokio::test]
async fn a_direct_worker_reaches_blobs_of_tenants_whose_attempts_are_its_own() {
    let world = World::new().await;
    let (run, attempt) = run(&world).await;
    let near = Near::new(&world).await;
    let tenant = "default".parse().unwrap();
    let file = world.blobs.put(Kind::Component, &tenant, "wasm").await;
    let file = format!("/worker/v1/blobs/default/component/{}", file.unwrap().hex());
    let get = async || near.any(&world, "GET", &file).send().await.status.as_u16();
    assert_eq!(get().await, 403);
    world
        .direct_workers
        .held
        .lock()
        .unwrap()
        .insert(near.name.clone(), vec![attempt]);
    assert_state(&world, &run, InstanceTag::Running, "far").await;
    assert_eq!(get().await, 403);
    assert_state(&world, &run, InstanceTag::Running, &near.name).await;
    assert_eq!(get().await, 200);
    let other = near.any(&world, "GET", &file.replace("default", "other"));
    other.send().await.problem(403, "forbidden");
    let segment = format!("/worker/v1/segments/{}", "0".repeat(32));
    let taken = near.any(&world, "PUT", &segment).body("lines").send().await;
    assert_eq!(taken.status.as_u16(), 204);
}
