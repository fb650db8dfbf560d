//! A task that takes its worker down each time: it is found among the innocent that
//! ran beside it, fails, and is in quarantine until somebody lifts that.
//!
//! What takes the worker down is the test, in the task's place: it hears that the task has started, since the
//! task asks it something, and never answers.

use super::{Cluster, process::Process};
use crate::{
    installation::{Installation, Up, computing},
    ledger::Ledger,
    patience::until,
    workers::token,
};
use rustix::process::Signal;
use serde_json::Value;
use std::{
    array,
    io::{BufRead as _, BufReader, Write as _},
    iter::Cycle,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::mpsc,
    thread,
};

/// So many deaths are enough for a verdict, and one is needed to tell the suspects apart.
const DEATHS: usize = 4;
/// Instances beside the bad task, which only write into the ledger.
const NOTES: u64 = 50;

/// A second or so, on a quiet machine.
const SLOW: u64 = 3_000_000_000;

/// Where the bad task asks: each question is recorded, and answered only if the test does so.
struct Trap {
    address: SocketAddr,
    questions: mpsc::Receiver<TcpStream>,
}

impl Trap {
    fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (tell, questions) = mpsc::channel();
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                let read = BufReader::new(&stream).read_line(&mut line);
                if read.is_ok_and(|bytes| bytes > 0) && tell.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { address, questions }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the task has started.
    fn sprung(&self) -> TcpStream {
        let patience = std::time::Duration::from_mins(1);
        self.questions
            .recv_timeout(patience)
            .expect("the bad task starts")
    }
}

fn manifest(trap: &Trap, ledger: &Ledger) -> String {
    let (trap, ledger) = (trap.origin(), ledger.origin());
    let component = "component = \"guest_ledger.wasm\"\nretries = 5\n";
    format!(
        "[dag]\nid = \"mixed\"\nmax_active_runs = 4\n\n\
         [tasks.bad]\n{component}task = \"note\"\ngrants = {{ http = [\"{trap}\"] }}\n\
         inputs = {{ ledger = {{ value = \"{trap}\" }}, n = {{ value = 1 }} }}\n\n\
         [tasks.after_bad]\nprogram = \"busy.wasm\"\nafter = [\"bad\"]\n\n\
         [tasks.slow]\nprogram = \"slow.wasm\"\n\n\
         [tasks.slower]\nprogram = \"slow.wasm\"\nafter = [\"slow\"]\n\n\
         [tasks.numbers]\n{component}grants = {{ http = [\"{ledger}\"] }}\n\
         inputs = {{ ledger = {{ value = \"{ledger}\" }}, count = {{ value = {NOTES} }} }}\n\n\
         [tasks.note]\n{component}grants = {{ http = [\"{ledger}\"] }}\n\
         inputs = {{ ledger = {{ value = \"{ledger}\" }} }}\nexpand = {{ n = \"numbers\" }}\n"
    )
}

fn deploy(here: &Installation, server: &Up, trap: &Trap, ledger: &Ledger) {
    let policy = format!(
        "[http]\nallow = [\"{}\", \"{}\"]\n\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n",
        ledger.origin(),
        trap.origin()
    );
    let work = here.path("work");
    std::fs::write(work.join("policy.toml"), policy).expect("there is room");
    std::fs::write(work.join("slow.wasm"), computing(SLOW)).expect("there is room");
    let busy = crate::installation::busy();
    std::fs::write(work.join("busy.wasm"), busy).expect("there is room");
    let said = here.client(server, &["policy", "set", "policy.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = here.deploy_with(server, "guest_ledger", &manifest(trap, ledger));
    assert_eq!(said.code, Some(0), "{said:?}");
}

/// A worker that is started again whenever it dies, as by a supervisor.
struct Supervised<'a> {
    cluster: &'a Cluster,
    server: &'a Up,
    token: PathBuf,
    process: Option<Process>,
    /// What it dies of next, and then.
    signals: Cycle<array::IntoIter<Signal, 2>>,
}

impl Supervised<'_> {
    fn dies_and_comes_back(&mut self) {
        if let Some(process) = self.process.take() {
            process.crash(self.signals.next().expect("there is always one more"));
        }
        self.process = Some(self.cluster.worker(self.server, "one", &self.token));
    }
}

fn state(run: &Value) -> &str {
    run["state"].as_str().expect("a run has a state")
}

#[test]
fn a_task_that_kills_its_workers_is_found_and_the_others_go_on() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let server = cluster.server_at("127.0.0.1:0");
    let _scheduler = cluster.scheduler();
    let (trap, ledger) = (Trap::set(), Ledger::open());
    until("a scheduler is heard of", || server.api().is_ready());
    deploy(here, &server, &trap, &ledger);
    let mut worker = Supervised {
        cluster: &cluster,
        server: &server,
        token: token(here, &server, "worker"),
        process: None,
        signals: [Signal::ABORT, Signal::SEGV].into_iter().cycle(),
    };
    worker.dies_and_comes_back();
    let api = server.api();
    let run = here.trigger(&server, "mixed");
    let show = |run: &str, task: &str| api.get(&format!("/runs/{run}/tasks/{task}/0"));

    let mut deaths = 0;
    while show(&run, "bad")["state"] != "failed" {
        let question = trap.sprung();
        worker.dies_and_comes_back();
        drop(question);
        deaths += 1;
        assert!(deaths <= DEATHS + 1, "it is found by then");
        until("what it died of is known", || {
            let bad = show(&run, "bad");
            bad["state"] == "failed" || bad["attempt"].as_u64() > Some(deaths as u64)
        });
    }
    println!("the bad task failed after {deaths} deaths of the worker");
    let said = here.client(&server, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(1), "its other tasks end as well: {said:?}");
    let bad = show(&run, "bad");
    let (code, message) = (&bad["error"]["code"], bad["error"]["message"].as_str());
    assert_eq!(code, "worker_crashed", "{bad}");
    assert!(
        message.is_some_and(|text| text.matches("one at ").count() == 3),
        "{bad}"
    );
    assert_eq!(show(&run, "after_bad")["state"], "upstream_failed");
    for task in ["slow", "slower", "numbers"] {
        assert_eq!(show(&run, task)["state"], "success", "{task}");
    }
    let counts = &api.get(&format!("/runs/{run}"))["counts"];
    assert_eq!(counts["success"], NOTES + 3, "{counts}");

    // Nothing of it runs any more, and everything else does.
    let next = here.trigger(&server, "mixed");
    let said = here.client(&server, &["runs", "watch", &next]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert_eq!(show(&next, "bad")["error"]["code"], "quarantined");
    assert_eq!(show(&next, "slower")["state"], "success");
    let why = here.client(&server, &["tasks", "why", &next, "bad"]).stdout;
    assert!(why.contains("wfctl dags unquarantine mixed"), "{why}");
    let shown = here.client(&server, &["dags", "show", "mixed"]).stdout;
    assert!(shown.contains("in quarantine"), "{shown}");

    // Somebody has mended what it asked.
    let said = here.client(&server, &["dags", "unquarantine", "mixed"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let shown = here.client(&server, &["dags", "show", "mixed"]).stdout;
    assert!(!shown.contains("in quarantine"), "{shown}");
    let last = here.trigger(&server, "mixed");
    let mut question = trap.sprung();
    question
        .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        .expect("it listens");
    drop(question);
    until("the run ends", || {
        state(&api.get(&format!("/runs/{last}"))) == "success"
    });
}
