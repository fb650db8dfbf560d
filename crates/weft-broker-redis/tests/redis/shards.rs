//! A worker of several shards is in each of them what it is in one, takes from all of them
//! in shares, and no more than it asked for.

use crate::{
    brokers::Brokers,
    crew::{Worker, dispatch_of, load_of, options},
    server,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    join,
    time::{sleep, timeout},
};
use weft_broker::{
    BrokerError, OperatorBroker as _, SchedulerBroker as _, Signal, WorkerBroker as _, WorkerInfo,
    conformance::{held_all, report},
};
use weft_broker_redis::{Redis, ShardedWorker, Shards};

/// What takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Until a claim is known to wait.
const PAUSE: Duration = Duration::from_millis(20);

async fn sharded() -> Brokers {
    let brokers = Brokers::new(&server::shared().url(), None, 2).await;
    brokers.among_others()
}

weft_broker::conformance_suite!(#[tokio::test], sharded);

async fn shards(numbers: &[u32]) -> Arc<Shards> {
    let redis = Redis::connect(&server::shared().url(), options()).await;
    let shards = Shards::new(redis.unwrap());
    shards.serve(numbers);
    shards
}

fn info(slots: u32) -> WorkerInfo {
    WorkerInfo {
        id: "worker".into(),
        queues: vec!["default".into()],
        slots,
        prefetch: 0,
        memory_bytes: None,
        labels: Vec::new(),
    }
}

async fn worker(shards: &Shards, slots: u32) -> ShardedWorker {
    let worker = shards.worker();
    worker.register(&info(slots), &[]).await.unwrap();
    worker
}

#[tokio::test]
async fn calls_about_an_attempt_go_to_its_shard() {
    let shards = shards(&[0, 1]).await;
    let [zero, one] = [0, 1].map(|shard| {
        let shards = Arc::clone(&shards);
        async move {
            let scheduler = shards.scheduler(shard, 1).await.unwrap();
            load_of(shard, &scheduler, 1_000, async |_ended| {}).await
        }
    });
    let worker = Worker::start(shards.worker(), "worker", 20, Duration::from_millis(1));
    let (zero, one) = join!(zero, one);
    for (shard, noticed) in [(0, &zero), (1, &one)] {
        assert_eq!(noticed.finished.len(), 1_000);
        assert!(noticed.finished.iter().all(|key| key.shard == shard));
        assert_eq!(noticed.expired, [], "all that was claimed was renewed");
    }
    drop(worker);
}

#[tokio::test]
async fn claims_are_divided_among_shards_by_weight() {
    let shards = shards(&[0, 1]).await;
    let schedulers = [
        shards.scheduler(0, 1).await.unwrap(),
        shards.scheduler(1, 1).await.unwrap(),
    ];
    for (scheduler, (shard, weight)) in schedulers.iter().zip([(0, 100), (1, 300)]) {
        scheduler.set_weight(weight);
        scheduler.tick().await.unwrap();
        let all = (0..400).map(|number| dispatch_of(shard, number));
        scheduler.publish(all.collect()).await.unwrap();
    }
    let worker = worker(&shards, 500).await;
    let mut taken = [0_u32; 2];
    for _ in 0..100 {
        for claim in worker.claim(4).await.unwrap() {
            taken[claim.dispatch.key.shard as usize] += 1;
        }
    }
    let [of_zero, of_one] = taken;
    assert!((85..=115).contains(&of_zero), "{taken:?}");
    assert!((285..=315).contains(&of_one), "{taken:?}");
}

#[tokio::test]
async fn a_worker_that_waits_in_all_shards_gets_at_most_max_claims() {
    let shards = shards(&[0, 1, 2]).await;
    for (round, slots) in [1, 2, 3, 7].into_iter().enumerate() {
        let schedulers = [
            shards.scheduler(0, round as u64 + 1).await.unwrap(),
            shards.scheduler(1, round as u64 + 1).await.unwrap(),
            shards.scheduler(2, round as u64 + 1).await.unwrap(),
        ];
        let worker = worker(&shards, slots).await;
        let claim = async {
            let claims = timeout(PATIENCE, worker.claim(slots)).await;
            claims.expect("there is work").unwrap()
        };
        let publish = async {
            sleep(PAUSE * 5).await;
            let all = schedulers.iter().zip(0..).map(|(scheduler, shard)| {
                let number = 10 * u32::try_from(round).unwrap();
                let some = (number..number + 10).map(|number| dispatch_of(shard, number));
                scheduler.publish(some.collect())
            });
            for published in futures_util::future::join_all(all).await {
                published.unwrap();
            }
        };
        let (mut held, ()) = join!(claim, publish);
        while held.len() < slots as usize {
            let left = slots - u32::try_from(held.len()).unwrap();
            let more = timeout(PATIENCE, worker.claim(left)).await;
            held.extend(more.expect("there is more").unwrap());
        }
        assert_eq!(held.len(), slots as usize);
        sleep(PAUSE).await;
        let survey = shards.survey().await.unwrap();
        assert_eq!(survey.workers[0].held, slots, "all slots are used");
        worker.leave().await.unwrap();
    }
}

#[tokio::test]
async fn a_new_shard_is_served_and_held_attempts_continue() {
    let shards = shards(&[0]).await;
    let old = shards.scheduler(0, 1).await.unwrap();
    let worker = worker(&shards, 4).await;
    old.publish(vec![dispatch_of(0, 1)]).await.unwrap();
    let held = worker.claim(4).await.unwrap()[0].dispatch.key;
    let waits = async {
        let claims = timeout(PATIENCE, worker.claim(3)).await;
        claims.expect("it is noticed")
    };
    let grow = async {
        sleep(PAUSE).await;
        shards.serve(&[0, 5]);
    };
    let (waited, ()) = join!(waits, grow);
    assert_eq!(waited.unwrap_err(), BrokerError::Unregistered);
    worker.register(&info(4), &[held.into()]).await.unwrap();
    assert_eq!(worker.renew(&[held.into()]).await, Ok(Vec::new()));
    let new = shards.scheduler(5, 1).await.unwrap();
    new.publish(vec![dispatch_of(5, 1)]).await.unwrap();
    let claims = timeout(PATIENCE, worker.claim(3)).await;
    let also_held = claims.expect("there is work").unwrap()[0].dispatch.key;
    assert_eq!(also_held.shard, 5);
    // Both are revoked by their own schedulers, and reported to them.
    for (scheduler, key) in [(&old, held), (&new, also_held)] {
        scheduler.revoke(&[key]).await.unwrap();
        let signals = timeout(PATIENCE, worker.signals(9)).await;
        assert_eq!(
            signals.expect("a signal arrives"),
            Ok(vec![Signal::Revoked(key)])
        );
        let mut report = report(0, "worker");
        report.key = key;
        worker.report(vec![report]).await.unwrap();
        scheduler.confirm(&[key]).await.unwrap();
        let signals = timeout(PATIENCE, worker.signals(9)).await;
        assert_eq!(
            signals.expect("a signal arrives"),
            Ok(vec![Signal::Confirmed(key)])
        );
    }
}

#[tokio::test]
async fn attempts_of_an_unserved_shard_are_lost_at_renewal() {
    let shards = shards(&[0, 1]).await;
    let worker = worker(&shards, 4).await;
    let strange = dispatch_of(9, 1).key;
    assert_eq!(worker.renew(&[strange.into()]).await, Ok(vec![strange]));
}

#[tokio::test]
async fn attempts_of_one_shard_take_the_free_slots_of_another() {
    let shards = shards(&[0, 1]).await;
    let full = shards.scheduler(0, 1).await.unwrap();
    let idle = shards.scheduler(1, 1).await.unwrap();
    let worker = worker(&shards, 4).await;
    let room = async || idle.demand().await.unwrap()[0].free_slots;
    assert_eq!(room().await, 4);
    let some = (0..3).map(|number| dispatch_of(0, number));
    full.publish(some.collect()).await.unwrap();
    let mut held = Vec::new();
    while held.len() < 3 {
        let free = 4 - u32::try_from(held.len()).unwrap();
        let claims = worker.claim(free).await.unwrap();
        held.extend(claims.iter().map(|claim| claim.dispatch.key));
    }
    assert_eq!(worker.renew(&held_all(&held)).await, Ok(Vec::new()));
    assert_eq!(room().await, 1);
    let mut report = report(0, "worker");
    report.key = held.remove(0);
    worker.report(vec![report]).await.unwrap();
    // The next claim says so.
    assert!(timeout(PAUSE * 5, worker.claim(2)).await.is_err());
    assert_eq!(room().await, 2);
}
