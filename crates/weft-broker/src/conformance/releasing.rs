//! Attempts that were claimed and never begun.

use super::{
    Fixture, held_all,
    sample::{
        QUEUE, Sample, dispatch, expect_notice, keys, no_notices, notices, publish, released, rest,
        started,
    },
    soon, waits,
};
use crate::{AttemptKey, SchedulerBroker};

async fn release(worker: &Sample, numbers: &[u32]) {
    soon("release", worker.broker.release(&held_all(&keys(numbers))))
        .await
        .expect("the broker answers");
}

async fn known(scheduler: &dyn SchedulerBroker, numbers: &[u32]) -> Vec<AttemptKey> {
    soon("known", scheduler.find_known(&keys(numbers)))
        .await
        .expect("the broker answers")
}

/// Nothing is lost: the scheduler is notified, and what it publishes again, the same attempt,
/// goes before what waited meanwhile, and not before what is more urgent.
pub async fn released_attempts_are_published_again_and_go_first(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let leaves = Sample::new(fixture, "leaves", 3).await;
    publish(&*scheduler, &[1, 2, 3]).await;
    assert_eq!(leaves.claim(9).await, keys(&[1, 2, 3]));
    notices(&*scheduler, 3).await;
    soon("pause", leaves.broker.pause()).await.expect("paused");
    release(&leaves, &[2, 3]).await;
    assert_eq!(notices(&*scheduler, 2).await, [released(2), released(3)]);
    assert_eq!(leaves.renew(&keys(&[1, 2, 3])).await, keys(&[2, 3]));
    publish(&*scheduler, &[4]).await;
    let urgent = vec![dispatch(5, QUEUE, 1)];
    soon("publish", scheduler.publish(urgent))
        .await
        .expect("there is room");
    publish(&*scheduler, &[2, 3]).await;
    let next = Sample::new(fixture, "next", 9).await;
    assert_eq!(next.claim(9).await, keys(&[5, 2, 3, 4]));
    let delivered = notices(&*scheduler, 4).await;
    assert_eq!(
        delivered,
        [5, 2, 3, 4].map(|number| started(number, "next"))
    );
    // Nothing of its old claim is left that could run out.
    soon("leave", leaves.broker.leave()).await.expect("left");
    let delivered = rest(fixture, &*scheduler).await;
    assert_eq!(delivered, [super::sample::expired(1)]);
    assert_eq!(next.renew(&keys(&[5, 2, 3, 4])).await, []);
}

/// Not another's, nor what was reported or taken away, nor what is given back already; and a
/// worker that serves on has free slots again.
pub async fn only_held_attempts_are_released(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let one = Sample::new(fixture, "one", 3).await;
    publish(&*scheduler, &[1, 2, 3]).await;
    assert_eq!(one.claim(9).await, keys(&[1, 2, 3]));
    let two = Sample::new(fixture, "two", 3).await;
    one.report(&[1]).await;
    soon("revoke", scheduler.revoke(&keys(&[2])))
        .await
        .expect("revoked");
    notices(&*scheduler, 2).await;
    rest(fixture, &*scheduler).await;
    release(&two, &[1, 2, 3, 4]).await;
    release(&one, &[1, 2, 4]).await;
    no_notices(fixture, &*scheduler).await;
    release(&one, &[3]).await;
    assert_eq!(notices(&*scheduler, 1).await, [released(3)]);
    release(&one, &[3]).await;
    no_notices(fixture, &*scheduler).await;
    publish(&*scheduler, &[3]).await;
    assert_eq!(one.claim(9).await, keys(&[3]), "it serves on");
}

/// So it is not taken for lost meanwhile. Until then it is notified again to each scheduler that asks, and is
/// announced by no worker; what is revoked is gone.
pub async fn released_attempts_are_known_until_they_are_published_again(fixture: &dyn Fixture) {
    let before = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*before, &[1, 2]).await;
    assert_eq!(worker.claim(9).await, keys(&[1, 2]));
    release(&worker, &[1, 2]).await;
    rest(fixture, &*before).await;
    let scheduler = fixture.scheduler().await;
    assert_eq!(known(&*scheduler, &[1, 2, 3]).await, keys(&[1, 2]));
    let mut again = rest(fixture, &*scheduler).await;
    again.sort_by_key(|notice| format!("{notice:?}"));
    again.dedup();
    assert_eq!(again, [released(1), released(2)]);
    worker.register(&keys(&[1])).await;
    assert_eq!(worker.renew(&keys(&[1])).await, keys(&[1]));
    soon("revoke", scheduler.revoke(&keys(&[2])))
        .await
        .expect("revoked");
    assert_eq!(known(&*scheduler, &[1, 2]).await, keys(&[1]));
    rest(fixture, &*scheduler).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(known(&*scheduler, &[1]).await, keys(&[1]));
    no_notices(fixture, &*scheduler).await;
    assert_eq!(worker.claim(9).await, keys(&[1]));
    waits(fixture, "a claim of nothing", worker.broker.claim(1)).await;
    // What is not published again is not wanted.
    release(&worker, &[1]).await;
    expect_notice(&*scheduler, &released(1)).await;
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    assert_eq!(known(&*scheduler, &[1]).await, []);
    no_notices(fixture, &*scheduler).await;
}
