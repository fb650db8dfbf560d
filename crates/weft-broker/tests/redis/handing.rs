//! What is published while a worker waits is in its inbox, claimed, without another call.

use crate::{
    command::command,
    crew::options,
    server::{self, Server},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    join,
    time::{sleep, timeout},
};
use weft_broker::{
    Dispatch, LeaseTerms, Notice, SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key},
    redis::{Bounds, Options, Redis, RedisScheduler, RedisWorker},
};

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until a claim is known to wait.
const PAUSE: Duration = Duration::from_millis(20);

/// How the kinds of an inbox's entries are shown.
const HANDED: &str = "'\"h\"'";
const WOKEN: &str = "'\"w\"'";

struct Office {
    server: &'static Server,
    namespace: String,
    redis: Arc<Redis>,
    scheduler: RedisScheduler,
}

impl Office {
    async fn open(options: Options) -> Self {
        let server = server::shared();
        let namespace = options.namespace.clone();
        let redis = Redis::connect(&server.url(), options).await.unwrap();
        let scheduler = redis.scheduler(1).await.unwrap();
        Self {
            server,
            namespace,
            redis,
            scheduler,
        }
    }

    async fn worker(&self, id: &str, queues: &[&str], slots: u32) -> RedisWorker {
        let worker = self.redis.worker();
        let info = WorkerInfo {
            id: id.into(),
            queues: queues.iter().map(|queue| Arc::from(*queue)).collect(),
            slots,
            prefetch: 0,
            memory_bytes: None,
            labels: Vec::new(),
        };
        let _terms: LeaseTerms = worker.register(&info, &[]).await.unwrap();
        worker
    }

    async fn ask(&self, words: &[&str]) -> String {
        let answer = command(&self.server.url(), words).await.unwrap();
        format!("{answer:?}")
    }

    /// Everything that stands in a worker's inbox.
    async fn inbox(&self, id: &str) -> String {
        let key = format!("{{{}:0}}:inbox:{id}", self.namespace);
        self.ask(&["XRANGE", &key, "-", "+"]).await
    }

    /// Publishes when so many claims wait in a queue.
    async fn publish_to(&self, waiting: usize, queue: &str, dispatches: Vec<Dispatch>) {
        let key = format!("{{{}:0}}:waiting:{queue}", self.namespace);
        let waits = async {
            while self.ask(&["SCARD", &key]).await != format!("int({waiting})") {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, waits).await.expect("they wait");
        self.scheduler.publish(dispatches).await.unwrap();
    }
}

fn numbers(numbers: impl Iterator<Item = u32>, queue: &str) -> Vec<Dispatch> {
    numbers.map(|number| dispatch(number, queue, 0)).collect()
}

#[tokio::test]
async fn a_claim_that_waits_is_handed_what_is_published() {
    let office = Office::open(options()).await;
    let worker = office.worker("one", &["default"], 4).await;
    let (claims, ()) = join!(
        worker.claim(4),
        office.publish_to(1, "default", numbers(1..3, "default"))
    );
    let claims = claims.unwrap();
    let claimed: Vec<_> = claims.iter().map(|claim| claim.dispatch.key).collect();
    assert_eq!(claimed, [key(1), key(2)]);
    assert!(
        claims
            .iter()
            .all(|claim| claim.lease <= options().terms.lease)
    );
    let inbox = office.inbox("one").await;
    assert!(inbox.contains(HANDED) && !inbox.contains(WOKEN), "{inbox}");
    assert_eq!(
        worker.renew(&claimed).await,
        Ok(Vec::new()),
        "it holds them"
    );
}

#[tokio::test]
async fn workers_that_wait_share_what_is_published() {
    let office = Office::open(options()).await;
    let mut workers = Vec::new();
    for id in ["one", "two", "three"] {
        workers.push(office.worker(id, &["default"], 8).await);
    }
    let (one, two, three, ()) = join!(
        workers[0].claim(8),
        workers[1].claim(8),
        workers[2].claim(8),
        office.publish_to(3, "default", numbers(0..6, "default"))
    );
    let counts = [one, two, three].map(|claims| claims.unwrap().len());
    assert_eq!(counts, [2, 2, 2]);
}

#[tokio::test]
async fn what_is_handed_is_what_a_claim_would_take() {
    let office = Office::open(options()).await;
    let worker = office.worker("one", &["ssd", "default"], 3).await;
    let mut published = numbers(0..4, "default");
    published.extend(numbers(4..5, "ssd"));
    published.push(dispatch(5, "default", 9));
    let (claims, ()) = join!(worker.claim(2), office.publish_to(1, "default", published));
    let claims = claims.unwrap();
    let claimed: Vec<_> = claims.iter().map(|claim| claim.dispatch.key).collect();
    assert_eq!(
        claimed,
        [key(4), key(5)],
        "its first queue, then the highest"
    );
    // No more than there is room for, and everything in the end.
    let rest = worker.claim(9).await.unwrap();
    assert_eq!(rest.len(), 1);
}

/// More than one entry of the stream has.
const MANY: u32 = 100;

#[tokio::test]
async fn what_one_call_brings_about_is_told_in_its_order() {
    let office = Office::open(options()).await;
    let worker = office.worker("one", &["default"], MANY).await;
    let (claims, ()) = join!(
        worker.claim(MANY),
        office.publish_to(1, "default", numbers(0..MANY, "default"))
    );
    assert_eq!(claims.unwrap().len(), MANY as usize);
    let mut started = Vec::new();
    while started.len() < MANY as usize {
        let told = timeout(PATIENCE, office.scheduler.receive(9)).await;
        for notice in told.expect("all are told").unwrap() {
            if let Notice::Started { key, .. } = notice {
                started.push(key);
            }
        }
    }
    assert_eq!(started, (0..MANY).map(key).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_one_call_brings_about_is_told_in_few_entries() {
    let office = Office::open(options()).await;
    let worker = office.worker("one", &["default"], MANY).await;
    let published = office.scheduler.publish(numbers(0..MANY, "default"));
    published.await.unwrap();
    // The one that would read them is gone.
    drop(office.redis.scheduler(2).await.unwrap());
    assert_eq!(worker.claim(MANY).await.unwrap().len(), MANY as usize);
    let notices = format!("{{{}:0}}:notices:2", office.namespace);
    let told = office.ask(&["XRANGE", &notices, "-", "+"]).await;
    assert_eq!(told.matches("'\"S\"'").count(), MANY as usize, "{told}");
    let entries = office.ask(&["XLEN", &notices]).await;
    // Perhaps with one about the demand, from before.
    assert!(["int(2)", "int(3)"].contains(&&*entries), "{entries}");
}

#[tokio::test]
async fn a_long_message_is_fetched() {
    let office = Office::open(options()).await;
    let worker = office.worker("one", &["default"], 4).await;
    let mut long = dispatch(1, "default", 0);
    long.inputs = vec![("text".to_owned(), format!("\"{}\"", "a".repeat(1 << 17)))];
    let (claims, ()) = join!(
        worker.claim(4),
        office.publish_to(1, "default", vec![long, dispatch(2, "default", 0)])
    );
    assert_eq!(claims.unwrap().len(), 2);
    let inbox = office.inbox("one").await;
    assert!(inbox.contains(WOKEN) && !inbox.contains(HANDED), "{inbox}");
}

#[tokio::test]
async fn nothing_is_handed_while_the_scheduler_does_not_keep_up() {
    let options = Options {
        bounds: Bounds {
            notices: 0,
            ..Bounds::default()
        },
        ..options()
    };
    let office = Office::open(options).await;
    let worker = office.worker("one", &["default"], 4).await;
    let claim = timeout(PAUSE * 10, worker.claim(4));
    let published = office.scheduler.publish(numbers(0..1, "default"));
    let (claims, published) = join!(claim, published);
    assert!(published.is_ok() && claims.is_err(), "{claims:?}");
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_any_more_is_handed_nothing() {
    let office = Office::open(options()).await;
    let gone = office.worker("gone", &["default"], 4).await;
    assert!(timeout(PAUSE * 5, gone.claim(4)).await.is_err());
    sleep(PAUSE * 5).await;
    office
        .scheduler
        .publish(numbers(0..1, "default"))
        .await
        .unwrap();
    let other = office.worker("other", &["default"], 4).await;
    let claims = timeout(PATIENCE, other.claim(4)).await;
    assert_eq!(claims.expect("it is there").unwrap().len(), 1);
}
