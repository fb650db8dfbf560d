//! Claims that hold, and claims that don't any more.

use super::{
    Fixture,
    sample::{
        Sample, expect_notice, expired, finished, keys, no_notices, notices, publish, started,
    },
    soon, waits,
};

/// A claim holds as long as it is renewed, however long that is.
pub async fn renewed_lease_holds(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 2).await;
    publish(&*scheduler, &[1]).await;
    worker.claim(1).await;
    assert_eq!(notices(&*scheduler, 1).await, [started(1, "worker")]);
    for _ in 0..8 {
        fixture.advance_time(fixture.terms().lease / 2).await;
        assert_eq!(worker.renew(&keys(&[1])).await, []);
    }
    no_notices(fixture, &*scheduler).await;
}

/// A lease that ran out is notified once, without anybody asking; the worker lost the attempt.
pub async fn lease_expires_once_and_fences_the_worker(fixture: &dyn Fixture) {
    let lease = fixture.terms().lease;
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(2).await;
    assert_eq!(
        notices(&*scheduler, 2).await,
        [started(1, "worker"), started(2, "worker")]
    );
    fixture.advance_time(lease / 2).await;
    assert_eq!(
        worker.renew(&keys(&[2])).await,
        [],
        "the other is not renewed"
    );
    fixture.advance_time(lease * 6 / 10).await;
    assert_eq!(notices(&*scheduler, 1).await, [expired(1)]);
    assert_eq!(worker.renew(&keys(&[1, 2])).await, keys(&[1]));
    no_notices(fixture, &*scheduler).await;
    let known = scheduler.find_known(&keys(&[1, 2])).await;
    assert_eq!(
        known,
        Ok(keys(&[2])),
        "an expired attempt is not known any more"
    );
    waits(
        fixture,
        "a claim of an expired attempt",
        worker.broker.claim(1),
    )
    .await;
}

/// A clock that is set an hour ahead or back ends no lease, and afterwards leases last as before.
pub async fn jumps_of_the_clock_expire_nothing(fixture: &dyn Fixture) {
    const HOUR_MS: i64 = 3_600_000;
    let lease = fixture.terms().lease;
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 2).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(2).await;
    notices(&*scheduler, 2).await;
    for jump in [HOUR_MS, -HOUR_MS, -HOUR_MS, HOUR_MS] {
        fixture.jump_clock(jump).await;
        fixture.advance_time(lease / 2).await;
        assert_eq!(worker.renew(&keys(&[1, 2])).await, []);
    }
    no_notices(fixture, &*scheduler).await;
    fixture.jump_clock(-HOUR_MS).await;
    fixture.advance_time(lease / 2).await;
    assert_eq!(worker.renew(&keys(&[2])).await, []);
    fixture.advance_time(lease * 6 / 10).await;
    assert_eq!(notices(&*scheduler, 1).await, [expired(1)]);
    assert_eq!(worker.renew(&keys(&[1, 2])).await, keys(&[1]));
}

/// Whether a late outcome counts is not the broker's to say.
pub async fn late_report_is_forwarded(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 2).await;
    publish(&*scheduler, &[1]).await;
    worker.claim(1).await;
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    expect_notice(&*scheduler, &expired(1)).await;
    worker.register(&[]).await;
    worker.report(&[1]).await;
    assert_eq!(notices(&*scheduler, 1).await, [finished(1, "worker")]);
    soon("confirm", scheduler.confirm(&keys(&[1])))
        .await
        .expect("confirmed");
    let signals = soon("signals", worker.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![crate::Signal::Confirmed(super::key(1))]));
}

/// A worker that leaves releases its attempts; earlier reports stay valid.
pub async fn leaving_expires_held_attempts(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(2).await;
    notices(&*scheduler, 2).await;
    worker.report(&[1]).await;
    soon("leave", worker.broker.leave()).await.expect("it left");
    assert_eq!(
        notices(&*scheduler, 2).await,
        [finished(1, "worker"), expired(2)]
    );
    no_notices(fixture, &*scheduler).await;
    assert_eq!(
        worker.broker.renew(&[]).await,
        Err(crate::BrokerError::Unregistered)
    );
}
