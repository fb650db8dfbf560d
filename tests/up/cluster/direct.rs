//! A worker that is trusted with the whole installation takes its tasks from Redis
//! itself, whatever happens to it, to Redis and to the server; until its token is
//! worth nothing.

use super::{Cluster, faults::Field, process::Process};
use crate::{patience::until, workers::token};

/// Log line of a worker that connects directly.
const DIRECT: &str = "connected to the server's Redis directly";
/// As long as a password, or what a token has behind its beginning.
const SECRET_DIGITS: usize = 64;

fn is_direct(worker: &Process) {
    until("the worker reaches Redis itself", || {
        worker.said().contains(DIRECT)
    });
}

/// How many users Redis has that were made for workers.
fn users(cluster: &Cluster) -> usize {
    cluster
        .ask_redis("ACL USERS")
        .matches("weft-guest-")
        .count()
}

/// Whether there is something that could be a secret.
fn tells_a_secret(said: &str) -> bool {
    said.split(|letter: char| !letter.is_ascii_hexdigit())
        .any(|digits| digits.len() >= SECRET_DIGITS)
}

/// Name of a worker in the installation: its own name, then the number of its token.
fn named(field: &Field, name: &str) -> String {
    let mut found = None;
    until("the worker is registered", || {
        let workers = field.cluster.here.list(&field.server, &["workers", "list"]);
        let mut ids = workers.iter().filter_map(|worker| worker["id"].as_str());
        let id = ids.find(|id| id.starts_with(&format!("{name}#")));
        found = id.map(ToOwned::to_owned);
        found.is_some()
    });
    found.expect("it was waited for")
}

#[test]
fn a_worker_that_takes_its_tasks_from_redis_itself_loses_nothing() {
    let mut field = Field::with("trusted-worker", &["near"]);
    is_direct(&field.workers[0]);
    field.amid("the worker is killed", |field| {
        let said = field.workers[0].said();
        assert!(!tells_a_secret(&said), "{said}");
        field.workers.remove(0).kill();
        let next = field.cluster.worker(&field.server, "next", &field.token);
        field.workers.push(next);
    });
    is_direct(&field.workers[0]);
    field.amid("Redis is flushed", |field| field.cluster.flush());
    field.amid("Redis comes back empty", |field| {
        field.cluster.redis.kill();
        field.cluster.redis.start_again();
    });
    field.amid("the server is killed", |field| {
        field.server.crash();
        field.server = field.cluster.server_at(&field.address);
    });
    field.amid("the server is gone with all that Redis held", |field| {
        field.server.crash();
        field.cluster.redis.kill();
        field.cluster.redis.start_again();
        field.server = field.cluster.server_at(&field.address);
    });
    // Who ends leaves nothing behind.
    until("the user of the one that was killed is gone", || {
        users(&field.cluster) == 1
    });
    let brief = field.cluster.worker(&field.server, "brief", &field.token);
    is_direct(&brief);
    assert_eq!(users(&field.cluster), 2);
    let drain = ["workers", "drain", &named(&field, "brief")];
    let said = field.cluster.here.client(&field.server, &drain);
    assert_eq!(said.code, Some(0), "{said:?}");
    until("it has left", || users(&field.cluster) == 1);
    assert!(brief.terminate().success());
    // A token that is worth nothing ends the way.
    let tokens = field.cluster.here.list(&field.server, &["tokens", "list"]);
    let trusted = tokens
        .iter()
        .find(|token| token["role"] == "trusted_worker");
    let trusted = trusted.expect("it was made")["id"].to_string();
    let revoke = ["tokens", "revoke", &trusted, "--yes"];
    let said = field.cluster.here.client(&field.server, &revoke);
    assert_eq!(said.code, Some(0), "{said:?}");
    until("no worker reaches Redis any more", || {
        users(&field.cluster) == 0
    });
    let token = token(&field.cluster.here, &field.server, "worker");
    let far = field.cluster.worker(&field.server, "far", &token);
    let said = field.workers[0].said();
    assert!(!tells_a_secret(&said), "{said}");
    field.workers = vec![far];
    field.amid("another worker goes through the server", |_field| {});
    assert!(!field.workers[0].said().contains(DIRECT));
    field.audit();
}
