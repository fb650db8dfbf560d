//! The load of a thousand workers on one Redis: at rest, and with so many tasks an hour.
//!
//! Starts its own `redis-server`. Workers are handles of the broker in this
//! process, each with a connection that waits and its own renewals, as a worker
//! has them; a task is a pause of a second. Everything but the sandbox and the
//! database is the real thing. Prints one JSON line for each figure.

use std::{
    collections::HashMap,
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{interval, sleep, timeout},
};
use weft_broker::{
    AttemptKey, Claim, Dispatch, HeldClaim, Notice, Report, SchedulerBroker as _,
    WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key, report},
};
use weft_broker_redis::{Options, Redis, RedisScheduler, RedisWorker};

const WORKERS: u32 = 1_000;
/// Attempts that each runs at once.
const SLOTS: u32 = 16;
/// How long a task takes.
const TASK: Duration = Duration::from_secs(1);
/// How long each load is measured, after as long again to become steady.
const SPAN: Duration = Duration::from_secs(10);
/// Tasks an hour.
const LOADS: [u32; 3] = [0, 1_000_000, 10_000_000];
/// Between two publishings: a scheduler under load commits about so often.
const TURN: Duration = Duration::from_millis(5);
/// How long the server may take to begin.
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    process: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill() {
            eprintln!("redis-server could not be ended: {error}");
        }
    }
}

/// What the load is measured by.
#[derive(Default)]
struct Seen {
    published: Mutex<HashMap<AttemptKey, Instant>>,
    /// From publishing to the claim's return.
    pickups: Mutex<Vec<Duration>>,
    finished: AtomicU32,
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|arg| arg == "--list") {
        return;
    }
    let server = start();
    let redis = connect(&server.url).await;
    let scheduler = Arc::new(
        redis
            .scheduler(1)
            .await
            .expect("no other scheduler is there"),
    );
    let seen = Arc::new(Seen::default());
    let mut tasks = JoinSet::new();
    for number in 0..WORKERS {
        let worker = Arc::new(redis.worker());
        let name: Arc<str> = format!("worker-{number}").into();
        tasks.spawn(work(worker, name, Arc::clone(&seen)));
    }
    tasks.spawn(settle(Arc::clone(&scheduler), Arc::clone(&seen)));
    let probe = Probe(server.process.id());
    let mut next = 0;
    for an_hour in LOADS {
        let mut clock = interval(TURN);
        let begun = Instant::now();
        let (mut published, mut measured) = (0, None);
        while begun.elapsed() < 2 * SPAN {
            clock.tick().await;
            let due = share(begun.elapsed(), an_hour);
            if due > published {
                publish(&scheduler, &seen, next..next + (due - published)).await;
                next += due - published;
                published = due;
            }
            if measured.is_none() && begun.elapsed() >= SPAN {
                seen.pickups.lock().expect("no thread panics").clear();
                let finished = seen.finished.load(Ordering::Relaxed);
                measured = Some((Instant::now(), probe.cpu(), finished));
            }
        }
        let (since, cpu, finished) = measured.expect("half of the time has passed");
        let took = since.elapsed().as_secs_f64();
        let finished = seen.finished.load(Ordering::Relaxed) - finished;
        print(
            an_hour,
            "a core for Redis",
            "%",
            (probe.cpu() - cpu) / took * 100.0,
        );
        if an_hour > 0 {
            print(an_hour, "tasks", "1/s", f64::from(finished) / took);
            let mut pickups = std::mem::take(&mut *seen.pickups.lock().expect("no thread panics"));
            pickups.sort();
            let at = |thousandth: usize| pickups[pickups.len() * thousandth / 1_000].as_secs_f64();
            print(an_hour, "pickup, median", "ms", at(500) * 1e3);
            print(an_hour, "pickup, 99th percentile", "ms", at(990) * 1e3);
        }
    }
    print(0, "Redis' memory", "MB", probe.memory_mb());
}

/// How many tasks are due by then.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some hundred thousand"
)]
fn share(elapsed: Duration, an_hour: u32) -> u32 {
    (elapsed.as_secs_f64() * f64::from(an_hour) / 3_600.0) as u32
}

fn print(an_hour: u32, name: &str, unit: &str, median: f64) {
    let load = match an_hour {
        0 => "idle".to_owned(),
        many => format!("{many} tasks an hour"),
    };
    println!(
        "{}",
        serde_json::json!({
            "figure": format!("broker: {WORKERS} workers, {load}: {name}"),
            "unit": unit,
            "median": median,
        })
    );
}

async fn publish(scheduler: &RedisScheduler, seen: &Seen, numbers: std::ops::Range<u32>) {
    let template = dispatch(0, "default", 0);
    let dispatches: Vec<Dispatch> = numbers
        .map(|number| Dispatch {
            key: key(number),
            ..template.clone()
        })
        .collect();
    let now = Instant::now();
    {
        let mut published = seen.published.lock().expect("no thread panics");
        published.extend(dispatches.iter().map(|dispatch| (dispatch.key, now)));
    }
    scheduler.publish(dispatches).await.expect("there is room");
}

/// Confirms what has ended, for ever.
async fn settle(scheduler: Arc<RedisScheduler>, seen: Arc<Seen>) {
    loop {
        let notices = scheduler.receive(512).await.expect("answered");
        let ended: Vec<AttemptKey> = notices
            .into_iter()
            .filter_map(|notice| match notice {
                Notice::Finished(report) => Some(report.key),
                _other => None,
            })
            .collect();
        scheduler.confirm(&ended).await.expect("confirmed");
        let count = u32::try_from(ended.len()).expect("few");
        seen.finished.fetch_add(count, Ordering::Relaxed);
    }
}

/// One worker, for ever.
async fn work(worker: Arc<RedisWorker>, name: Arc<str>, seen: Arc<Seen>) {
    let info = WorkerInfo {
        id: Arc::clone(&name),
        queues: vec!["default".into()],
        slots: SLOTS,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    let terms = worker.register(&info, &[]).await.expect("registered");
    let template = report(0, &name);
    let (ended, mut endings) = mpsc::unbounded_channel::<AttemptKey>();
    let mut renewals = interval(terms.renew_every);
    let mut held: Vec<AttemptKey> = Vec::new();
    loop {
        let room = SLOTS - u32::try_from(held.len()).expect("few");
        tokio::select! {
            claims = worker.claim(room), if room > 0 => {
                for claim in claims.expect("claimed") {
                    held.push(began(&claim, &seen));
                    let (ended, key) = (ended.clone(), claim.dispatch.key);
                    tokio::spawn(async move {
                        sleep(TASK).await;
                        ended.send(key).expect("the worker goes on for ever");
                    });
                }
            }
            Some(key) = endings.recv() => {
                held.retain(|other| *other != key);
                let report = Report { key, ..template.clone() };
                worker.report(vec![report]).await.expect("taken");
            }
            confirmed = worker.signals(64) => drop(confirmed.expect("answered")),
            _ = renewals.tick() => {
                let claims: Vec<HeldClaim> = held.iter().copied().map(HeldClaim::from).collect();
                let lost = worker.renew(&claims).await.expect("renewed");
                assert!(lost.is_empty(), "a lease ran out: the machine is too slow for this");
            }
        }
    }
}

fn began(claim: &Claim, seen: &Seen) -> AttemptKey {
    let key = claim.dispatch.key;
    let published = seen
        .published
        .lock()
        .expect("no thread panics")
        .remove(&key);
    let pickup = published.expect("it was published").elapsed();
    seen.pickups.lock().expect("no thread panics").push(pickup);
    key
}

/// What the server's process takes, as the kernel tells.
struct Probe(u32);

impl Probe {
    /// Seconds of one core, since it began. Linux counts a hundred ticks a second.
    fn cpu(&self) -> f64 {
        let text = self.read("stat");
        // The name is in parentheses, and may contain anything.
        let (_, fields) = text.rsplit_once(')').expect("stat has a name");
        let times = fields.split_whitespace().skip(11).take(2);
        times
            .map(|ticks| ticks.parse::<f64>().expect("ticks are a number"))
            .sum::<f64>()
            / 100.0
    }

    fn memory_mb(&self) -> f64 {
        let text = self.read("statm");
        let pages = text.split_whitespace().nth(1).expect("statm has fields");
        pages.parse::<f64>().expect("pages are a number") * 4096.0 / 1e6
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0)).expect("the server runs")
    }
}

fn start() -> Server {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
        .to_string();
    let process = Command::new("redis-server")
        .args(["--port", &port, "--save", "", "--bind", "127.0.0.1"])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed ('cargo xtask setup')");
    let url = format!("redis://127.0.0.1:{port}");
    Server { process, url }
}

async fn connect(url: &str) -> Arc<Redis> {
    let tried = async {
        loop {
            if let Ok(redis) = Redis::connect(url, Options::default()).await {
                return redis;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, tried)
        .await
        .expect("redis-server answers")
}
