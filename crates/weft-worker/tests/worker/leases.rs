//! Leases: renewed while attempts run, and the end of those that lose them.

use crate::{
    brokers::{Faults, Faulty},
    rig::{Rig, Setup},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use weft_broker::LeaseTerms;
use weft_worker::WorkerPhase;

fn short() -> Setup {
    let mut setup = Setup::new();
    setup.terms = LeaseTerms {
        lease: Duration::from_secs(3),
        renew_every: Duration::from_millis(500),
    };
    setup
}

#[tokio::test]
async fn an_attempt_that_can_not_be_renewed_is_killed_before_its_lease_ends() {
    let setup = short();
    let lease = setup.terms.lease;
    let faults = Arc::new(Faults::default());
    faults.refuse_renewals.store(true, Ordering::SeqCst);
    let mut rig = Rig::wrapped(setup, |inner| {
        let faults = Arc::clone(&faults);
        Arc::new(Faulty { inner, faults })
    })
    .await;
    rig.until(|stats| stats.phase == weft_worker::WorkerPhase::Serving)
        .await;
    let before = Instant::now();
    let key = rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    rig.until(|stats| stats.running == 0).await;
    assert!(before.elapsed() < lease, "{:?}", before.elapsed());
    while !rig.expired.contains(&key) {
        rig.receive().await;
    }
    assert!(!rig.has_report(key));
    assert_eq!(rig.handle.stats().unconfirmed, 0);
}

#[tokio::test]
async fn a_renewed_attempt_outlasts_its_first_lease() {
    let mut setup = short();
    setup.terms.lease = Duration::from_millis(1_500);
    let lease = setup.terms.lease;
    let mut rig = Rig::with(setup).await;
    let before = Instant::now();
    let mut dispatch = rig.dispatch("loop", "1");
    dispatch.limits.timeout_ms = 4_000;
    let key = rig.publish(dispatch).await;
    let report = rig.report_of(key).await;
    assert!(before.elapsed() > 2 * lease);
    assert!(rig.expired.is_empty());
    let outcome = format!("{:?}", report.outcome);
    assert!(outcome.contains("timeout"), "{outcome}");
}

#[tokio::test]
async fn attempts_claimed_during_a_registration_are_announced_by_another_one() {
    let faults = Arc::new(Faults::default());
    faults.late_claims.store(1, Ordering::SeqCst);
    let mut rig = Rig::wrapped(short(), |inner| {
        let faults = Arc::clone(&faults);
        Arc::new(Faulty { inner, faults })
    })
    .await;
    rig.until(|stats| stats.phase == WorkerPhase::Serving).await;
    rig.publish(rig.dispatch("loop", "1")).await;
    faults.forget.store(1, Ordering::SeqCst);
    rig.until(|_| faults.registrations.load(Ordering::SeqCst) == 3)
        .await;
    assert_eq!(faults.held.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_unregistered_answer_from_before_a_registration_is_ignored() {
    let faults = Arc::new(Faults::default());
    faults.late_refusals.store(1, Ordering::SeqCst);
    faults.forget.store(1, Ordering::SeqCst);
    let mut rig = Rig::wrapped(short(), |inner| {
        let faults = Arc::clone(&faults);
        Arc::new(Faulty { inner, faults })
    })
    .await;
    rig.until(|_| faults.registrations.load(Ordering::SeqCst) == 2)
        .await;
    // The next claim is made when the late refusal is heard.
    rig.run("echo", "1").await;
    assert_eq!(faults.registrations.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_worker_lost_by_the_broker_registers_again_with_held_attempts() {
    let setup = short();
    let faults = Arc::new(Faults::default());
    let mut rig = Rig::wrapped(setup, |inner| {
        let faults = Arc::clone(&faults);
        Arc::new(Faulty { inner, faults })
    })
    .await;
    let key = rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    faults.forget.store(1, Ordering::SeqCst);
    rig.until(|_| faults.registrations.load(Ordering::SeqCst) == 2)
        .await;
    assert_eq!(faults.held.load(Ordering::SeqCst), 1);
    rig.revoke(key).await;
    let report = rig.report_of(key).await;
    let outcome = format!("{:?}", report.outcome);
    assert!(outcome.contains("cancelled"), "{outcome}");
    assert!(rig.expired.is_empty());
}
