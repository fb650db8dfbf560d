//! Bounds, and the demand that keeps a scheduler below them.

use super::{
    Fixture, report,
    sample::{QUEUE, Sample, dispatch, key, keys, publish, rest},
    soon, waits,
};
use crate::{BrokerError, Demand, Notice, SchedulerBroker};

/// Of a queue whose workers could hold so many more, while so many wait.
fn demand(queue: &str, room: u32, waiting: u32, workers: u32) -> Demand {
    Demand::new(queue.into(), room, waiting, workers, None)
}

async fn demanded(scheduler: &dyn SchedulerBroker) -> Vec<Demand> {
    soon("demand", scheduler.demand()).await.expect("answered")
}

/// What doesn't fit comes back with the reason, the rest is taken, other queues go on.
pub async fn full_queue_refuses_what_does_not_fit(fixture: &dyn Fixture) {
    let bound = fixture.queue_length();
    let most = u32::try_from(bound).expect("a small bound");
    let scheduler = fixture.scheduler().await;
    let mut dispatches: Vec<_> = (0..most + 2)
        .map(|number| dispatch(number, QUEUE, 0))
        .collect();
    dispatches.push(dispatch(most + 2, "other", 0));
    let (refused, error) = soon("publish", scheduler.publish(dispatches))
        .await
        .expect_err("two too many");
    let refused: Vec<_> = refused.iter().map(|dispatch| dispatch.key).collect();
    assert_eq!(refused, keys(&[most, most + 1]));
    assert!(
        matches!(error, BrokerError::Full { bound: refused_at, .. } if refused_at == bound),
        "{error:?}"
    );
    publish(&*scheduler, &[0]).await;
    let worker = Sample::of_queues(fixture, "worker", most + 9, &[QUEUE, "other"]).await;
    let claimed = worker.claim(most + 9).await;
    assert_eq!(claimed.len(), bound + 1);
    assert_eq!(claimed.last(), Some(&key(most + 2)));
    publish(&*scheduler, &[most, most + 1]).await;
    assert_eq!(worker.claim(9).await, keys(&[most, most + 1]));
}

/// A report that isn't taken is the worker's still, and so is its attempt.
pub async fn full_list_of_reports_refuses_and_keeps_the_attempt_held(fixture: &dyn Fixture) {
    let bound = fixture.unconfirmed_reports();
    let most = u32::try_from(bound).expect("a small bound");
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", most + 9).await;
    let mut held = Vec::new();
    for number in 0..=most {
        publish(&*scheduler, &[number]).await;
        held.extend(worker.claim(1).await);
        rest(fixture, &*scheduler).await;
    }
    let reports = (0..=most).map(|number| report(number, "worker")).collect();
    let refused = soon("report", worker.broker.report(reports)).await;
    assert!(
        matches!(&refused, Err(BrokerError::Full { bound: refused_at, .. }) if *refused_at == bound),
        "{refused:?}"
    );
    assert_eq!(worker.renew(&keys(&[most])).await, [], "it is held still");
    worker.report(&[0]).await;
    rest(fixture, &*scheduler).await;
    soon("confirm", scheduler.confirm(&keys(&[0])))
        .await
        .expect("confirmed");
    worker.report(&[most]).await;
    let delivered = rest(fixture, &*scheduler).await;
    let is_last =
        |notice: &Notice| matches!(notice, Notice::Finished(report) if report.key == key(most));
    assert!(delivered.iter().any(is_last), "{delivered:?}");
}

/// Slots and prefetch, less what is held and what waits.
pub async fn demand_is_free_slots_less_queued_attempts(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    assert_eq!(demanded(&*scheduler).await, []);
    publish(&*scheduler, &[1]).await;
    assert_eq!(
        demanded(&*scheduler).await,
        [demand(QUEUE, 0, 1, 0)],
        "it does not wait"
    );
    let mut worker = Sample::new(fixture, "worker", 3).await;
    worker.info.prefetch = 2;
    worker.register(&[]).await;
    assert_eq!(demanded(&*scheduler).await, [demand(QUEUE, 5, 1, 1)]);
    worker.claim(1).await;
    assert_eq!(demanded(&*scheduler).await, [demand(QUEUE, 4, 0, 1)]);
    publish(&*scheduler, &[2, 3, 4, 5, 6, 7]).await;
    assert_eq!(demanded(&*scheduler).await, [demand(QUEUE, 4, 6, 1)]);
    assert_eq!(worker.claim(9).await, keys(&[2, 3, 4, 5]));
    worker.report(&[1, 2, 3]).await;
    assert_eq!(demanded(&*scheduler).await, [demand(QUEUE, 3, 2, 1)]);
    soon("pause", worker.broker.pause()).await.expect("paused");
    assert_eq!(demanded(&*scheduler).await, [demand(QUEUE, 0, 2, 0)]);
    waits(fixture, "a paused claim", worker.broker.claim(1)).await;
}

/// A worker of several queues counts for each of them.
pub async fn demand_of_several_queues_and_workers(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let both = Sample::of_queues(fixture, "both", 4, &["a", "b"]).await;
    let _one = Sample::of_queues(fixture, "one", 2, &["b"]).await;
    assert_eq!(
        demanded(&*scheduler).await,
        [demand("a", 4, 0, 1), demand("b", 6, 0, 2)]
    );
    let dispatches = vec![dispatch(1, "a", 0), dispatch(2, "c", 0)];
    soon("publish", scheduler.publish(dispatches))
        .await
        .expect("there is room");
    assert_eq!(
        demanded(&*scheduler).await,
        [
            demand("a", 4, 1, 1),
            demand("b", 6, 0, 2),
            demand("c", 0, 1, 0)
        ]
    );
    both.claim(1).await;
    assert_eq!(
        demanded(&*scheduler).await,
        [
            demand("a", 3, 0, 1),
            demand("b", 5, 0, 2),
            demand("c", 0, 1, 0)
        ]
    );
}

/// A scheduler that waits is woken when there are free slots again.
pub async fn rising_demand_is_notified(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    rest(fixture, &*scheduler).await;
    let worker = Sample::new(fixture, "worker", 1).await;
    risen(fixture, &*scheduler, "a worker came").await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(1).await;
    rest(fixture, &*scheduler).await;
    worker.report(&[1]).await;
    risen(fixture, &*scheduler, "an attempt ended").await;
    worker.claim(1).await;
    rest(fixture, &*scheduler).await;
    soon("revoke", scheduler.revoke(&keys(&[2])))
        .await
        .expect("revoked");
    risen(fixture, &*scheduler, "an attempt was taken back").await;
}

/// A demand that comes with notices is that of the question, and of no time before a publish.
pub async fn noticed_demand_is_current(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2, 3, 4]).await;
    worker.claim(2).await;
    rest(fixture, &*scheduler).await;
    worker.report(&[1]).await;
    risen(fixture, &*scheduler, "an attempt ended").await;
    if let Some(noticed) = scheduler.noticed_demand() {
        assert_eq!(noticed, demanded(&*scheduler).await);
        assert_eq!(scheduler.noticed_demand(), None, "it was taken");
    }
    worker.report(&[2]).await;
    risen(fixture, &*scheduler, "an attempt ended").await;
    publish(&*scheduler, &[5]).await;
    assert_eq!(scheduler.noticed_demand(), None, "it is out of date");
}

async fn risen(fixture: &dyn Fixture, scheduler: &dyn SchedulerBroker, why: &str) {
    loop {
        let received = soon(why, scheduler.receive(9)).await.expect("answered");
        if received.contains(&Notice::Demand) {
            break;
        }
    }
    rest(fixture, scheduler).await;
}

/// No worker gets an attempt that needs more memory than it has, and the attempts behind that one
/// in the queue are not held up; the demand names the largest of all.
pub async fn attempts_too_large_for_a_worker_stay_for_a_larger_one(fixture: &dyn Fixture) {
    const MIB: u64 = 1 << 20;
    let scheduler = fixture.scheduler().await;
    let of = async |id: &str, memory_bytes| {
        let mut sample = Sample::new(fixture, id, 9).await;
        sample.info.memory_bytes = memory_bytes;
        sample.register(&[]).await;
        sample
    };
    let largest = async || {
        let demand = demanded(&*scheduler).await;
        demand[0].memory_bytes
    };
    let small = of("small", Some(MIB)).await;
    assert_eq!(largest().await, Some(MIB));
    let dispatches = [(0, 3), (1, 1), (2, 2), (3, 1)].map(|(number, mebibytes)| {
        let mut dispatch = dispatch(number, QUEUE, 0);
        dispatch.limits.memory_bytes = mebibytes * MIB;
        dispatch
    });
    soon("publish", scheduler.publish(dispatches.into()))
        .await
        .expect("there is room");
    assert_eq!(small.claim(1).await, keys(&[1]));
    assert_eq!(small.claim(9).await, keys(&[3]));
    waits(fixture, "claim", small.broker.claim(9)).await;
    let large = of("large", Some(2 * MIB)).await;
    assert_eq!(largest().await, Some(2 * MIB));
    assert_eq!(large.claim(9).await, keys(&[2]));
    // One of before workers said what they have.
    let old = of("old", None).await;
    assert_eq!(largest().await, None);
    assert_eq!(old.claim(9).await, keys(&[0]));
}
