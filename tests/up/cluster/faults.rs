//! What may happen to each process of a cluster while runs are asked for all the
//! time; in the end everything is held against the ledger that the tasks wrote.

use super::{Cluster, process::Process, together::until};
use crate::{
    installation::Up,
    kills::{asking::Asker, audit, deploy},
    ledger::Ledger,
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
        let cluster = Cluster::new();
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
        self.asker.settle(&self.server.api());
        let found = audit::end(&self.cluster.here, &self.server, &self.asker, &self.ledger);
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
    field.amid("the scheduler stands still", |field| {
        field.schedulers[0].freeze();
    });
    field.amid("it goes on", |field| field.schedulers[0].thaw());
    until("it finds that it was deposed", || {
        field.schedulers[0].said().contains("another scheduler")
    });
    field.audit();
}

#[test]
fn a_worker_that_is_killed_and_one_that_stands_still_lose_nothing() {
    let mut field = Field::new();
    field.amid("a worker is killed", |field| field.workers.remove(0).kill());
    field.amid("a worker stands still", |field| {
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
    field.amid("Redis stands still", |field| {
        field.cluster.redis.freeze();
        crate::ledger::pass(Duration::from_secs(5));
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
fn an_s3_that_stands_still_holds_up_what_needs_it_and_loses_nothing() {
    let mut field = Field::new();
    field.amid("S3 stood still for a while", |field| {
        field.cluster.s3.freeze();
        crate::ledger::pass(Duration::from_secs(5));
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
