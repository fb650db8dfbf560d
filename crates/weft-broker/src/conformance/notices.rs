//! Outcomes on their way to the scheduler, and what goes back.

use super::{
    Fixture, held_all, key,
    sample::{
        Sample, expect_notice, expired, finished, keys, no_notices, notices, publish, rest, started,
    },
    soon, waits,
};
use crate::Signal;

/// A report that was received and not confirmed may not have been committed.
pub async fn report_comes_again_until_it_is_confirmed(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1]).await;
    worker.claim(1).await;
    worker.report(&[1]).await;
    expect_notice(&*scheduler, &finished(1, "worker")).await;
    no_notices(fixture, &*scheduler).await;
    for _ in 0..3 {
        fixture
            .advance_time(fixture.redeliver_every() * 11 / 10)
            .await;
        assert_eq!(notices(&*scheduler, 1).await, [finished(1, "worker")]);
    }
    worker.register(&[]).await;
    // The worker's own repetition is absorbed, or is one more notice.
    worker.report(&[1]).await;
    for notice in rest(fixture, &*scheduler).await {
        assert_eq!(notice, finished(1, "worker"));
    }
    soon("confirm", scheduler.confirm(&keys(&[1, 2])))
        .await
        .expect("unknown ones are no error");
    let signals = soon("signals", worker.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
    fixture
        .advance_time(fixture.redeliver_every() * 11 / 10)
        .await;
    no_notices(fixture, &*scheduler).await;
    assert_eq!(scheduler.find_known(&keys(&[1])).await, Ok(Vec::new()));
}

/// A reported attempt occupies no slot, and its lease can't run out any more.
pub async fn report_ends_the_claim(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 1).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(1).await;
    worker.report(&[1]).await;
    assert_eq!(worker.claim(1).await, keys(&[2]));
    assert_eq!(
        worker.renew(&keys(&[1, 2])).await,
        [],
        "a renewal that the report overtook"
    );
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    let delivered = rest(fixture, &*scheduler).await;
    assert!(
        delivered.contains(&finished(1, "worker")) && delivered.contains(&expired(2)),
        "{delivered:?}"
    );
    assert!(!delivered.contains(&expired(1)), "{delivered:?}");
}

/// A worker that lost an attempt can't end it while another one holds it, and drops its report.
pub async fn report_of_an_attempt_that_another_holds_is_refused(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let one = Sample::new(fixture, "one", 1).await;
    publish(&*scheduler, &[1]).await;
    one.claim(1).await;
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    expect_notice(&*scheduler, &expired(1)).await;
    one.register(&[]).await;
    let two = Sample::new(fixture, "two", 1).await;
    soon("pause", one.broker.pause()).await.expect("paused");
    publish(&*scheduler, &[1]).await;
    assert_eq!(two.claim(1).await, keys(&[1]));
    assert_eq!(
        one.renew(&keys(&[1])).await,
        keys(&[1]),
        "it is another's now"
    );
    one.report(&[1]).await;
    let signals = soon("signals", one.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
    assert_eq!(two.renew(&keys(&[1])).await, [], "the holder goes on");
    assert_eq!(rest(fixture, &*scheduler).await, [started(1, "two")]);
    two.report(&[1]).await;
    expect_notice(&*scheduler, &finished(1, "two")).await;
    soon("confirm", scheduler.confirm(&keys(&[1])))
        .await
        .expect("confirmed");
    let signals = soon("signals", two.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
}

/// Two workers that reported the same attempt, which the first one had lost, both get the
/// confirmation.
pub async fn report_of_two_is_one_notice_until_confirmed(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let one = Sample::new(fixture, "one", 1).await;
    publish(&*scheduler, &[1]).await;
    one.claim(1).await;
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    expect_notice(&*scheduler, &expired(1)).await;
    one.register(&[]).await;
    let two = Sample::new(fixture, "two", 1).await;
    one.report(&[1]).await;
    two.report(&[1]).await;
    let delivered = rest(fixture, &*scheduler).await;
    assert_eq!(delivered, [finished(1, "one")]);
    soon("confirm", scheduler.confirm(&keys(&[1])))
        .await
        .expect("confirmed");
    for worker in [&one, &two] {
        let signals = soon("signals", worker.broker.signals(9)).await;
        assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
    }
}

/// A worker that missed the confirmation reports again, and must hear it again.
pub async fn confirmed_report_that_comes_again_is_confirmed_again(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 1).await;
    publish(&*scheduler, &[1]).await;
    worker.claim(1).await;
    for _ in 0..2 {
        worker.report(&[1]).await;
        expect_notice(&*scheduler, &finished(1, "worker")).await;
        soon("confirm", scheduler.confirm(&keys(&[1])))
            .await
            .expect("confirmed");
        let signals = soon("signals", worker.broker.signals(9)).await;
        assert_eq!(signals, Ok(vec![Signal::Confirmed(key(1))]));
    }
}

/// What one scheduler received and didn't settle, the next one receives.
pub async fn new_scheduler_receives_unconfirmed_reports_and_claims(fixture: &dyn Fixture) {
    let first = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    publish(&*first, &[1, 2, 3]).await;
    worker.claim(9).await;
    worker.report(&[1, 2]).await;
    rest(fixture, &*first).await;
    soon("confirm", first.confirm(&keys(&[1])))
        .await
        .expect("confirmed");
    drop(first);
    let second = fixture.scheduler().await;
    let known = soon("known", second.find_known(&keys(&[1, 2, 3, 4]))).await;
    assert_eq!(known, Ok(keys(&[2, 3])));
    let delivered = rest(fixture, &*second).await;
    assert!(delivered.contains(&started(3, "worker")), "{delivered:?}");
    assert!(delivered.contains(&finished(2, "worker")), "{delivered:?}");
    assert!(!delivered.contains(&finished(1, "worker")), "{delivered:?}");
    assert_eq!(
        worker.renew(&keys(&[3])).await,
        [],
        "the worker noticed nothing"
    );
}

/// `known` names what is queued, claimed or reported, and repeats what became of it.
pub async fn find_known_returns_known_attempts_and_repeats_their_notices(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 2).await;
    publish(&*scheduler, &[1, 2, 3]).await;
    worker.claim(2).await;
    worker.report(&[1]).await;
    rest(fixture, &*scheduler).await;
    let known = soon("known", scheduler.find_known(&keys(&[4, 3, 2, 1]))).await;
    assert_eq!(known, Ok(keys(&[3, 2, 1])));
    let delivered = rest(fixture, &*scheduler).await;
    assert_eq!(delivered.len(), 2, "{delivered:?}");
    assert!(
        delivered.contains(&started(2, "worker")) && delivered.contains(&finished(1, "worker"))
    );
}

/// Queued ones vanish, running ones are to be killed, unknown ones are no error.
pub async fn revoked_attempts_are_removed_or_signalled(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 1).await;
    publish(&*scheduler, &[1, 2, 3]).await;
    worker.claim(1).await;
    rest(fixture, &*scheduler).await;
    soon("revoke", scheduler.revoke(&keys(&[1, 2, 9])))
        .await
        .expect("revoked");
    let signals = soon("signals", worker.broker.signals(9)).await;
    assert_eq!(signals, Ok(vec![Signal::Revoked(key(1))]));
    assert_eq!(worker.renew(&keys(&[1])).await, keys(&[1]));
    assert_eq!(
        worker.claim(9).await,
        keys(&[3]),
        "its slot is free, and 2 is gone"
    );
    assert_eq!(
        scheduler.find_known(&keys(&[1, 2, 3])).await,
        Ok(keys(&[3]))
    );
    let delivered = rest(fixture, &*scheduler).await;
    assert!(
        !delivered.contains(&expired(1)),
        "it was taken back, not lost: {delivered:?}"
    );
    // The kill came too late: what it reports is passed on all the same.
    worker.report(&[1]).await;
    assert_eq!(notices(&*scheduler, 1).await, [finished(1, "worker")]);
}

/// `max` bounds both; what is left comes next, and a call with nothing waits.
pub async fn receive_and_signals_return_no_more_than_asked(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    publish(&*scheduler, &[1, 2, 3, 4]).await;
    worker.claim(9).await;
    worker.report(&[1, 2, 3, 4]).await;
    let mut finished = 0;
    while finished < 4 {
        let received = soon("receive", scheduler.receive(3))
            .await
            .expect("answered");
        assert!((1..=3).contains(&received.len()), "{received:?}");
        finished += received
            .iter()
            .filter(|notice| matches!(notice, crate::Notice::Finished(_)))
            .count();
    }
    soon("confirm", scheduler.confirm(&keys(&[1, 2, 3, 4])))
        .await
        .expect("confirmed");
    let mut confirmed = Vec::new();
    while confirmed.len() < 4 {
        let signals = soon("signals", worker.broker.signals(3))
            .await
            .expect("answered");
        assert!((1..=3).contains(&signals.len()), "{signals:?}");
        confirmed.extend(signals);
    }
    let expected: Vec<_> = keys(&[1, 2, 3, 4])
        .into_iter()
        .map(Signal::Confirmed)
        .collect();
    assert_eq!(confirmed, expected);
    waits(fixture, "signals without any", worker.broker.signals(3)).await;
}

/// The scheduler that takes over learns of attempts that it may have to revoke.
pub async fn a_new_scheduler_lists_queued_claimed_and_released_attempts(fixture: &dyn Fixture) {
    let before = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*before, &[1, 2, 3]).await;
    assert_eq!(worker.claim(3).await, keys(&[1, 2, 3]));
    let released = held_all(&keys(&[2]));
    soon("release", worker.broker.release(&released))
        .await
        .expect("answered");
    worker.report(&[3]).await;
    publish(&*before, &[4, 5]).await;
    let scheduler = fixture.scheduler().await;
    let list = async || {
        let listed = soon("list", scheduler.list_attempts()).await;
        let mut listed = listed.expect("answered");
        listed.sort_by_key(|key| key.attempt.nonce);
        listed
    };
    assert_eq!(list().await, keys(&[1, 2, 4, 5]), "the third one has ended");
    soon("revoke", scheduler.revoke(&keys(&[1, 2, 4])))
        .await
        .expect("revoked");
    assert_eq!(list().await, keys(&[5]));
}
