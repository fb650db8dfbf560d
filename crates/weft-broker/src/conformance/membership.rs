//! Workers that register, register again, and are forgotten.

use super::{
    Fixture, report,
    sample::{QUEUE, Sample, expired, keys, no_notices, notices, publish, rest, started},
    soon,
};
use crate::{BrokerError, Notice};

/// A registration lasts as long as a lease from the worker's last call on.
pub async fn registration_of_a_silent_worker_expires(fixture: &dyn Fixture) {
    let lease = fixture.terms().lease;
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    fixture.advance_time(lease / 2).await;
    assert_eq!(worker.renew(&[]).await, [], "a call prolongs it");
    fixture.advance_time(lease * 6 / 10).await;
    let demand = soon("demand", scheduler.demand()).await.expect("answered");
    assert_eq!(demand.iter().map(|demand| demand.workers).sum::<u32>(), 1);
    fixture.advance_time(lease * 11 / 10).await;
    let demand = soon("demand", scheduler.demand()).await.expect("answered");
    assert_eq!(demand.iter().map(|demand| demand.workers).sum::<u32>(), 0);
    assert_eq!(
        worker.broker.renew(&[]).await,
        Err(BrokerError::Unregistered)
    );
    worker.register(&[]).await;
    publish(&*scheduler, &[1]).await;
    assert_eq!(worker.claim(1).await, keys(&[1]));
}

/// What a worker announces goes on under a new lease; what it forgot is given back.
pub async fn registering_again_keeps_announced_attempts_and_expires_the_rest(
    fixture: &dyn Fixture,
) {
    let lease = fixture.terms().lease;
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(2).await;
    notices(&*scheduler, 2).await;
    fixture.advance_time(lease / 2).await;
    // The same worker, after its process was started again.
    let again = Sample {
        broker: fixture.worker().await,
        info: worker.info.clone(),
    };
    again.register(&keys(&[2])).await;
    let delivered: Vec<Notice> = rest(fixture, &*scheduler).await;
    assert!(delivered.contains(&expired(1)), "{delivered:?}");
    assert!(!delivered.contains(&expired(2)), "{delivered:?}");
    fixture.advance_time(lease * 6 / 10).await;
    assert_eq!(again.renew(&keys(&[1, 2])).await, keys(&[1]));
    no_notices(fixture, &*scheduler).await;
}

/// An attempt that the broker does not know was claimed before it lost its state: the worker holds it, and the scheduler is notified.
pub async fn worker_announces_attempts_that_a_lost_broker_knew(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    // The scheduler published one of them again before the worker came.
    publish(&*scheduler, &[2]).await;
    let worker = Sample::new(fixture, "worker", 3).await;
    worker.register(&keys(&[1, 2])).await;
    let mut delivered = rest(fixture, &*scheduler).await;
    delivered.dedup();
    assert_eq!(delivered, [started(1, "worker"), started(2, "worker")]);
    assert_eq!(worker.renew(&keys(&[1, 2])).await, []);
    publish(&*scheduler, &[1, 2, 3]).await;
    assert_eq!(worker.claim(9).await, keys(&[3]), "the others are claimed");
    assert_eq!(
        scheduler.find_known(&keys(&[1, 2, 3])).await,
        Ok(keys(&[1, 2, 3]))
    );
}

/// A lease that ran out, and an attempt that was revoked, don't come back by being announced.
pub async fn lost_attempts_can_not_be_announced(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 3).await;
    publish(&*scheduler, &[1, 2]).await;
    worker.claim(1).await;
    fixture.advance_time(fixture.terms().lease * 11 / 10).await;
    worker.register(&keys(&[1])).await;
    worker.claim(1).await;
    soon("revoke", scheduler.revoke(&keys(&[2])))
        .await
        .expect("revoked");
    worker.register(&keys(&[1, 2])).await;
    assert_eq!(worker.renew(&keys(&[1, 2])).await, keys(&[1, 2]));
    assert_eq!(scheduler.find_known(&keys(&[1, 2])).await, Ok(Vec::new()));
}

/// No call is answered as if the worker were known.
pub async fn every_call_of_an_unregistered_worker_fails(fixture: &dyn Fixture) {
    let worker = fixture.worker().await;
    let refusal = BrokerError::Unregistered;
    assert_eq!(soon("renew", worker.renew(&[])).await, Err(refusal.clone()));
    let claimed = soon("claim", worker.claim(1)).await;
    assert_eq!(claimed.map(|claims| claims.len()), Err(refusal.clone()));
    let reports = vec![report(1, QUEUE)];
    assert_eq!(
        soon("report", worker.report(reports)).await,
        Err(refusal.clone())
    );
    assert_eq!(
        soon("signals", worker.signals(1)).await,
        Err(refusal.clone())
    );
    assert_eq!(
        soon("release", worker.release(&[])).await,
        Err(refusal.clone())
    );
    assert_eq!(soon("pause", worker.pause()).await, Err(refusal.clone()));
    assert_eq!(soon("leave", worker.leave()).await, Err(refusal));
}
