//! `wfctl up` whose attempts reach their workers by a Redis that the test starts.

// The one that the broker's own tests start, of which there is more than is needed here.
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "it belongs to the broker's tests, which use all of it and allow it"
)]
#[path = "../../crates/weft-broker/tests/redis/server.rs"]
mod server;

use crate::{
    installation::{Installation, Up},
    workers::{MOST_QUESTIONS, Worker, token},
};
use server::Server;
use std::fs;

/// A program that computes for a second or so, and prints 7.
const SLOW: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\08\00\00\00\01\00\00\00" "7")
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const 3000000000))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

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
    let slow = wat::parse_str(SLOW).expect("it is WebAssembly");
    fs::write(here.path("work").join("slow.wasm"), slow).expect("there is room");
    let said = here.deploy(up, SLOW_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// Triggers the DAG, and waits until a task of it runs.
fn begin(here: &Installation, up: &Up) -> String {
    let said = here.client(up, &["runs", "trigger", "slow"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = here.list(up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name").to_owned();
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
fn a_redis_that_cant_be_used_is_told_without_its_password() {
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
