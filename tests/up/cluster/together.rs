//! Separate processes do what one process does.

use super::Cluster;
use crate::{
    api::Api,
    code::figure,
    metrics::read_metrics,
    patience::until,
    workers::{LONG_DAG, deploy_talking, token},
};

const CHAIN: &str = r#"
[dag]
id = "chain"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }

[tasks.third]
program = "busy.wasm"
queue = "unserved"
after = ["second"]
"#;

const POLICY: &str = "[queues]\nallow = [\"unserved\"]\n";

#[test]
fn a_server_schedulers_and_workers_of_their_own_run_a_dag() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let server = cluster.server_at("127.0.0.1:0");
    assert!(!server.api().is_ready(), "no scheduler runs");
    let first = cluster.scheduler();
    until("a scheduler is heard of", || server.api().is_ready());
    let second = cluster.scheduler();
    std::fs::write(here.path("work").join("policy.toml"), POLICY).expect("there is room");
    let said = here.client(&server, &["policy", "set", "policy.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = here.deploy(&server, CHAIN);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(here, &server, "worker");
    let page = format!("127.0.0.1:{}", crate::redis::server::free_port());
    let mut near = cluster.worker_command(server.url(), "near", &token);
    near.args(["--status", &page]);
    let near = super::Process::start(near, here.path("near.log"));
    until("the worker is ready", || {
        Api::new(&format!("http://{page}"), "")
            .readiness()
            .is_some_and(|is_ready| is_ready)
    });
    let run = here.trigger(&server, "chain");
    let why = || {
        let said = here.client(&server, &["tasks", "why", &run, "third"]);
        said.stdout + &said.stderr
    };
    until("the third task waits for a worker", || {
        why().contains("no worker serves the queue unserved")
    });
    let said = here.client(&server, &["outputs", "get", &run, "second"]);
    assert_eq!(said.stdout.trim(), "7", "{said:?}");
    // Only now, so that what is looked at below was the first one's to run.
    let _far = cluster.worker(&server, "far", &token);
    let said = here.client(&server, &["tasks", "why", &run, "first"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    // Who ended is replaced at once, and who watches hears of it.
    assert!(first.terminate().success());
    let mut other = here.command(&["worker", "--name", "other", "-q", "unserved", "--url"]);
    other.arg(server.url()).arg("--token-file").arg(&token);
    other.arg("--data").arg(here.path("other"));
    let _other = super::Process::start(other, here.path("other.log"));
    let said = here.client(&server, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?} {}", second.said());
    until("all workers are there", || {
        here.list(&server, &["workers", "list"]).len() == 3
    });
    // Code came from S3 itself: the server only said where it lies.
    assert!(figure(&page, "weft_worker_compile_cache_fetched_total") > 0);
    let metrics = read_metrics(here);
    let read = "weft_blobs_read_bytes_total{kind=\"compiled\"} ";
    let read = metrics.lines().find_map(|line| line.strip_prefix(read));
    assert!(read.is_none_or(|bytes| bytes == "0"), "{metrics}");
    assert!(near.terminate().success());
    let (status, said) = server.terminate();
    assert!(status.success(), "{said}");
    assert!(second.terminate().success());
}

#[test]
fn lines_of_a_running_task_are_read_at_a_server_that_its_worker_does_not_know() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let server = cluster.server_at("127.0.0.1:0");
    let other = cluster.second_server();
    let _scheduler = cluster.scheduler();
    deploy_talking(here, &server);
    let token = token(here, &server, "worker");
    let _worker = cluster.worker(&server, "far", &token);
    let run = here.trigger(&server, "talks");
    let api = other.api();
    until("a line at the other server while the task runs", || {
        let instance = api.get(&format!("/runs/{run}/tasks/talk/0"));
        assert_ne!(instance["state"], "success", "the task ended before");
        // Before its first attempt begins, the instance has no log.
        let log = format!("/runs/{run}/tasks/talk/0/logs");
        let answer = api.ask("GET", &log, &[], b"").expect("it answers");
        answer.status == 200 && answer.json()["lines"][0]["message"] == "hello from afar"
    });
}

#[test]
fn exclusive_and_shared_use_of_the_database_exclude_each_other() {
    let cluster = Cluster::new();
    let server = cluster.server_at("127.0.0.1:0");
    let file = cluster.here.path("database.url");
    let file = file.to_str().expect("temporary folders are UTF-8");
    let other = crate::installation::Installation::new();
    let (status, said) = other.start(&["--database-file", file]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("in use by another process"), "{said}");
    server.kill();
    let up = other.start(&["--database-file", file]).answering();
    let scheduler = cluster.scheduler();
    let said = scheduler.end();
    assert!(said.contains("wfctl up"), "{said}");
    drop(up);
}

#[test]
fn a_place_that_is_not_named_is_asked_for() {
    let here = crate::installation::Installation::new();
    for (args, names) in [
        (&["scheduler"][..], "WEFT_DATABASE_URL"),
        (
            &["scheduler", "--database", "postgres://localhost/none"],
            "WEFT_REDIS_URL",
        ),
        (
            &[
                "server",
                "--database",
                "postgres://localhost/none",
                "--redis",
                "redis://localhost",
            ],
            "WEFT_BLOBS_URL",
        ),
    ] {
        let said = here.command(args).output().expect("wfctl starts");
        let text = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(2), "{text}");
        assert!(text.contains(names), "{text}");
    }
}

/// Computes for a second or two, then prints more than a report carries.
const LONG: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  (data (i32.const 0) "\00\00\01\00\00\00\04\00")
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const 5000000000))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 262144))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))"#;

#[test]
fn what_runs_while_the_server_is_replaced_brings_its_output_over() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let address = format!("127.0.0.1:{}", crate::redis::server::free_port());
    let mut server = cluster.server_at(&address);
    let _scheduler = cluster.scheduler();
    let token = token(here, &server, "worker");
    let _worker = cluster.worker(&server, "far", &token);
    let long = wat::parse_str(LONG).expect("it is WebAssembly");
    std::fs::write(here.path("work").join("long.wasm"), long).expect("there is room");
    let said = here.deploy(&server, LONG_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
    let run = here.trigger(&server, "long");
    let api = server.api();
    until("the first task runs", || {
        api.get(&format!("/runs/{run}"))["counts"]["running"] == 1
    });
    server.crash();
    let server = cluster.server_at(&address);
    let said = here.client(&server, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let first = server.api().get(&format!("/runs/{run}/tasks/first/0"));
    assert_eq!(first["attempt"], 1, "it was not run again: {first}");
    let output = here.client(&server, &["outputs", "get", &run, "first"]);
    assert_eq!(output.stdout.trim().trim_matches('"').len(), 262_144);
}
