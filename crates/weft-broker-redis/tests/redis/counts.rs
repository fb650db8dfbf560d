//! How many scripts and commands Redis executes for an attempt, from its publishing to its
//! confirmation. The counts hold on every machine, so a change that adds to them fails here. What
//! it adds for a reason goes into the bounds.

use crate::{command::command, crew::options, server::Server};
use redis::Value;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use weft_broker::{
    AttemptKey, Dispatch, Notice, Report, SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key, report},
};
use weft_broker_redis::{Bounds, Options, Redis, RedisScheduler};

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Until a claim is known to wait.
const PAUSE: Duration = Duration::from_millis(20);

/// Scripts and commands of a server since it was last asked.
async fn counts(server: &Server) -> (f64, f64) {
    let url = server.url();
    let info = command(&url, &["INFO", "commandstats"]).await.unwrap();
    let Value::VerbatimString { text, .. } = &info else {
        let Value::BulkString(bytes) = info else {
            panic!("{info:?}")
        };
        let counted = count(&String::from_utf8(bytes).unwrap());
        command(&url, &["CONFIG", "RESETSTAT"]).await.unwrap();
        return counted;
    };
    let counted = count(text);
    command(&url, &["CONFIG", "RESETSTAT"]).await.unwrap();
    counted
}

/// Counts the lines `cmdstat_xadd:calls=4,...`.
fn count(text: &str) -> (f64, f64) {
    let (mut scripts, mut commands) = (0.0, 0.0);
    for line in text.lines() {
        let Some((name, rest)) = line
            .strip_prefix("cmdstat_")
            .and_then(|line| line.split_once(":calls="))
        else {
            continue;
        };
        let calls: f64 = rest.split(',').next().unwrap().parse().unwrap();
        match name {
            "evalsha" | "eval" => scripts += calls,
            // Those of a connection.
            "info" | "config|resetstat" | "client|setinfo" | "hello" | "ping" => {}
            _ => commands += calls,
        }
    }
    (scripts, commands)
}

/// Reads notices until all these attempts have finished.
async fn receive_reports(scheduler: &RedisScheduler, mut missing: Vec<AttemptKey>) {
    while !missing.is_empty() {
        let notices = timeout(PATIENCE, scheduler.receive(1_000)).await;
        for notice in notices.expect("a notice comes").unwrap() {
            if let Notice::Finished(report) = notice {
                missing.retain(|key| *key != report.key);
            }
        }
    }
}

/// A worker that reports what it claims, and a scheduler.
async fn connect(server: &Server, slots: u32) -> RedisScheduler {
    let options = Options {
        bounds: Bounds::default(),
        ..options()
    };
    let namespace = options.namespace.clone();
    let redis = Redis::connect(&server.url(), options).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let worker = std::sync::Arc::new(redis.worker());
    let info = WorkerInfo {
        id: "one".into(),
        queues: vec!["default".into()],
        slots,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    };
    worker.register(&info, &[]).await.unwrap();
    let (claimed, mut to_report) = mpsc::unbounded_channel();
    let claiming = worker.clone();
    tokio::spawn(async move {
        while let Ok(claims) = claiming.claim(slots).await {
            claimed.send(claims).unwrap();
        }
    });
    let signalled = worker.clone();
    tokio::spawn(async move { while signalled.signals(100).await.is_ok() {} });
    tokio::spawn(async move {
        while let Some(claims) = to_report.recv().await {
            let reports = claims.iter().map(|claim| Report {
                key: claim.dispatch.key,
                ..report(0, "one")
            });
            let reports = reports.collect();
            worker.report(reports).await.unwrap();
        }
    });
    let waiting = format!("{{{namespace}:0}}:waiting:default");
    let waits = async {
        while command(&server.url(), &["SCARD", &waiting]).await.unwrap() != Value::Int(1) {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, waits)
        .await
        .expect("the first claim waits");
    scheduler
}

#[tokio::test]
async fn a_lone_attempt_takes_few_scripts_and_commands() {
    const ATTEMPTS: u32 = 100;
    let server = Server::start(&[]);
    let scheduler = connect(&server, 4).await;
    counts(&server).await;
    let mut before: Vec<AttemptKey> = Vec::new();
    for number in 0..ATTEMPTS {
        let next = vec![dispatch(number, "default", 0)];
        let (published, confirmed) = scheduler.publish_and_confirm(next, &before).await;
        published.unwrap();
        confirmed.unwrap();
        before = vec![key(number)];
        receive_reports(&scheduler, before.clone()).await;
    }
    let (scripts, commands) = counts(&server).await;
    let [scripts, commands] = [scripts, commands].map(|count| count / f64::from(ATTEMPTS));
    println!("a lone attempt: {scripts} scripts, {commands} commands");
    // What a second adds, such as the scheduler's tick, is more on a slow machine.
    assert!(scripts < 3.3 && commands < 70.0, "{scripts}, {commands}");
}

#[tokio::test]
async fn many_attempts_share_commands() {
    const ATTEMPTS: u32 = 4_000;
    let server = Server::start(&[]);
    let scheduler = connect(&server, 64).await;
    counts(&server).await;
    let all: Vec<Dispatch> = (0..ATTEMPTS)
        .map(|number| dispatch(number, "default", 0))
        .collect();
    let keys: Vec<AttemptKey> = (0..ATTEMPTS).map(key).collect();
    scheduler.publish(all).await.unwrap();
    receive_reports(&scheduler, keys.clone()).await;
    scheduler.confirm(&keys).await.unwrap();
    let (scripts, commands) = counts(&server).await;
    let [scripts, commands] = [scripts, commands].map(|count| count / f64::from(ATTEMPTS));
    println!("one of many attempts: {scripts} scripts, {commands} commands");
    assert!(scripts < 0.1 && commands < 2.6, "{scripts}, {commands}");
}
