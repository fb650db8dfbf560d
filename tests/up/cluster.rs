//! An installation of many processes: a server, schedulers, workers, a Postgres, a
//! Redis and a place for blobs, each of which may be killed, stopped, cut off and
//! emptied.

mod crash;
mod direct;
mod faults;
mod network;
mod process;
mod relay;
// The one that the blobs' own tests start.
#[allow(
    clippy::unwrap_used,
    reason = "it belongs to the blobs' tests, which allow it"
)]
#[path = "../../crates/weft-blob/tests/blob/s3_server.rs"]
mod s3_server;
mod shards;
mod together;

use crate::{
    installation::{Installation, Starting, Up},
    patience::until,
    postgres::postgres_server,
    redis::server::Server as Redis,
};
use process::Process;
use relay::Relay;
use std::{
    cell::Cell,
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Command,
};

/// What all its processes name alike.
pub(crate) struct Cluster {
    here: Installation,
    redis: Redis,
    /// What leads there.
    relay: Relay,
    s3: s3_server::Server,
    blobs: String,
    database: String,
    /// Where the database is, if no other test has one there.
    postgres: Option<postgres_server::Server>,
    /// How many schedulers were started.
    schedulers: Cell<usize>,
}

impl Cluster {
    /// An empty one.
    fn new() -> Self {
        Self::with(postgres_server::new_database(), None)
    }

    /// An empty one whose Postgres may be ended.
    fn with_own_postgres() -> Self {
        let server = postgres_server::Server::start();
        Self::with(server.new_database(), Some(server))
    }

    fn with(database: String, postgres: Option<postgres_server::Server>) -> Self {
        let here = Installation::new();
        let s3 = s3_server::Server::start();
        fs::write(here.path("database.url"), &database).expect("there is room");
        let redis = Redis::start(&[]);
        let cluster = Self {
            here,
            relay: Relay::to(redis.port),
            redis,
            blobs: s3.bucket(),
            s3,
            database,
            postgres,
            schedulers: Cell::new(0),
        };
        let migrated = cluster
            .here
            .command(&["db", "migrate", "--database-file"])
            .arg(cluster.here.path("database.url"))
            .output()
            .expect("wfctl starts");
        assert!(migrated.status.success(), "{migrated:?}");
        cluster
    }

    /// The arguments that name database, Redis and blob store.
    fn places(&self) -> Vec<String> {
        let file = self.here.path("database.url");
        [
            "--database-file",
            file.to_str().expect("temporary folders are UTF-8"),
            "--redis",
            &self.relay.url(),
            "--blobs",
            &self.blobs,
        ]
        .map(ToOwned::to_owned)
        .to_vec()
    }

    /// A server at an address, answering.
    fn server_at(&self, address: &str) -> Up {
        let mut command = self.here.serving("server", address, &[]);
        command.args(self.places()).envs(self.s3.settings());
        Starting::of(command, &self.here).answering()
    }

    /// A second server, with the key of the first one.
    fn second_server(&self) -> Up {
        let data = self.here.path("second");
        let first = self.here.path("data");
        let copied = Command::new("cp").arg("-r").arg(&first).arg(&data).status();
        assert!(copied.expect("cp starts").success());
        let mut command = self
            .here
            .command(&["server", "--listen", "127.0.0.1:0", "--data"]);
        command
            .arg(data)
            .args(self.places())
            .envs(self.s3.settings());
        Starting::of(command, &self.here).answering()
    }

    /// A scheduler, which may not have begun yet.
    fn scheduler(&self) -> Process {
        let number = self.schedulers.replace(self.schedulers.get() + 1);
        let name = format!("scheduler-{number}");
        let mut command = self.here.command(&["scheduler", "--name", &name]);
        command.args(self.places()).envs(self.s3.settings());
        Process::start(command, self.here.path(&format!("{name}.log")))
    }

    /// A worker that goes through the server.
    fn worker(&self, server: &Up, name: &str, token: &Path) -> Process {
        let command = self.worker_command(server.url(), name, token);
        Process::start(command, self.here.path(&format!("{name}.log")))
    }

    fn worker_command(&self, url: &str, name: &str, token: &Path) -> Command {
        let mut command = self.here.command(&["worker", "--name", name, "--url", url]);
        command.args(["--slots", "8", "--token-file"]).arg(token);
        command.arg("--data").arg(self.here.path(name));
        command
    }

    /// Redis forgets everything.
    fn flush(&self) {
        tell(&self.redis, "FLUSHALL");
    }

    /// What Redis says to a command.
    fn ask_redis(&self, command: &str) -> String {
        ask(&self.redis, command)
    }

    /// Another Redis that has what this one has, up to now and no further.
    fn stale_copy(&self) -> Redis {
        let copy = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", self.redis.port)]);
        until("the copy is whole", || {
            ask(&copy, "INFO replication").contains("master_link_status:up")
        });
        tell(&copy, "REPLICAOF NO ONE");
        copy
    }

    /// Postgres ends every session of this database.
    fn end_sessions(&self) {
        let ended = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", "--command"])
            .arg("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            .arg(&self.database)
            .output()
            .expect("psql comes with Postgres");
        assert!(ended.status.success(), "{ended:?}");
    }
}

/// Tells a Redis to do something.
fn tell(redis: &Redis, command: &str) {
    let answer = ask(redis, command);
    assert!(answer.starts_with("+OK"), "{command}: {answer}");
}

/// What a Redis says to a command.
fn ask(redis: &Redis, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).expect("Redis listens");
    let commands = format!("{command}\r\nQUIT\r\n");
    stream.write_all(commands.as_bytes()).expect("it reads");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("it answers");
    said
}
