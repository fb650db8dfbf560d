//! Who gets what, and in which order.

use super::{
    Fixture,
    sample::{QUEUE, Sample, dispatch, keys, no_notices, notices, publish, started},
    soon, waits,
};
use tokio::join;

/// A published attempt goes to one worker, whole, with the lease that it was promised.
pub async fn attempt_is_claimed_once_and_its_start_is_notified(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let one = Sample::new(fixture, "one", 2).await;
    let two = Sample::new(fixture, "two", 2).await;
    publish(&*scheduler, &[1]).await;
    let claims = soon("claim", one.broker.claim(2)).await.expect("claimed");
    assert_eq!(claims.len(), 1);
    assert_eq!(claims[0].lease, fixture.terms().lease);
    let (got, sent) = (&claims[0].dispatch, dispatch(1, QUEUE, 0));
    assert_eq!(
        (got.key, &got.queue, got.digest, &got.tenant, got.limits),
        (
            sent.key,
            &sent.queue,
            sent.digest,
            &sent.tenant,
            sent.limits
        )
    );
    assert_eq!((&got.code, &got.document), (&sent.code, &sent.document));
    waits(
        fixture,
        "a claim of what another holds",
        two.broker.claim(1),
    )
    .await;
    assert_eq!(notices(&*scheduler, 1).await, [started(1, "one")]);
    no_notices(fixture, &*scheduler).await;
}

/// While an attempt is queued, claimed or reported, publishing it again is no second attempt.
pub async fn publishing_again_changes_nothing(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    publish(&*scheduler, &[1, 2]).await;
    publish(&*scheduler, &[1, 1, 2]).await;
    assert_eq!(worker.claim(1).await, keys(&[1]));
    publish(&*scheduler, &[1]).await;
    assert_eq!(
        worker.claim(9).await,
        keys(&[2]),
        "the claimed one is not queued again"
    );
    worker.report(&[1]).await;
    publish(&*scheduler, &[1]).await;
    waits(
        fixture,
        "a claim of what is reported",
        worker.broker.claim(9),
    )
    .await;
}

/// Priority first, then the order of publishing.
pub async fn higher_priority_goes_first_and_then_the_order_of_publishing(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    let order = [(1, 0), (2, -5), (3, 7), (4, 0), (5, 7)];
    let dispatches = order
        .iter()
        .map(|(number, priority)| dispatch(*number, QUEUE, *priority))
        .collect();
    soon("publish", scheduler.publish(dispatches))
        .await
        .expect("there is room");
    let mut claimed = worker.claim(2).await;
    claimed.extend(worker.claim(9).await);
    assert_eq!(claimed, keys(&[3, 5, 1, 4, 2]));
}

/// A worker sees its own queues only, in its own order.
pub async fn worker_claims_from_its_own_queues_in_their_order(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::of_queues(fixture, "worker", 9, &["second", "first"]).await;
    let dispatches = vec![
        dispatch(1, "first", 9),
        dispatch(2, "other", 9),
        dispatch(3, "second", 0),
    ];
    soon("publish", scheduler.publish(dispatches))
        .await
        .expect("there is room");
    assert_eq!(worker.claim(9).await, keys(&[3, 1]));
    waits(
        fixture,
        "a claim from an empty queue",
        worker.broker.claim(9),
    )
    .await;
    let other = Sample::of_queues(fixture, "other", 9, &["other"]).await;
    assert_eq!(other.claim(9).await, keys(&[2]));
}

/// A claim waits for work; it need not be called again.
pub async fn waiting_claim_returns_when_something_is_published(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 1).await;
    for number in 0..20 {
        let numbers = [number];
        let (claimed, ()) = join!(worker.claim(1), publish(&*scheduler, &numbers));
        assert_eq!(claimed, keys(&[number]));
        worker.report(&numbers).await;
        soon("confirm", scheduler.confirm(&keys(&numbers)))
            .await
            .expect("confirmed");
    }
}

/// Counted from its publishing to its claim.
pub async fn claim_tells_how_long_it_was_queued(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 2).await;
    let span = fixture.terms().lease / 3;
    publish(&*scheduler, &[1]).await;
    fixture.advance_time(span).await;
    publish(&*scheduler, &[2]).await;
    let claims = soon("claim", worker.broker.claim(2))
        .await
        .expect("claimed");
    let waited: Vec<_> = claims.iter().map(|claim| claim.waited).collect();
    assert!(
        waited.len() == 2 && waited[0] >= span * 9 / 10 && waited[1] < span / 2,
        "{waited:?} after {span:?}"
    );
}

/// Nothing stays in the queue while somebody waits for it, and nothing goes to two.
pub async fn waiting_workers_share_published_attempts(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let one = Sample::new(fixture, "one", 1).await;
    let two = Sample::new(fixture, "two", 1).await;
    let three = Sample::new(fixture, "three", 1).await;
    let (a, b, c, ()) = join!(
        one.claim(1),
        two.claim(1),
        three.claim(1),
        publish(&*scheduler, &[1, 2, 3])
    );
    let mut claimed = [a, b, c].concat();
    claimed.sort_by_key(|key| key.attempt.nonce);
    assert_eq!(claimed, keys(&[1, 2, 3]));
}

/// `max`, and slots and prefetch together, bound what is claimed.
pub async fn claim_is_bounded_by_max_and_by_free_slots(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let mut worker = Sample::new(fixture, "worker", 2).await;
    worker.info.prefetch = 1;
    worker.register(&[]).await;
    publish(&*scheduler, &[1, 2, 3, 4, 5]).await;
    assert_eq!(worker.claim(1).await, keys(&[1]));
    assert_eq!(worker.claim(9).await, keys(&[2, 3]));
    waits(
        fixture,
        "a claim without free slots",
        worker.broker.claim(1),
    )
    .await;
    let (claimed, ()) = join!(worker.claim(9), worker.report(&[2]));
    assert_eq!(claimed, keys(&[4]), "a report frees a slot");
}

/// A drain ends claiming and nothing else.
pub async fn paused_worker_claims_nothing_until_it_registers_again(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(worker.claim(1).await, keys(&[1]));
    soon("pause", worker.broker.pause()).await.expect("paused");
    publish(&*scheduler, &[2]).await;
    waits(fixture, "a paused claim", worker.broker.claim(1)).await;
    assert_eq!(worker.renew(&keys(&[1])).await, [], "what is held goes on");
    worker.register(&keys(&[1])).await;
    assert_eq!(worker.claim(9).await, keys(&[2]));
    assert_eq!(worker.renew(&keys(&[1, 2])).await, []);
}
