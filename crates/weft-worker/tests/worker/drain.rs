//! The end of a worker.

use crate::{
    brokers::{Faults, Faulty},
    rig::{Rig, Setup},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use weft_broker::ReportedOutcome;
use weft_worker::{Drained, WorkerPhase};

#[tokio::test]
async fn a_drain_lets_running_attempts_end_and_releases_waiting_ones() {
    let mut setup = Setup::new();
    setup.options.slots = 1;
    setup.options.prefetch = 1;
    setup.options.cancel_grace = Duration::from_mins(1);
    let mut rig = Rig::with(setup).await;
    let running = rig.publish(rig.dispatch("patient", "1")).await;
    let waiting = rig.publish(rig.dispatch("echo", "1")).await;
    rig.until(|stats| stats.running == 1 && stats.waiting == 1)
        .await;
    rig.handle.drain();
    rig.until(|stats| stats.phase == WorkerPhase::Draining)
        .await;
    let late = rig.publish(rig.dispatch("echo", "2")).await;
    rig.revoke(running).await;
    // Not only when the worker leaves, which what runs may keep it from for long.
    while !rig.released.contains(&waiting) {
        rig.receive().await;
    }
    let outcome = rig.report_of(running).await.outcome;
    assert!(
        matches!(outcome, ReportedOutcome::Success { .. }),
        "{outcome:?}"
    );
    assert!(!rig.has_report(late) && !rig.has_report(waiting));
    assert_eq!(rig.released, [waiting]);
    assert_eq!(rig.expired, [], "nothing is lost");
    assert_eq!(rig.end().await, Ok(Drained::default()));
}

#[tokio::test]
async fn attempts_are_announced_until_they_are_released() {
    let mut setup = Setup::new();
    setup.options.slots = 1;
    setup.options.prefetch = 1;
    let faults = Arc::new(Faults::default());
    faults.refuse_returns.store(3, Ordering::SeqCst);
    let wrapping = Arc::clone(&faults);
    let mut rig = Rig::wrapped(setup, |inner| {
        Arc::new(Faulty {
            inner,
            faults: wrapping,
        })
    })
    .await;
    rig.publish(rig.dispatch("patient", "1")).await;
    let waiting = rig.publish(rig.dispatch("echo", "1")).await;
    rig.until(|stats| stats.running == 1 && stats.waiting == 1)
        .await;
    rig.handle.drain();
    while !rig.released.contains(&waiting) {
        rig.receive().await;
    }
    assert_eq!(faults.refuse_returns.load(Ordering::SeqCst), 0);
    assert_eq!(rig.expired, [], "nothing is lost");
}

#[tokio::test]
async fn attempts_that_outlast_the_drain_timeout_are_killed() {
    let mut setup = Setup::new();
    setup.options.drain_timeout = Duration::from_millis(200);
    let mut rig = Rig::with(setup).await;
    let key = rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    rig.shut_down();
    while !rig.expired.contains(&key) {
        rig.receive().await;
    }
    assert_eq!(rig.handle.stats().phase, WorkerPhase::Gone);
    assert!(!rig.has_report(key));
    let drained = rig.end().await.expect("it was asked to");
    assert_eq!(drained.killed, 1);
}

#[tokio::test]
async fn an_idle_worker_ends_at_once() {
    let mut rig = Rig::start().await;
    rig.until(|stats| stats.phase == WorkerPhase::Serving).await;
    assert_eq!(rig.end().await, Ok(Drained::default()));
}
