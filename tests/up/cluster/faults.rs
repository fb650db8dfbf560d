//! Faults of each process of a cluster while runs are triggered all the time; in the end
//! everything is compared with the ledger that the tasks wrote.

use super::{Cluster, process::Process};
use crate::{
    installation::Up,
    kills::{
        asking::Asker,
        audit::{self, Repeats},
        deploy,
    },
    ledger::Ledger,
    patience::{pass, until},
    postgres::postgres_server::End,
    redis::server::free_port,
    workers::token,
};
use std::{
    mem,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Lines of the ledger before something happens, and those that show that work goes on.
const LINES: usize = 60;
/// Work that doesn't go on for so long hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A cluster under load.
pub(super) struct Field {
    pub(super) cluster: Cluster,
    pub(super) server: Up,
    pub(super) address: String,
    schedulers: Vec<Process>,
    pub(super) workers: Vec<Process>,
    pub(super) token: PathBuf,
    ledger: Ledger,
    repeats: Repeats,
    asker: Asker,
}

/// Ends the asking, also where a test fails in the middle.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Field {
    /// A server, two schedulers, of which the first one owns everything, and two workers.
    fn new() -> Self {
        Self::with("worker", &["one", "two"])
    }

    /// The same, with these workers, whose token has this role.
    pub(super) fn with(role: &str, names: &[&str]) -> Self {
        Self::of(Cluster::new(), role, names)
    }

    fn of(cluster: Cluster, role: &str, names: &[&str]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let server = cluster.server_at(&address);
        let owner = cluster.scheduler();
        until("a scheduler is heard of", || server.api().is_ready());
        let ledger = Ledger::open();
        deploy(&cluster.here, &server, &ledger);
        let token = token(&cluster.here, &server, role);
        let workers = names
            .iter()
            .map(|name| cluster.worker(&server, name, &token));
        Self {
            schedulers: vec![owner, cluster.scheduler()],
            workers: workers.collect(),
            cluster,
            server,
            address,
            token,
            ledger,
            repeats: Repeats::Never,
            asker: Asker::new(fastrand::Rng::with_seed(7)),
        }
    }

    /// Does something in the middle of the load, and waits until work goes on.
    pub(super) fn amid(&mut self, what: &str, happens: impl FnOnce(&mut Self)) {
        let over = AtomicBool::new(false);
        let mut asker = mem::replace(&mut self.asker, Asker::new(fastrand::Rng::with_seed(8)));
        let api = self.server.api();
        let ledger = self.ledger.clone();
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    asker.ask(&api, &ledger, &over);
                }
            });
            let ends = Over(&over);
            self.more("before anything happens");
            happens(self);
            let began = Instant::now();
            self.more(what);
            println!("{what}: work went on after {:?}", began.elapsed());
            drop(ends);
            asking.join().expect("it asks on");
        });
        self.asker = asker;
    }

    /// Waits for lines of attempts that begin from now on.
    fn more(&self, what: &str) {
        let lines = self.ledger.len() + LINES;
        assert!(
            self.ledger.wait(lines, PATIENCE),
            "{what}: no task has run for {PATIENCE:?}"
        );
    }

    /// Lets everything end, and holds it against the ledger.
    pub(super) fn audit(mut self) {
        self.hold_against_ledger();
    }

    /// The same, and what runs goes on.
    fn hold_against_ledger(&mut self) {
        self.asker.settle(&self.server.api());
        let found = audit::end(
            &self.cluster.here,
            &self.server,
            &self.asker,
            (&self.ledger, self.repeats),
        );
        println!("{found}");
    }
}

#[test]
fn a_scheduler_that_is_killed_is_replaced_and_so_is_the_next() {
    let mut field = Field::new();
    for number in ["first", "second"] {
        field.amid(&format!("the {number} scheduler is killed"), |field| {
            field.schedulers.remove(0).kill();
            field.schedulers.push(field.cluster.scheduler());
        });
    }
    field.audit();
}

#[test]
fn a_scheduler_that_stood_still_past_its_lease_is_fenced() {
    let mut field = Field::new();
    field.amid("the scheduler is suspended", |field| {
        field.schedulers[0].freeze();
    });
    field.amid("it goes on", |field| field.schedulers[0].thaw());
    // It learns of it from the database or the broker, or by its own clock where the first call fails.
    until("it gives up its shards", || {
        let said = field.schedulers[0].said();
        said.contains("another scheduler") || said.contains("all shards are given up")
    });
    field.audit();
}

#[test]
fn a_killed_and_a_suspended_worker_lose_nothing() {
    let mut field = Field::new();
    field.amid("a worker is killed", |field| field.workers.remove(0).kill());
    field.amid("a worker is suspended", |field| {
        let worker = field.cluster.worker(&field.server, "three", &field.token);
        field.workers.push(worker);
        field.workers[0].freeze();
    });
    until("its registration ends with its leases", || {
        let workers = field.cluster.here.list(&field.server, &["workers", "list"]);
        workers.iter().all(|worker| worker["id"] != "two")
    });
    field.amid("it goes on", |field| field.workers[0].thaw());
    field.audit();
}

#[test]
fn a_redis_that_loses_everything_costs_time_alone() {
    let mut field = Field::new();
    field.amid("Redis is flushed", |field| field.cluster.flush());
    field.amid("Redis comes back empty", |field| {
        field.cluster.redis.kill();
        field.cluster.redis.start_again();
    });
    field.amid("Redis is suspended", |field| {
        field.cluster.redis.freeze();
        pass(Duration::from_secs(5));
        field.cluster.redis.thaw();
    });
    field.audit();
}

#[test]
fn a_postgres_that_ends_every_session_costs_time_alone() {
    let mut field = Field::new();
    for _again in 0..3 {
        field.amid("Postgres ends every session", |field| {
            field.cluster.end_sessions();
        });
    }
    field.audit();
}

#[test]
fn a_postgres_that_is_restarted_costs_time_alone() {
    let cluster = Cluster::with_own_postgres();
    let mut field = Field::of(cluster, "worker", &["one", "two"]);
    for end in [End::Order, End::Crash, End::Order] {
        field.amid(&format!("Postgres ends and is back ({end:?})"), |field| {
            let postgres = field.cluster.postgres.as_mut();
            postgres.expect("it is its own").restart(end);
        });
    }
    field.audit();
}

#[test]
fn a_suspended_s3_delays_what_needs_it_and_loses_nothing() {
    let mut field = Field::new();
    field.amid("S3 stood still for a while", |field| {
        field.cluster.s3.freeze();
        pass(Duration::from_secs(5));
        field.cluster.s3.thaw();
    });
    field.audit();
}

#[test]
fn a_server_that_is_killed_and_started_again_loses_nothing() {
    let mut field = Field::new();
    field.amid("the server is killed", |field| {
        field.server.crash();
        field.server = field.cluster.server_at(&field.address);
    });
    field.audit();
}

#[test]
fn a_restart_of_one_after_another_loses_nothing() {
    let mut field = Field::new();
    field.amid("all have been replaced, one after another", |field| {
        for scheduler in mem::take(&mut field.schedulers) {
            let next = field.cluster.scheduler();
            field.schedulers.push(next);
            assert!(scheduler.terminate().success());
            field.more("a scheduler is replaced");
        }
        field.server.retire();
        field.server = field.cluster.server_at(&field.address);
        field.more("the server is replaced");
        for (worker, name) in mem::take(&mut field.workers)
            .into_iter()
            .zip(["three", "four"])
        {
            let next = field.cluster.worker(&field.server, name, &field.token);
            field.workers.push(next);
            assert!(worker.terminate().success());
            field.more("a worker is replaced");
        }
    });
    field.audit();
}

/// A second and more of what Redis had acknowledged.
const LOST: Duration = Duration::from_secs(2);

#[test]
fn a_redis_that_fails_over_to_one_that_lags_loses_nothing_that_counts() {
    let mut field = Field::new();
    field.repeats = Repeats::Possible;
    for again in 0..2 {
        let copy = field.cluster.stale_copy();
        field.amid(&format!("Redis fails over, {again}"), |field| {
            // What is acknowledged meanwhile the copy knows nothing of.
            pass(LOST);
            field.cluster.redis.kill();
            field.cluster.relay.lead_to(copy.port);
            field.cluster.redis = copy;
        });
    }
    field.audit();
}

#[test]
fn a_redis_that_is_slow_slows_everything_and_breaks_nothing() {
    let mut field = Field::new();
    let relay_delays = |field: &mut Field, millis| {
        field.cluster.relay.delay(Duration::from_millis(millis));
    };
    field.amid("each message to and from Redis takes 100 ms", |field| {
        relay_delays(field, 100);
    });
    field.amid("Redis is slow still", |_field| {});
    field.amid("Redis is as fast as before", |field| {
        relay_delays(field, 0);
    });
    field.audit();
}

/// A task that runs for longer than a lease, and says so in its log before and after.
const PATIENT_DAG: &str = r#"
[dag]
id = "patient"

[tasks.slow]
program = "patient.wasm"
queue = "clocks"
expand = { n = { value = [1, 2] } }
"#;

/// Prints 'a', computes for long, prints 'b'.
const PATIENT: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\40\00\00\00\02\00\00\00")
  (data (i32.const 8) "\42\00\00\00\02\00\00\00")
  (data (i32.const 64) "a\nb\n")
  (func (export "_start") (local $left i64)
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
    (local.set $left (i64.const 50000000000))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))
    (drop (call $write (i32.const 2) (i32.const 8) (i32.const 1) (i32.const 32)))))"#;

#[test]
fn a_worker_whose_clock_is_an_hour_off_keeps_its_leases_and_its_log_in_order() {
    let mut field = Field::new();
    field.workers.clear();
    for (name, off) in [("early", "-1h"), ("late", "+1h")] {
        let mut command = field
            .cluster
            .worker_command(field.server.url(), name, &field.token);
        command.args(["-q", "default,clocks"]);
        // As `faketime` does, which is a process in between: killing that one would leave the worker.
        command
            .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketime.so.1")
            .env("FAKETIME", off)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        let log = field.cluster.here.path(&format!("{name}.log"));
        field.workers.push(Process::start(command, log));
    }
    let here = &field.cluster.here;
    let policy = std::fs::read_to_string(here.path("work").join("policy.toml"));
    let policy = policy.expect("it was set") + "\n[queues]\nallow = [\"clocks\"]\n";
    std::fs::write(here.path("work").join("policy.toml"), policy).expect("there is room");
    let said = here.client(&field.server, &["policy", "set", "policy.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let patient = wat::parse_str(PATIENT).expect("it is WebAssembly");
    std::fs::write(here.path("work").join("patient.wasm"), patient).expect("there is room");
    let said = here.deploy(&field.server, PATIENT_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
    field.amid("clocks are an hour off", |_field| {});
    field.hold_against_ledger();
    let here = &field.cluster.here;
    let run = here.trigger(&field.server, "patient");
    let said = here.client(&field.server, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    for index in ["0", "1"] {
        let api = field.server.api();
        let instance = api.get(&format!("/runs/{run}/tasks/slow/{index}"));
        assert_eq!(instance["attempt"], 1, "no lease was lost: {instance}");
        // A segment of logs is brought over some seconds after its last line.
        until("its log is there, in order", || {
            let log = here.client(&field.server, &["logs", &run, "slow", "--index", index]);
            let (a, b) = (log.stdout.rfind("a\n"), log.stdout.rfind("b\n"));
            a.is_some() && a < b
        });
    }
}
