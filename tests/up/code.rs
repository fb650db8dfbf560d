//! Compiled code: made once for all workers, and loaded for its signature alone.

use crate::{
    installation::{Installation, Up},
    redis::server::free_port,
    workers::{LONG_DAG, Worker, control, deploy_long, token},
};
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
};

/// How many files the tasks of [`LONG_DAG`] run.
const FILES: u64 = 2;

/// Where a worker's code came from.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    compiled: u64,
    fetched: u64,
}

/// A worker that says how it fares.
struct Shown {
    worker: Worker,
    page: String,
    log: PathBuf,
}

impl Shown {
    fn start(installation: &Installation, up: &Up, name: &str, more: &[&str]) -> Self {
        let token = token(installation, up, "worker");
        let page = format!("127.0.0.1:{}", free_port());
        let more = [&["--status", &page], more].concat();
        Self {
            worker: Worker::start_with(installation, up, name, &token, &more),
            log: installation.path(&format!("{name}.log")),
            page,
        }
    }

    /// The metrics of its page, and all that it printed.
    fn end(self) -> (Found, String) {
        let value = |name: &str| figure(&self.page, name);
        let found = Found {
            compiled: value("weft_worker_compile_cache_misses_total"),
            fetched: value("weft_worker_compile_cache_fetched_total"),
        };
        assert!(self.worker.terminate().success());
        let said = fs::read_to_string(self.log).expect("it said something");
        (found, said)
    }
}

/// A figure that a worker's page shows.
pub(crate) fn figure(page: &str, name: &str) -> u64 {
    let mut stream = TcpStream::connect(page).expect("it listens");
    write!(stream, "GET /metrics HTTP/1.0\r\nhost: {page}\r\n\r\n").expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let line = answer.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|value| value.trim().parse().ok());
    value.unwrap_or_else(|| panic!("{name} is not in\n{answer}"))
}

/// One run to its end, by the only worker.
fn run(installation: &Installation, up: &Up) {
    let said = installation.client(up, &["runs", "trigger", "long", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn no_worker_compiles_what_was_deployed() {
    let installation = Installation::new();
    let up = control(&installation);
    deploy_long(&installation, &up, LONG_DAG);
    for name in ["first", "second"] {
        let worker = Shown::start(&installation, &up, name, &[]);
        run(&installation, &up);
        let (found, said) = worker.end();
        let once_for_all = Found {
            compiled: 0,
            fetched: FILES,
        };
        assert_eq!(found, once_for_all, "{said}");
    }
}

#[test]
fn a_worker_loads_no_code_of_an_untrusted_key() {
    let installation = Installation::new();
    let up = control(&installation);
    deploy_long(&installation, &up, LONG_DAG);
    let own = Found {
        compiled: FILES,
        fetched: 0,
    };
    let other = format!("ed25519:{}", "7".repeat(64));
    let worker = Shown::start(&installation, &up, "pinned", &["--code-key", &other]);
    run(&installation, &up);
    let (found, said) = worker.end();
    assert_eq!(found, own, "{said}");
    assert!(said.contains(&format!("{other} is trusted")), "{said}");
    let worker = Shown::start(&installation, &up, "alone", &["--compile-here"]);
    run(&installation, &up);
    let (found, said) = worker.end();
    assert_eq!(found, own, "{said}");
    let odd = installation
        .command(&["worker", "--code-key", "ed25519:77"])
        .output();
    let odd = odd.expect("wfctl starts");
    let said = String::from_utf8_lossy(&odd.stderr);
    assert_eq!(odd.status.code(), Some(2), "{said}");
    assert!(said.contains("64 hexadecimal digits"), "{said}");
}
