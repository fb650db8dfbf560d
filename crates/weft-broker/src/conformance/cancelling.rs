//! Calls that are dropped while they wait.

use super::{
    Fixture, key,
    sample::{Sample, finished, keys, notices, publish, rest, started},
    soon,
};
use crate::Signal;
use std::{future::Future, pin::pin, task::Poll};

/// Calls are begun and dropped so often.
const DROPS: usize = 25;

/// Polls once; what it returns then, if it does.
async fn poll_once<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    std::future::poll_fn(|context| {
        Poll::Ready(match call.as_mut().poll(context) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        })
    })
    .await
}

/// What a dropped call would have returned, the next one does.
pub async fn dropped_receive_loses_nothing(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    rest(fixture, &*scheduler).await;
    let mut delivered = Vec::new();
    for number in 0..5 {
        for _ in 0..DROPS {
            if let Some(received) = poll_once(scheduler.receive(1)).await {
                delivered.extend(received.expect("answered"));
            }
        }
        publish(&*scheduler, &[number]).await;
        worker.claim(1).await;
        worker.report(&[number]).await;
    }
    while let Some(received) = poll_once(scheduler.receive(1)).await {
        delivered.extend(received.expect("answered"));
    }
    delivered.extend(rest(fixture, &*scheduler).await);
    for number in 0..5 {
        let count = delivered
            .iter()
            .filter(|notice| **notice == finished(number, "worker"))
            .count();
        assert_eq!(count, 1, "{number} in {delivered:?}");
    }
}

/// An attempt is claimed by a later call, or comes again when the dropped call's lease ends.
pub async fn dropped_claim_loses_nothing(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    let mut claimed = Vec::new();
    for number in 0..5 {
        for _ in 0..DROPS {
            if let Some(claims) = poll_once(worker.broker.claim(1)).await {
                let claims = claims.expect("answered");
                claimed.extend(claims.iter().map(|claim| claim.dispatch.key));
            }
        }
        publish(&*scheduler, &[number]).await;
    }
    while let Ok(claims) = tokio::time::timeout(fixture.watch(), worker.broker.claim(9)).await {
        let claims = claims.expect("answered");
        claimed.extend(claims.iter().map(|claim| claim.dispatch.key));
    }
    fixture.advance_time(fixture.terms().lease / 2).await;
    worker.renew(&claimed).await;
    fixture.advance_time(fixture.terms().lease * 6 / 10).await;
    let delivered = rest(fixture, &*scheduler).await;
    for number in 0..5 {
        let is_expired = delivered.contains(&super::sample::expired(number));
        let is_claimed = claimed.contains(&key(number));
        assert!(
            is_claimed != is_expired,
            "{number}: {claimed:?}, {delivered:?}"
        );
        assert!(
            delivered.contains(&started(number, "worker")),
            "{number}: {delivered:?}"
        );
    }
}

/// What a dropped call would have returned, the next one does.
pub async fn dropped_signals_lose_nothing(fixture: &dyn Fixture) {
    let scheduler = fixture.scheduler().await;
    let worker = Sample::new(fixture, "worker", 9).await;
    publish(&*scheduler, &[0, 1, 2]).await;
    worker.claim(9).await;
    notices(&*scheduler, 3).await;
    let mut signals = Vec::new();
    for number in 0..3 {
        for _ in 0..DROPS {
            if let Some(received) = poll_once(worker.broker.signals(1)).await {
                signals.extend(received.expect("answered"));
            }
        }
        soon("revoke", scheduler.revoke(&keys(&[number])))
            .await
            .expect("revoked");
    }
    while signals.len() < 3 {
        signals.extend(
            soon("signals", worker.broker.signals(1))
                .await
                .expect("answered"),
        );
    }
    let expected: Vec<_> = keys(&[0, 1, 2]).into_iter().map(Signal::Revoked).collect();
    assert_eq!(signals, expected);
}
