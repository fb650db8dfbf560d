//! Pushed claims: an attempt that is published while a worker waits is in its inbox, claimed,
//! without another call.

use crate::{
    command::command,
    crew::options,
    server::{self, Server},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    join,
    task::JoinSet,
    time::{sleep, timeout},
};
use weft_broker::{
    AttemptKey, Claim, Demand, Dispatch, LeaseTerms, Notice, Output, Report, ReportedOutcome,
    SchedulerBroker as _, WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, held_all, key, report},
};
use weft_broker_redis::{Bounds, Options, Redis, RedisScheduler, RedisWorker};

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until a claim is known to wait.
const PAUSE: Duration = Duration::from_millis(20);

/// How the kinds of an inbox's entries are shown.
const PUSHED: &str = "'\"h\"'";
const WOKEN: &str = "'\"w\"'";

struct Fixture {
    server: &'static Server,
    namespace: String,
    redis: Arc<Redis>,
    scheduler: RedisScheduler,
}

impl Fixture {
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
        self.worker_with_memory(id, queues, slots, None).await
    }

    async fn worker_with_memory(
        &self,
        id: &str,
        queues: &[&str],
        slots: u32,
        memory_bytes: Option<u64>,
    ) -> RedisWorker {
        let worker = self.redis.worker();
        let info = WorkerInfo {
            id: id.into(),
            queues: queues.iter().map(|queue| Arc::from(*queue)).collect(),
            slots,
            prefetch: 0,
            memory_bytes,
            labels: Vec::new(),
        };
        let _terms: LeaseTerms = worker.register(&info, &[]).await.unwrap();
        worker
    }

    async fn ask(&self, words: &[&str]) -> String {
        let answer = command(&self.server.url(), words).await.unwrap();
        format!("{answer:?}")
    }

    /// Everything in a worker's inbox.
    async fn inbox(&self, id: &str) -> String {
        let key = format!("{{{}:0}}:inbox:{id}", self.namespace);
        self.ask(&["XRANGE", &key, "-", "+"]).await
    }

    /// How many attempts wait in a queue, all of one priority.
    async fn queued(&self, queue: &str) -> String {
        let key = format!("{{{}:0}}:queue:0,1:{queue}", self.namespace);
        self.ask(&["XLEN", &key]).await
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

const MIB: u64 = 1 << 20;

fn of_memory(number: u32, memory_bytes: u64) -> Dispatch {
    let mut dispatch = dispatch(number, "default", 0);
    dispatch.limits.memory_bytes = memory_bytes;
    dispatch
}

fn keys_of(claims: &[Claim]) -> Vec<AttemptKey> {
    claims.iter().map(|claim| claim.dispatch.key).collect()
}

fn numbers(numbers: impl Iterator<Item = u32>, queue: &str) -> Vec<Dispatch> {
    numbers.map(|number| dispatch(number, queue, 0)).collect()
}

#[tokio::test]
async fn a_waiting_claim_gets_a_pushed_claim() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], 4).await;
    let (claims, ()) = join!(
        worker.claim(4),
        fixture.publish_to(1, "default", numbers(1..3, "default"))
    );
    let claims = claims.unwrap();
    let claimed = keys_of(&claims);
    assert_eq!(claimed, [key(1), key(2)]);
    assert!(
        claims
            .iter()
            .all(|claim| claim.lease <= options().terms.lease)
    );
    let inbox = fixture.inbox("one").await;
    assert!(inbox.contains(PUSHED) && !inbox.contains(WOKEN), "{inbox}");
    assert_eq!(
        worker.renew(&held_all(&claimed)).await,
        Ok(Vec::new()),
        "it holds them"
    );
}

#[tokio::test]
async fn demand_comes_with_the_notice_of_a_report() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], 4).await;
    let (claims, ()) = join!(
        worker.claim(4),
        fixture.publish_to(1, "default", numbers(1..3, "default"))
    );
    assert_eq!(claims.unwrap().len(), 2);
    worker.report(vec![report(1, "one")]).await.unwrap();
    loop {
        let notices = fixture.scheduler.receive(9).await.unwrap();
        let has_ended = |notice: &Notice| matches!(notice, Notice::Finished(_));
        if notices.iter().any(has_ended) {
            break;
        }
    }
    let noticed = fixture.scheduler.noticed_demand();
    let expected = Demand::new("default".into(), 3, 0, 1, None);
    assert_eq!(noticed, Some(vec![expected]));
}

#[tokio::test]
async fn waiting_workers_share_pushed_claims() {
    let fixture = Fixture::open(options()).await;
    let mut workers = Vec::new();
    for id in ["one", "two", "three"] {
        workers.push(fixture.worker(id, &["default"], 8).await);
    }
    let (one, two, three, ()) = join!(
        workers[0].claim(8),
        workers[1].claim(8),
        workers[2].claim(8),
        fixture.publish_to(3, "default", numbers(0..6, "default"))
    );
    let counts = [one, two, three].map(|claims| claims.unwrap().len());
    assert_eq!(counts, [2, 2, 2]);
}

#[tokio::test]
async fn pushed_claims_are_those_that_a_claim_call_would_make() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["ssd", "default"], 3).await;
    let mut published = numbers(0..4, "default");
    published.extend(numbers(4..5, "ssd"));
    published.push(dispatch(5, "default", 9));
    let (claims, ()) = join!(worker.claim(2), fixture.publish_to(1, "default", published));
    let claims = claims.unwrap();
    let claimed = keys_of(&claims);
    assert_eq!(
        claimed,
        [key(4), key(5)],
        "its first queue, then the highest"
    );
    // No more than there are free slots, and everything in the end.
    let rest = worker.claim(9).await.unwrap();
    assert_eq!(rest.len(), 1);
}

#[tokio::test]
async fn released_attempts_are_pushed_before_others_of_their_priority() {
    let fixture = Fixture::open(options()).await;
    let gives = fixture.worker("gives", &["default"], 1).await;
    fixture
        .scheduler
        .publish(numbers(1..2, "default"))
        .await
        .unwrap();
    assert_eq!(keys_of(&gives.claim(1).await.unwrap()), [key(1)]);
    gives.release(&[key(1).into()]).await.unwrap();
    gives.pause().await.unwrap();
    let takes = fixture.worker("takes", &["default"], 9).await;
    let published = [(2, 0), (1, 0), (3, 5)];
    let published = published.map(|(number, priority)| dispatch(number, "default", priority));
    let (claims, ()) = join!(
        takes.claim(9),
        fixture.publish_to(1, "default", published.into())
    );
    assert_eq!(keys_of(&claims.unwrap()), [key(3), key(1), key(2)]);
    let inbox = fixture.inbox("takes").await;
    assert!(inbox.contains(PUSHED) && !inbox.contains(WOKEN), "{inbox}");
}

#[tokio::test]
async fn attempts_too_large_for_one_waiting_worker_are_pushed_to_another() {
    let fixture = Fixture::open(options()).await;
    let of = async |id, memory_bytes| {
        let memory_bytes = Some(memory_bytes);
        fixture
            .worker_with_memory(id, &["default"], 4, memory_bytes)
            .await
    };
    let (small, large) = (of("small", MIB).await, of("large", 4 * MIB).await);
    let (mine, others, ()) = join!(
        small.claim(4),
        large.claim(4),
        fixture.publish_to(2, "default", vec![of_memory(1, 3 * MIB), of_memory(2, MIB)])
    );
    let claimed = [keys_of(&mine.unwrap()), keys_of(&others.unwrap())];
    assert_eq!(claimed, [[key(2)], [key(1)]]);
}

#[tokio::test]
async fn attempts_too_large_for_all_waiting_workers_are_queued() {
    let fixture = Fixture::open(options()).await;
    let small = fixture
        .worker_with_memory("small", &["default"], 4, Some(MIB))
        .await;
    let (claims, ()) = join!(small.claim(4), async {
        fixture
            .publish_to(1, "default", vec![of_memory(1, 3 * MIB)])
            .await;
        assert_eq!(fixture.queued("default").await, "int(1)");
        // It goes behind what waits, and the worker fetches it.
        fixture
            .publish_to(1, "default", vec![of_memory(2, MIB)])
            .await;
    });
    assert_eq!(keys_of(&claims.unwrap()), [key(2)]);
    let inbox = fixture.inbox("small").await;
    assert!(inbox.contains(WOKEN) && !inbox.contains(PUSHED), "{inbox}");
    let large = fixture.worker("large", &["default"], 4).await;
    assert_eq!(keys_of(&large.claim(4).await.unwrap()), [key(1)]);
}

/// More than one publish tries in vain (`MOST_PASSED_OVER`).
const CROWD: usize = 40;

#[tokio::test]
async fn many_small_waiting_workers_do_not_hide_a_large_one() {
    let fixture = Fixture::open(options()).await;
    let mut crowd = JoinSet::new();
    for number in 0..CROWD {
        let id = format!("small{number}");
        let small = fixture
            .worker_with_memory(&id, &["default"], 1, Some(MIB))
            .await;
        crowd.spawn(async move { small.claim(1).await });
    }
    let large = fixture
        .worker_with_memory("large", &["default"], 1, Some(4 * MIB))
        .await;
    let (claims, ()) = join!(
        large.claim(1),
        fixture.publish_to(CROWD + 1, "default", vec![of_memory(1, 3 * MIB)])
    );
    assert_eq!(keys_of(&claims.unwrap()), [key(1)]);
    // The others' claims wait on.
    fixture.publish_to(CROWD, "default", Vec::new()).await;
    assert!(crowd.try_join_next().is_none());
}

#[tokio::test]
async fn an_attempt_published_twice_in_one_call_is_queued_once() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], 9).await;
    let twice = |number| {
        [
            dispatch(number, "default", 0),
            dispatch(number, "default", 0),
        ]
    };
    let (claims, ()) = join!(
        worker.claim(9),
        fixture.publish_to(1, "default", twice(1).into())
    );
    assert_eq!(keys_of(&claims.unwrap()), [key(1)]);
    assert_eq!(fixture.queued("default").await, "int(0)");
    fixture.scheduler.publish(twice(2).into()).await.unwrap();
    assert_eq!(fixture.queued("default").await, "int(1)");
    assert_eq!(keys_of(&worker.claim(9).await.unwrap()), [key(2)]);
}

#[tokio::test]
async fn pushed_claims_do_not_count_for_the_queue_bound() {
    let options = Options {
        bounds: Bounds {
            queue_length: 2,
            ..Bounds::default()
        },
        ..options()
    };
    let fixture = Fixture::open(options).await;
    let worker = fixture.worker("one", &["default"], 3).await;
    let (claims, ()) = join!(
        worker.claim(3),
        fixture.publish_to(1, "default", numbers(0..5, "default"))
    );
    assert_eq!(claims.unwrap().len(), 3);
    assert_eq!(fixture.queued("default").await, "int(2)");
    let refused = fixture.scheduler.publish(numbers(5..6, "default")).await;
    assert_eq!(refused.unwrap_err().0.len(), 1);
}

/// More than one entry of the stream has.
const MANY: u32 = 100;

#[tokio::test]
async fn the_notices_of_one_call_keep_their_order() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], MANY).await;
    let (claims, ()) = join!(
        worker.claim(MANY),
        fixture.publish_to(1, "default", numbers(0..MANY, "default"))
    );
    assert_eq!(claims.unwrap().len(), MANY as usize);
    let mut started = Vec::new();
    while started.len() < MANY as usize {
        let noticed = timeout(PATIENCE, fixture.scheduler.receive(9)).await;
        for notice in noticed.expect("all are noticed").unwrap() {
            if let Notice::Started { key, .. } = notice {
                started.push(key);
            }
        }
    }
    assert_eq!(started, (0..MANY).map(key).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_notices_of_one_call_share_entries() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], MANY).await;
    let published = fixture.scheduler.publish(numbers(0..MANY, "default"));
    published.await.unwrap();
    // The one that would read them is gone.
    drop(fixture.redis.scheduler(2).await.unwrap());
    assert_eq!(worker.claim(MANY).await.unwrap().len(), MANY as usize);
    let notices = format!("{{{}:0}}:notices:2", fixture.namespace);
    let noticed = fixture.ask(&["XRANGE", &notices, "-", "+"]).await;
    assert_eq!(
        noticed.matches("'\"S\"'").count(),
        MANY as usize,
        "{noticed}"
    );
    let entries = fixture.ask(&["XLEN", &notices]).await;
    // Perhaps with one about the demand, from before.
    assert!(["int(2)", "int(3)"].contains(&&*entries), "{entries}");
}

#[tokio::test]
async fn entries_of_notices_are_bounded_in_bytes() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], 8).await;
    let published = fixture.scheduler.publish(numbers(0..8, "default"));
    published.await.unwrap();
    assert_eq!(worker.claim(8).await.unwrap().len(), 8);
    // The one that would read them is gone.
    drop(fixture.redis.scheduler(2).await.unwrap());
    let reports = (0..8).map(|number| Report {
        outcome: ReportedOutcome::Success {
            output: Output::Inline("x".repeat(40_000).into()),
        },
        ..report(number, "one")
    });
    worker.report(reports.collect()).await.unwrap();
    let notices = format!("{{{}:0}}:notices:2", fixture.namespace);
    let noticed = fixture.ask(&["XRANGE", &notices, "-", "+"]).await;
    assert_eq!(noticed.matches("'\"F\"'").count(), 8);
    let entries = fixture.ask(&["XLEN", &notices]).await;
    // An entry is full with two reports of 40,000 bytes. One more is about the demand, and perhaps one from before.
    assert!(["int(5)", "int(6)"].contains(&&*entries), "{entries}");
}

/// More than are read from a queue at once (`MOST_READ`).
const ROUND: u32 = 2_500;

#[tokio::test]
async fn one_claim_takes_more_attempts_than_one_read() {
    let fixture = Fixture::open(options()).await;
    let all: Vec<Dispatch> = numbers(0..ROUND, "default");
    fixture.scheduler.publish(all).await.unwrap();
    let worker = fixture.worker("one", &["default"], ROUND).await;
    let mut claimed = keys_of(&worker.claim(ROUND).await.unwrap());
    claimed.sort_by_key(|key| key.attempt.nonce);
    assert_eq!(claimed, (0..ROUND).map(key).collect::<Vec<_>>());
    assert_eq!(fixture.queued("default").await, "int(0)");
}

#[tokio::test]
async fn a_long_message_is_claimed_and_not_pushed() {
    let fixture = Fixture::open(options()).await;
    let worker = fixture.worker("one", &["default"], 4).await;
    let mut long = dispatch(1, "default", 0);
    long.inputs = vec![(
        "text".to_owned(),
        format!("\"{}\"", "a".repeat(1 << 17)).into(),
    )];
    let (claims, ()) = join!(
        worker.claim(4),
        fixture.publish_to(1, "default", vec![long, dispatch(2, "default", 0)])
    );
    assert_eq!(claims.unwrap().len(), 2);
    let inbox = fixture.inbox("one").await;
    assert!(inbox.contains(WOKEN) && !inbox.contains(PUSHED), "{inbox}");
}

#[tokio::test]
async fn nothing_is_pushed_while_the_scheduler_has_too_many_unread_notices() {
    let options = Options {
        bounds: Bounds {
            notices: 0,
            ..Bounds::default()
        },
        ..options()
    };
    let fixture = Fixture::open(options).await;
    let worker = fixture.worker("one", &["default"], 4).await;
    let claim = timeout(PAUSE * 10, worker.claim(4));
    let published = fixture.scheduler.publish(numbers(0..1, "default"));
    let (claims, published) = join!(claim, published);
    assert!(published.is_ok() && claims.is_err(), "{claims:?}");
}

#[tokio::test]
async fn nothing_is_pushed_to_a_dropped_claim() {
    let fixture = Fixture::open(options()).await;
    let gone = fixture.worker("gone", &["default"], 4).await;
    assert!(timeout(PAUSE * 5, gone.claim(4)).await.is_err());
    sleep(PAUSE * 5).await;
    fixture
        .scheduler
        .publish(numbers(0..1, "default"))
        .await
        .unwrap();
    let other = fixture.worker("other", &["default"], 4).await;
    let claims = timeout(PATIENCE, other.claim(4)).await;
    assert_eq!(claims.expect("it is there").unwrap().len(), 1);
}
