//! `kill -9`, again and again, at random moments with hundreds of tasks a second
//! in flight; then everything is held against the ledger that the tasks wrote.
//!
//! What is random follows from one seed, which is printed: `WEFT_TEST_SEED`
//! asks the same again, `WEFT_TEST_KILLS` more or less often.

pub(crate) mod asking;
pub(crate) mod audit;

use crate::{
    api::Api,
    installation::{Installation, Starting, Up},
    ledger::Ledger,
    patience::pass,
};
use asking::Asker;
use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// One in so many lives is ended while it starts.
const EARLY: usize = 5;
/// A start that is cut short is cut within this.
const STARTS_WITHIN_MS: u64 = 300;
/// Lines of the ledger that a life may bring before it is ended.
const LINES: usize = 80;
/// A life that brings no lines for so long hangs.
const PATIENCE: Duration = Duration::from_mins(1);
/// Tasks that end in a second while the process serves, at least, or the kills met too little.
/// It is to be 500 on two quiet cores, and is printed; but a machine that is busy with other
/// things must not fail the test.
const RATE: f64 = 100.0;
/// Tasks at once.
const SLOTS: &str = "32";

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

/// The same installation, started again and again.
struct Storm<'a> {
    installation: &'a Installation,
    ledger: &'a Ledger,
    random: fastrand::Rng,
    /// How long lives served, together.
    served: Duration,
}

impl Storm<'_> {
    fn start(&self) -> Starting {
        self.installation.start(&["--slots", SLOTS])
    }

    /// One life that is ended at some moment of its start.
    fn early(&mut self) {
        let starting = self.start();
        pass(Duration::from_millis(self.random.u64(..STARTS_WITHIN_MS)));
        starting.kill();
    }

    /// One life that serves, with somebody asking for things all the time, and
    /// is ended in the middle of it.
    fn serving(&mut self, asker: &mut Asker) {
        let up = self.start().answering();
        let api = up.api();
        let before = self.ledger.len();
        let lines = self.random.usize(1..=LINES);
        let over = AtomicBool::new(false);
        let began = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| asker.ask(&api, self.ledger, &over));
            assert!(
                self.ledger.wait(before + lines, PATIENCE),
                "no task has run for {PATIENCE:?}"
            );
            // What is asked for now may be answered, or done without an answer, or neither.
            self.served += began.elapsed();
            up.kill();
            over.store(true, Ordering::Relaxed);
        });
    }
}

#[test]
fn kills_lose_nothing_and_double_nothing() {
    let kills = number("WEFT_TEST_KILLS").unwrap_or_else(|| weft_sweeps::KILLS.size());
    let seed = number("WEFT_TEST_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("WEFT_TEST_SEED={seed} asks the same again");
    let installation = Installation::new();
    let ledger = Ledger::open();
    prepare(&installation, &ledger);
    let mut asker = Asker::new(fastrand::Rng::with_seed(seed ^ 1));
    let mut storm = Storm {
        installation: &installation,
        ledger: &ledger,
        random: fastrand::Rng::with_seed(seed),
        served: Duration::ZERO,
    };
    let began = Instant::now();
    let mut early = 0;
    for _ in 0..kills {
        if storm.random.usize(..EARLY) == 0 {
            early += 1;
            storm.early();
        } else {
            storm.serving(&mut asker);
        }
        ledger.next_life();
    }
    let took = began.elapsed();
    let up = storm.start().answering();
    let rate = committed(&up.api()) / storm.served.as_secs_f64();
    println!(
        "{kills} kills in {:.0} s, {early} of them during a start; {rate:.0} tasks/s while it served",
        took.as_secs_f64()
    );
    asker.settle(&up.api());
    let found = audit::end(&installation, &up, &asker, (&ledger, audit::Repeats::Never));
    println!("{found}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    assert!(
        rate >= RATE,
        "only {rate:.0} tasks/s were in flight: the kills met too little"
    );
}

/// How many task instances have succeeded.
fn committed(api: &Api) -> f64 {
    let runs = api.all("/runs");
    let done = runs.iter().map(|run| run["counts"]["success"].as_f64());
    done.map(|count| count.expect("a number")).sum()
}

/// Lets the tasks reach the ledger, and deploys what will run.
fn prepare(installation: &Installation, ledger: &Ledger) {
    let up: Up = installation.up();
    deploy(installation, &up, ledger);
    up.kill();
    ledger.next_life();
}

/// Deploys what will run, and grants it the ledger.
pub(crate) fn deploy(installation: &Installation, up: &Up, ledger: &Ledger) {
    let policy = format!(
        "[http]\nallow = [\"{0}\"]\n\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n",
        ledger.origin()
    );
    let file = installation.path("work").join("policy.toml");
    std::fs::write(&file, policy).expect("there is room");
    let said = installation.client(up, &["policy", "set", "policy.toml"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let sdk = weft_tests::guests::path("guest_sdk");
    std::fs::copy(sdk, installation.path("work").join("guest_sdk.wasm")).expect("there is room");
    for manifest in asking::manifests(&ledger.origin()) {
        let said = installation.deploy_with(up, "guest_ledger", &manifest);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
}
