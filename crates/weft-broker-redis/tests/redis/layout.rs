//! The layout of the keys in Redis, field by field: schedulers, servers and workers of two
//! versions work on the same keys, so the layout that one of them writes is the one that the other
//! reads.
//!
//! `layout-1.txt` is what the first version writes. Scripts of the version
//! before ignore additional fields, so these may be added (`WEFT_UPDATE_RELEASED=1`); any other
//! change needs another layout, whose number is in `meta`, and a version between that reads both.

use crate::{command::command, crew::options, server::Server};
use redis::Value;
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::Arc, time::Duration};
use weft_broker::{
    LeaseTerms, OperatorBroker as _, SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key, report},
};
use weft_broker_redis::{Options, Redis};

/// Of the keys; the present scheduler reads its notices, and deletes them, all the time.
const UNSTEADY: &str = "notices:2";

fn worker(id: &str, slots: u32) -> WorkerInfo {
    WorkerInfo {
        id: id.into(),
        queues: vec!["ssd".into(), "default".into()],
        slots,
        prefetch: 0,
        memory_bytes: Some(1 << 30),
        labels: vec![("zone".to_owned(), "north".to_owned())],
    }
}

/// Leaves something under each key.
async fn work(redis: &Arc<Redis>) {
    let first = redis.scheduler(1).await.unwrap();
    let stays = redis.worker();
    let info = worker("stays", 3);
    stays.register(&info, &[]).await.unwrap();
    let queued = (1..=5)
        .map(|number| dispatch(number, "default", 5))
        .collect();
    first.publish(queued).await.unwrap();
    assert_eq!(stays.claim(1).await.unwrap().len(), 1);
    // What has no reader any more stays.
    drop(first);
    stays.register(&info, &[key(1).into()]).await.unwrap();
    assert_eq!(stays.claim(2).await.unwrap().len(), 2);
    stays
        .report(vec![report(1, "stays"), report(2, "stays")])
        .await
        .unwrap();
    let leaves = redis.worker();
    leaves.register(&worker("leaves", 1), &[]).await.unwrap();
    assert_eq!(leaves.claim(1).await.unwrap().len(), 1);
    leaves.leave().await.unwrap();
    drop((stays, leaves));
    let second = redis.scheduler(2).await.unwrap();
    second.revoke(&[key(3)]).await.unwrap();
    second.confirm(&[key(1)]).await.unwrap();
    assert!(redis.drain("stays").await.unwrap());
}

/// A claim waits, and an attempt is pushed to it.
async fn wait(redis: &Arc<Redis>, url: &str) -> BTreeSet<String> {
    let second = redis.scheduler(2).await.unwrap();
    let waits = redis.worker();
    let info = WorkerInfo {
        queues: vec!["idle".into()],
        ..worker("waits", 1)
    };
    waits.register(&info, &[]).await.unwrap();
    let pushed = async {
        while items(&command(url, &["KEYS", "*:waiting:idle"]).await.unwrap()).is_empty() {}
        let lines = layout(url).await;
        second.publish(vec![dispatch(7, "idle", 0)]).await.unwrap();
        lines
    };
    let (claims, mut lines) = tokio::join!(waits.claim(1), pushed);
    assert_eq!(claims.unwrap().len(), 1);
    lines.append(&mut layout(url).await);
    lines
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        other => panic!("{other:?} is no list"),
    }
}

/// What is said of limits, whose defaults may be others, is tested with the messages.
fn without_limits(part: &str) -> String {
    match part.split_once("\"limits\":{") {
        Some((before, rest)) => {
            let (_limits, after) = rest.split_once('}').unwrap();
            format!("{before}\"limits\":{{}}{after}")
        }
        None => part.to_owned(),
    }
}

/// Times, names that were drawn, and entries of streams, which are others each time, as '#'.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_drawn = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let end = rest.find(|c| !is_drawn(c)).unwrap_or(rest.len());
        if end >= 10 {
            steady.push('#');
            rest = &rest[end..];
            let number = rest.strip_prefix('-').unwrap_or(rest);
            if number.len() < rest.len() {
                rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
            }
        } else {
            let next = rest[end..]
                .chars()
                .next()
                .map_or(end, |c| end + c.len_utf8());
            steady.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    steady
}

/// What names a claim that waits, how long something waited for it, and what a slow machine left
/// out of the time are others each time.
fn without_claim(part: &str) -> String {
    if part.starts_with("asks = ") {
        return "asks = #".to_owned();
    }
    if part.starts_with("offset = ") {
        return "offset = #".to_owned();
    }
    let mut words: Vec<&str> = part.split(' ').collect();
    if words[0] == "h" {
        words[2] = "#";
        words[4] = "#";
    }
    words.join(" ")
}

/// Every key with what it holds, a line for each part.
async fn layout(url: &str) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let keys = command(url, &["KEYS", "*"]).await.unwrap();
    for key in items(&keys) {
        let name = text(key);
        if name.ends_with(UNSTEADY) {
            continue;
        }
        let kind = text(&command(url, &["TYPE", &name]).await.unwrap());
        let ask: &[&str] = match &*kind {
            "string" => &["GET", &name],
            "hash" => &["HGETALL", &name],
            "set" => &["SMEMBERS", &name],
            "zset" => &["ZRANGE", &name, "0", "-1"],
            "stream" => &["XRANGE", &name, "-", "+"],
            other => panic!("{name} is a {other}"),
        };
        let held = command(url, ask).await.unwrap();
        let mut add = |part: &str| {
            let part = without_claim(&without_limits(part));
            lines.insert(format!("{kind} {} {}", steady(&name), steady(&part)));
        };
        match &*kind {
            "string" => add(&text(&held)),
            "hash" => {
                for pair in items(&held).chunks(2) {
                    add(&format!("{} = {}", text(&pair[0]), text(&pair[1])));
                }
            }
            "stream" => {
                for entry in items(&held) {
                    let mut said = String::new();
                    for word in items(&items(entry)[1]) {
                        write!(said, "{} ", text(word)).unwrap();
                    }
                    add(said.trim_end());
                }
            }
            _ => items(&held).iter().for_each(|member| add(&text(member))),
        }
    }
    lines
}

#[tokio::test]
async fn the_layout_is_the_one_of_the_first_version() {
    let server = Server::start(&[]);
    let options = Options {
        namespace: "layout".into(),
        // Nothing ends meanwhile, or is noticed again.
        terms: LeaseTerms {
            lease: Duration::from_mins(5),
            renew_every: Duration::from_mins(1),
        },
        redeliver_every: Duration::from_mins(5),
        ..options()
    };
    let redis = Redis::connect(&server.url(), options).await.unwrap();
    work(&redis).await;
    let mut lines = layout(&server.url()).await;
    lines.append(&mut wait(&redis, &server.url()).await);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redis/layout-1.txt");
    if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
        let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        fs::write(&file, text).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap();
    let kept: BTreeSet<String> = kept.lines().map(ToOwned::to_owned).collect();
    let gone: Vec<&String> = kept.difference(&lines).collect();
    let new: Vec<&String> = lines.difference(&kept).collect();
    assert!(
        gone.is_empty() && new.is_empty(),
        "gone: {gone:#?}, new: {new:#?}"
    );
}
