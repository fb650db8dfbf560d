//! How many attempts a second go from a scheduler through Redis to a worker and
//! back, and how long one takes from its publishing to its claim:
//! `cargo bench -p weft-broker-redis --bench redis`. Starts its own `redis-server`.
//!
//! Everything is on one machine; each attempt is published, claimed, noticed as
//! started, reported, noticed as finished, confirmed, and its confirmation taken.
//! The scheduler confirms what it received in one call, the worker reports what
//! it claimed in one: as the real ones do under load. Besides the times it says what Redis
//! itself did for each attempt: its commands, those of scripts included, which don't depend
//! on the machine, and its own time.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::join;
use weft_broker::{
    Claim, Dispatch, Notice, Report, SchedulerBroker, Signal, WorkerBroker, WorkerInfo,
    conformance::{dispatch, report},
};
use weft_broker_redis::{Options, Redis, RedisScheduler, RedisWorker};

/// Attempts in one measurement.
const ATTEMPTS: u32 = 100_000;
/// Attempts that are published ahead.
const AHEAD: u32 = 512;
/// Single attempts whose way is timed.
const SINGLES: u32 = 3_000;
/// Tries to reach the server that has just been started.
const TRIES: u32 = 500;

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

#[tokio::main]
async fn main() {
    let (server, redis) = start().await;
    let scheduler = redis
        .scheduler(1)
        .await
        .expect("no other scheduler is there");
    let worker = redis.worker();
    let info = WorkerInfo {
        id: "worker".into(),
        queues: vec!["default".into()],
        slots: AHEAD,
        prefetch: AHEAD,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.expect("registered");
    let template = Template {
        dispatch: dispatch(0, "default", 0),
        report: report(0, "worker"),
    };

    let before = server.effort();
    let begin = Instant::now();
    join!(
        schedule(&scheduler, &template),
        work(&worker, &template),
        listen(&worker, ATTEMPTS)
    );
    let took = begin.elapsed();
    let per_second = f64::from(ATTEMPTS) / took.as_secs_f64();
    println!("{ATTEMPTS} round trips in {took:.2?}: {per_second:.0} a second");
    server.effort().print_since(&before, ATTEMPTS);

    let before = server.effort();
    let mut pickups = Vec::new();
    let mut ways = Vec::new();
    for number in ATTEMPTS..ATTEMPTS + SINGLES {
        let claimed = async {
            let claims = worker.claim(1).await.expect("claimed");
            (claims, Instant::now())
        };
        let published = async {
            // The claim waits before anything is published.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let begin = Instant::now();
            let published = scheduler.publish(vec![template.dispatch(number)]).await;
            published.expect("there is room");
            begin
        };
        let ((claims, at), begin) = join!(claimed, published);
        pickups.push(at - begin);
        worker
            .report(template.reports(&claims))
            .await
            .expect("taken");
        settle(&scheduler).await;
        ways.push(begin.elapsed());
        worker.signals(8).await.expect("confirmed");
    }
    println!("one by one:");
    server.effort().print_since(&before, SINGLES);
    println!("pickup: {}", spread(pickups));
    println!("published to confirmed: {}", spread(ways));
}

/// What a server has done since it began.
struct Effort {
    commands: f64,
    /// Of its processor, in seconds.
    time: f64,
}

impl Effort {
    fn print_since(&self, before: &Self, attempts: u32) {
        let each = |now: f64, before: f64| (now - before) / f64::from(attempts);
        let commands = each(self.commands, before.commands);
        let time = each(self.time, before.time) * 1e6;
        println!("for each of them {commands:.1} commands of Redis, which took {time:.1} us");
    }
}

impl Server {
    fn effort(&self) -> Effort {
        let client = redis::Client::open(&*self.url).expect("an address");
        let mut connection = client.get_connection().expect("it answers");
        let mut info = redis::cmd("INFO");
        info.arg("commandstats").arg("cpu");
        let said: String = info.query(&mut connection).expect("it answers");
        // Lines of numbers after each of these names.
        let sum = |name: &str| -> f64 {
            let numbers = said.lines().filter_map(|line| line.split_once(name));
            let numbers = numbers.map(|(_of, rest)| rest.split(',').next().unwrap_or(rest));
            numbers
                .filter_map(|figure| figure.trim().parse::<f64>().ok())
                .sum()
        };
        Effort {
            commands: sum(":calls="),
            time: sum("used_cpu_user:") + sum("used_cpu_sys:"),
        }
    }
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| times[times.len() * part / 1000];
    format!("median {:?}, 99th percentile {:?}", at(500), at(990))
}

async fn start() -> (Server, Arc<Redis>) {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port();
    let child = Command::new("redis-server")
        .args([
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--bind",
            "127.0.0.1",
        ])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is installed ('cargo xtask setup')");
    let server = Server {
        process: child,
        url: format!("redis://127.0.0.1:{port}"),
    };
    for _ in 0..TRIES {
        if let Ok(redis) = Redis::connect(&server.url, Options::default()).await {
            return (server, redis);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("redis-server does not answer");
}

struct Template {
    dispatch: Dispatch,
    report: Report,
}

impl Template {
    fn dispatch(&self, number: u32) -> Dispatch {
        Dispatch {
            key: weft_broker::conformance::key(number),
            ..self.dispatch.clone()
        }
    }

    fn reports(&self, claims: &[Claim]) -> Vec<Report> {
        claims
            .iter()
            .map(|claim| Report {
                key: claim.dispatch.key,
                ..self.report.clone()
            })
            .collect()
    }
}

async fn schedule(scheduler: &RedisScheduler, template: &Template) {
    let (mut published, mut settled) = (0, 0);
    while settled < ATTEMPTS {
        let next = ATTEMPTS.min(settled + AHEAD);
        if published < next {
            let dispatches = (published..next)
                .map(|number| template.dispatch(number))
                .collect();
            scheduler.publish(dispatches).await.expect("there is room");
            published = next;
        }
        settled += settle(scheduler).await;
    }
}

/// Receives once and confirms what ended; how many did.
async fn settle(scheduler: &RedisScheduler) -> u32 {
    let mut ended = Vec::new();
    while ended.is_empty() {
        let notices = scheduler.receive(512).await.expect("answered");
        ended.extend(notices.into_iter().filter_map(|notice| match notice {
            Notice::Finished(report) => Some(report.key),
            Notice::Started { .. }
            | Notice::Expired { .. }
            | Notice::Released { .. }
            | Notice::Demand => None,
        }));
    }
    scheduler.confirm(&ended).await.expect("confirmed");
    u32::try_from(ended.len()).expect("few")
}

async fn work(worker: &RedisWorker, template: &Template) {
    let mut reported = 0;
    while reported < ATTEMPTS {
        let claims = worker.claim(64).await.expect("claimed");
        reported += u32::try_from(claims.len()).expect("few");
        worker
            .report(template.reports(&claims))
            .await
            .expect("taken");
    }
}

async fn listen(worker: &RedisWorker, count: u32) {
    let mut confirmed = 0;
    while confirmed < count {
        for signal in worker.signals(1024).await.expect("answered") {
            assert!(matches!(signal, Signal::Confirmed(_)));
            confirmed += 1;
        }
    }
}
