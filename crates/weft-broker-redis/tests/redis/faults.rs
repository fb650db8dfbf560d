//! Faults of a Redis while work goes on: no work is lost.

use crate::{
    command::command,
    crew::{Noticed, Worker, load, options},
    server::Server,
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};
use weft_broker::{
    AttemptKey, BrokerError, CommittedTurns, LeaseTerms, Notice, SchedulerBroker, Signal,
    WorkerBroker as _, WorkerInfo,
    conformance::{dispatch, key},
};
use weft_broker_redis::{Bounds, Options, Redis, RedisScheduler};

/// Attempts of a load.
const ATTEMPTS: u32 = 3_000;
/// How long one takes to run.
const TAKES: Duration = Duration::from_millis(5);

async fn connect(server: &Server, options: Options) -> (Arc<Redis>, RedisScheduler) {
    let redis = Redis::connect(&server.url(), options).await.unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    (redis, scheduler)
}

fn crew(redis: &Arc<Redis>) -> [Worker; 2] {
    ["one", "two"].map(|id| Worker::start(redis.worker(), id, 20, TAKES))
}

/// Attempts that were reported lost although a worker had them. An attempt that was pushed to a worker
/// and had not reached it when everything was lost belongs to none, and expires with its lease.
fn ran_and_lost(noticed: &Noticed, crew: &[Worker]) -> Vec<AttemptKey> {
    let reached = |key: &&AttemptKey| {
        let mut crew = crew.iter();
        crew.any(|worker| worker.claimed.lock().unwrap().contains(*key))
    };
    noticed.expired.iter().filter(reached).copied().collect()
}

fn info(id: &str, slots: u32) -> WorkerInfo {
    WorkerInfo {
        id: id.into(),
        queues: vec!["default".into()],
        slots,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    }
}

/// The next notice that isn't about demand.
async fn next(scheduler: &RedisScheduler) -> Notice {
    let receive = async {
        loop {
            let received = scheduler.receive(1).await.unwrap();
            if received != [Notice::Demand] {
                break received.into_iter().next().unwrap();
            }
        }
    };
    timeout(Duration::from_secs(10), receive)
        .await
        .expect("there is something to tell")
}

#[tokio::test]
async fn no_work_is_lost_when_redis_is_flushed() {
    let server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let crew = crew(&redis);
    let mut flushed = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if ended >= (flushed + 1) * ATTEMPTS as usize / 4 && flushed < 3 {
            flushed += 1;
            command(&server.url(), &["FLUSHALL"]).await.unwrap();
        }
    })
    .await;
    assert_eq!((flushed, noticed.finished.len()), (3, ATTEMPTS as usize));
    assert_eq!(
        ran_and_lost(&noticed, &crew),
        [],
        "it ran, and is noticed as lost"
    );
    let ran: u64 = crew
        .iter()
        .map(|worker| worker.ran.load(Ordering::Relaxed))
        .sum();
    assert!(
        ran < u64::from(ATTEMPTS) * 2,
        "{ran} of {ATTEMPTS}: few ran twice"
    );
}

#[tokio::test]
async fn the_state_is_restored_in_a_server_that_restarts_empty() {
    let mut server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let crew = crew(&redis);
    let mut kills = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if ended >= ATTEMPTS as usize / 2 && kills == 0 {
            kills += 1;
            server.kill();
            sleep(Duration::from_millis(300)).await;
            server.start_again();
        }
    })
    .await;
    assert_eq!((kills, noticed.finished.len()), (1, ATTEMPTS as usize));
    assert_eq!(
        ran_and_lost(&noticed, &crew),
        [],
        "it ran, and is noticed as lost"
    );
}

#[tokio::test]
async fn broken_connections_reconnect() {
    let server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let _crew = crew(&redis);
    let mut cuts = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if ended >= (cuts + 1) * ATTEMPTS as usize / 6 && cuts < 5 {
            cuts += 1;
            command(
                &server.url(),
                &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"],
            )
            .await
            .unwrap();
        }
    })
    .await;
    assert_eq!((cuts, noticed.finished.len()), (5, ATTEMPTS as usize));
    // A claim whose answer was cut off belongs to no worker until its lease ends.
    assert!(
        noticed.expired.len() <= 64 * 2 * cuts,
        "{}",
        noticed.expired.len()
    );
}

#[tokio::test]
async fn calls_to_a_stopped_server_time_out_and_succeed_later() {
    let server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let _crew = crew(&redis);
    let mut freezes = 0;
    let noticed = load(&scheduler, ATTEMPTS, async |ended| {
        if ended >= ATTEMPTS as usize / 2 && freezes == 0 {
            freezes += 1;
            server.freeze();
            let begin = Instant::now();
            let demand = scheduler.demand().await;
            assert!(
                matches!(demand, Err(BrokerError::Unavailable(_))),
                "{demand:?}"
            );
            assert!(
                begin.elapsed() < options().call_timeout * 5,
                "{:?}",
                begin.elapsed()
            );
            server.thaw();
        }
    })
    .await;
    assert_eq!((freezes, noticed.finished.len()), (1, ATTEMPTS as usize));
}

#[tokio::test]
async fn a_server_out_of_memory_refuses_attempts_until_memory_is_free() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (redis, scheduler) = connect(&server, options()).await;
    let mut large = dispatch(1, "default", 0);
    large.inputs = vec![(
        "x".to_owned(),
        format!("\"{}\"", "x".repeat(100_000)).into(),
    )];
    scheduler.publish(vec![large]).await.unwrap();
    command(&server.url(), &["CONFIG", "SET", "maxmemory", "1"])
        .await
        .unwrap();
    let (refused, error) = scheduler
        .publish(vec![dispatch(2, "default", 0)])
        .await
        .expect_err("there is no memory");
    assert_eq!(refused.len(), 1);
    assert!(
        matches!(&error, BrokerError::Unavailable(why) if why.contains("maxmemory")),
        "{error:?}"
    );
    // What frees memory goes on.
    let worker = Worker::start(redis.worker(), "worker", 2, Duration::ZERO);
    let noticed = load_of_one(&scheduler).await;
    assert_eq!((noticed, worker.ran.load(Ordering::Relaxed)), (key(1), 1));
    let sent = scheduler.publish_and_confirm(refused, &[key(1)]).await;
    let (published, confirmed) = sent;
    let (refused, _error) = published.expect_err("there is no memory");
    confirmed.expect("a confirmation frees memory");
    command(&server.url(), &["CONFIG", "SET", "maxmemory", "0"])
        .await
        .unwrap();
    scheduler.publish(refused).await.unwrap();
    assert_eq!(load_of_one(&scheduler).await, key(2));
}

#[tokio::test]
async fn attempts_that_do_not_fit_after_a_loss_are_published_later() {
    let server = Server::start(&["--maxmemory-policy", "noeviction"]);
    let (redis, scheduler) = connect(&server, options()).await;
    scheduler
        .publish(vec![dispatch(1, "default", 0)])
        .await
        .unwrap();
    for line in [&["CONFIG", "SET", "maxmemory", "1"][..], &["FLUSHALL"]] {
        command(&server.url(), line).await.unwrap();
    }
    let refused = async {
        loop {
            let errors = command(&server.url(), &["INFO", "errorstats"]).await;
            if format!("{errors:?}").contains("errorstat_OOM") {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(30), refused)
        .await
        .expect("it is published again, and refused");
    command(&server.url(), &["CONFIG", "SET", "maxmemory", "0"])
        .await
        .unwrap();
    let _worker = Worker::start(redis.worker(), "worker", 2, Duration::ZERO);
    assert_eq!(load_of_one(&scheduler).await, key(1));
}

async fn load_of_one(scheduler: &RedisScheduler) -> weft_broker::AttemptKey {
    loop {
        if let Notice::Finished(report) = next(scheduler).await {
            scheduler.confirm(&[report.key]).await.unwrap();
            return report.key;
        }
    }
}

#[tokio::test]
async fn after_a_loss_running_attempts_are_announced_and_queued_ones_published_again() {
    let mut server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let busy = Worker::start(redis.worker(), "busy", 1, Duration::from_secs(3));
    let dispatches = (0..4)
        .map(|number| dispatch(number, "default", 0))
        .collect();
    scheduler.publish(dispatches).await.unwrap();
    for number in 0..2 {
        let started = next(&scheduler).await;
        assert!(
            matches!(started, Notice::Started { key: started, .. } if started == key(number)),
            "{started:?}"
        );
    }
    // What is on its way to a worker when Redis dies belongs to no worker.
    let knows = async {
        while busy.claimed.lock().unwrap().len() < 2 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(30), knows)
        .await
        .expect("it hears of both");
    server.kill();
    server.start_again();
    let mut finished = Vec::new();
    while finished.len() < 4 {
        match next(&scheduler).await {
            Notice::Finished(report) => {
                scheduler.confirm(&[report.key]).await.unwrap();
                finished.push(report.key);
            }
            Notice::Expired { key } => panic!("{key:?} was lost"),
            Notice::Started { .. } | Notice::Released { .. } | Notice::Demand => {}
        }
    }
    finished.sort_by_key(|key| key.attempt.nonce);
    assert_eq!(finished, [key(0), key(1), key(2), key(3)]);
    assert_eq!(busy.ran.load(Ordering::Relaxed), 4, "each ran once");
}

#[tokio::test]
async fn attempts_of_a_worker_lost_with_redis_expire_after_a_lease() {
    let server = Server::start(&[]);
    let mut options = options();
    options.terms.lease = Duration::from_secs(2);
    let (redis, scheduler) = connect(&server, options).await;
    let worker = Worker::start(redis.worker(), "worker", 1, Duration::from_mins(1));
    scheduler
        .publish(vec![dispatch(1, "default", 0)])
        .await
        .unwrap();
    assert!(matches!(next(&scheduler).await, Notice::Started { .. }));
    drop(worker);
    command(&server.url(), &["FLUSHALL"]).await.unwrap();
    assert_eq!(next(&scheduler).await, Notice::Expired { key: key(1) });
}

#[tokio::test]
async fn a_revocation_reaches_its_worker_within_a_tenth_of_a_second() {
    let server = Server::start(&[]);
    let (redis, scheduler) = connect(&server, options()).await;
    let worker = redis.worker();
    worker.register(&info("worker", 1), &[]).await.unwrap();
    for number in 0..10 {
        scheduler
            .publish(vec![dispatch(number, "default", 0)])
            .await
            .unwrap();
        worker.claim(1).await.unwrap();
        let revoke = async {
            let begin = Instant::now();
            scheduler.revoke(&[key(number)]).await.unwrap();
            begin
        };
        let (signals, begin) = tokio::join!(worker.signals(1), revoke);
        assert_eq!(signals, Ok(vec![Signal::Revoked(key(number))]));
        assert!(
            begin.elapsed() < Duration::from_millis(100),
            "{:?}",
            begin.elapsed()
        );
    }
}

#[tokio::test]
async fn a_scheduler_with_a_lower_epoch_stays_closed() {
    let server = Server::start(&[]);
    let (redis, first) = connect(&server, options()).await;
    while first.receive(9).await.unwrap() != [Notice::Demand] {}
    let (received, second) = tokio::join!(first.receive(9), redis.scheduler(2));
    let second = second.unwrap();
    assert_eq!(received, Err(BrokerError::Closed));
    let (back, error) = first
        .publish(vec![dispatch(1, "default", 0)])
        .await
        .unwrap_err();
    assert_eq!((back.len(), error), (1, BrokerError::Closed));
    assert_eq!(redis.scheduler(1).await.unwrap_err(), BrokerError::Closed);
    assert_eq!(second.demand().await, Ok(Vec::new()));
}

/// What time did in passing is kept, also where the call that let it pass is refused.
#[tokio::test]
async fn slots_of_an_expired_registration_are_free_for_others() {
    let server = Server::start(&[]);
    let options = Options {
        terms: LeaseTerms {
            lease: Duration::from_mins(10),
            renew_every: Duration::from_mins(3),
        },
        ..options()
    };
    let lease = options.terms.lease;
    let redis = Redis::connect_with_movable_clock(&server.url(), options)
        .await
        .unwrap();
    let scheduler = redis.scheduler(1).await.unwrap();
    let register = async |id: &str| {
        let worker = redis.worker();
        worker.register(&info(id, 1), &[]).await.unwrap();
        worker
    };
    let (silent, busy) = (register("silent").await, register("busy").await);
    let publish = async |number| {
        let dispatches = vec![dispatch(number, "default", 0)];
        scheduler.publish(dispatches).await.unwrap();
    };
    publish(1).await;
    assert_eq!(busy.claim(1).await.unwrap().len(), 1);
    redis.move_clock(lease * 2 / 3).await.unwrap();
    assert_eq!(busy.renew(&[]).await, Ok(Vec::new()), "its lease goes on");
    redis.move_clock(lease / 2).await.unwrap();
    assert_eq!(silent.renew(&[]).await, Err(BrokerError::Unregistered));
    publish(2).await;
    let claims = timeout(Duration::from_secs(5), busy.claim(1)).await;
    let claims = claims.expect("it has room again").unwrap();
    assert_eq!(claims[0].dispatch.key, key(2));
}

#[tokio::test]
async fn claims_wait_without_a_receiver() {
    let server = Server::start(&[]);
    let mut options = options();
    options.bounds = Bounds {
        notices: 3,
        ..options.bounds
    };
    let (redis, scheduler) = connect(&server, options).await;
    // The one that reads notices is gone.
    drop(scheduler);
    let other = redis.scheduler(2).await.unwrap();
    let dispatches = (0..9)
        .map(|number| dispatch(number, "default", 0))
        .collect();
    other.publish(dispatches).await.unwrap();
    drop(other);
    let worker = redis.worker();
    worker.register(&info("worker", 9), &[]).await.unwrap();
    let mut claimed = 0;
    while let Ok(claims) = timeout(Duration::from_millis(200), worker.claim(1)).await {
        claimed += claims.unwrap().len();
    }
    assert!((1..9).contains(&claimed), "{claimed}");
    let third = redis.scheduler(3).await.unwrap();
    while claimed < 9 {
        let claims = timeout(Duration::from_secs(5), worker.claim(9))
            .await
            .expect("somebody receives");
        claimed += claims.unwrap().len();
        third.receive(9).await.unwrap();
    }
}

#[tokio::test]
async fn a_takeover_tells_which_turns_were_committed_before_it() {
    let server = Server::start(&[]);
    let (redis, first) = connect(&server, options()).await;
    assert_eq!(first.previous_turn(), None);
    let turns = |epoch, last| CommittedTurns {
        epoch,
        last,
        before: 40,
    };
    first.set_turn(turns(1, 41));
    first.set_turn(turns(1, 42));
    let published = first.publish(vec![dispatch(1, "default", 0)]).await;
    published.unwrap();
    drop(first);
    let second = redis.scheduler(2).await.unwrap();
    assert_eq!(second.previous_turn(), Some(turns(1, 42)));
    // One that commits nothing leaves them as they are.
    drop(second);
    let third = redis.scheduler(3).await.unwrap();
    assert_eq!(third.previous_turn(), Some(turns(1, 42)));
    third.set_turn(turns(3, 50));
    let published = third.publish(vec![dispatch(2, "default", 0)]).await;
    published.unwrap();
    let fourth = redis.scheduler(4).await.unwrap();
    assert_eq!(fourth.previous_turn(), Some(turns(3, 50)));
}
