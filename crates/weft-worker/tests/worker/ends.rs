//! Attempts that are ended from outside.

use crate::rig::{Rig, Setup};
use std::time::Duration;
use weft_broker::{BrokerError, Failure, Output, ReportedOutcome, WorkerBroker as _};
use weft_worker::WorkerError;

fn failed(outcome: ReportedOutcome) -> Failure {
    match outcome {
        ReportedOutcome::Failed(failure) => failure,
        other => panic!("it should fail: {other:?}"),
    }
}

#[tokio::test]
async fn a_revoked_attempt_that_ignores_cancellation_is_killed() {
    let mut rig = Rig::start().await;
    let key = rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    rig.revoke(key).await;
    rig.until(|stats| stats.running == 0).await;
    let failure = failed(rig.report_of(key).await.outcome);
    assert_eq!(&*failure.code, "cancelled");
    assert!(!failure.retryable);
}

#[tokio::test]
async fn a_revoked_attempt_that_handles_cancellation_ends_by_itself() {
    let mut setup = Setup::new();
    setup.options.cancel_grace = Duration::from_mins(1);
    let mut rig = Rig::with(setup).await;
    let key = rig.publish(rig.dispatch("patient", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    rig.revoke(key).await;
    let output = Output::Inline("\"stopped\"".into());
    let outcome = rig.report_of(key).await.outcome;
    assert_eq!(outcome, ReportedOutcome::Success { output });
}

#[tokio::test]
async fn a_revoked_attempt_that_waits_never_runs() {
    let mut setup = Setup::new();
    setup.options.slots = 1;
    setup.options.prefetch = 1;
    let mut rig = Rig::with(setup).await;
    let running = rig.publish(rig.dispatch("loop", "1")).await;
    let waiting = rig.publish(rig.dispatch("echo", "1")).await;
    rig.until(|stats| stats.running == 1 && stats.waiting == 1)
        .await;
    rig.revoke(waiting).await;
    rig.until(|stats| stats.waiting == 0).await;
    rig.revoke(running).await;
    rig.report_of(running).await;
    assert!(!rig.has_report(waiting));
    let after = rig.run("echo", "2").await;
    assert!(
        matches!(after, ReportedOutcome::Success { .. }),
        "{after:?}"
    );
}

#[tokio::test]
async fn a_closed_broker_ends_the_worker() {
    let mut rig = Rig::start().await;
    rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 1).await;
    rig.broker.close();
    assert_eq!(rig.broker.worker().pause().await, Err(BrokerError::Closed));
    assert_eq!(rig.closed().await, Err(WorkerError::BrokerClosed));
}
