//! `wfctl up` whose attempts reach their workers by a Redis that the test starts.

// The one that the broker's own tests start, of which there is more than is needed here.
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it belongs to the broker's tests, which use all of it and allow it"
)]
#[path = "../../crates/weft-broker-redis/tests/redis/server.rs"]
pub(crate) mod server;

use crate::{
    installation::{Installation, Up, computing},
    workers::{MOST_QUESTIONS, Worker, token},
};
use server::Server;
use std::fs;

/// A second or so.
const SLOW: u64 = 3_000_000_000;

const SLOW_DAG: &str = r#"
[dag]
id = "slow"

[dag.params]
list = { default = [1, 2, 3, 4] }

[tasks.each]
program = "slow.wasm"
expand = { n = { param = "list" } }

[tasks.last]
program = "busy.wasm"
after = ["each"]
"#;

fn deploy(here: &Installation, up: &Up) {
    let slow = here.path("work").join("slow.wasm");
    fs::write(slow, computing(SLOW)).expect("there is room");
    let said = here.deploy(up, SLOW_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Triggers the DAG, and waits until a task of it runs.
fn begin(here: &Installation, up: &Up) -> String {
    let run = here.trigger(up, "slow");
    let api = up.api();
    let runs = || api.get(&format!("/runs/{run}"))["counts"]["running"].as_u64();
    let begun = (0..MOST_QUESTIONS).any(|_question| runs().unwrap_or(0) > 0);
    assert!(begun, "no task began");
    run
}

fn succeeds(here: &Installation, up: &Up, run: &str) {
    let said = here.client(up, &["runs", "watch", run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let shown = up.api().get(&format!("/runs/{run}"));
    assert_eq!(shown["counts"]["success"], 5, "{shown}");
}

#[test]
fn what_runs_elsewhere_outlives_the_server() {
    let redis = Server::start(&[]);
    let here = Installation::new();
    let address = format!("127.0.0.1:{}", server::free_port());
    let url = redis.url();
    let start = || {
        here.start_at(&address, &["--redis", &url, "-q", "here"])
            .answering()
    };
    let up = start();
    deploy(&here, &up);
    let token = token(&here, &up, "worker");
    let _far = Worker::start(&here, &up, "far", &token);
    let run = begin(&here, &up);
    up.kill();
    let up = start();
    succeeds(&here, &up, &run);
    let instances = up.api().get(&format!("/runs/{run}/instances"));
    let attempts: Vec<_> = instances["items"]
        .as_array()
        .expect("a page")
        .iter()
        .map(|instance| instance["attempt"].as_u64())
        .collect();
    assert_eq!(attempts, [Some(1); 5], "nothing was run twice");
    let workers = here.list(&up, &["workers", "list"]);
    let names: Vec<_> = workers.iter().map(|worker| worker["id"].as_str()).collect();
    assert_eq!(names, [Some("far"), Some("local")]);
    assert_eq!(workers[1]["queues"][0], "here");
}

#[test]
fn a_redis_that_loses_everything_costs_no_task() {
    let mut redis = Server::start(&[]);
    let here = Installation::new();
    let up = here.start(&["--redis", &redis.url()]).answering();
    deploy(&here, &up);
    let run = begin(&here, &up);
    redis.kill();
    redis.start_again();
    succeeds(&here, &up, &run);
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
}

#[test]
fn a_redis_that_cant_be_used_is_reported_without_its_password() {
    let here = Installation::new();
    let file = here.path("redis.url");
    fs::write(&file, "redis://weft:hush@127.0.0.1:9/0\n").expect("there is room");
    let file = file.to_str().expect("temporary folders are UTF-8");
    for (args, code) in [
        (["--redis-file", file], 1),
        (["--redis", "redis://weft:hush@localhost/0"], 2),
        (["--redis", "http://hush@localhost/0"], 2),
        (["--redis-file", "/no/such/file"], 3),
    ] {
        let (status, said) = here.start(&args).end();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn two_installations_dont_share_a_namespace() {
    let redis = Server::start(&[]);
    let (one, other) = (Installation::new(), Installation::new());
    let url = redis.url();
    let up = one.start(&["--redis", &url]).answering();
    let (status, said) = other.start(&["--redis", &url]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("belongs to another installation"), "{said}");
    assert!(said.contains("--redis-namespace"), "{said}");
    let beside = other
        .start(&["--redis", &url, "--redis-namespace", "other"])
        .answering();
    up.kill();
    // Its own it finds again.
    let up = one.start(&["--redis", &url]).answering();
    drop((up, beside));
}
