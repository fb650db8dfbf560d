//! Crash attribution after a restart: the worker reports the suspects of the process before it,
//! and runs them one at a time.

use crate::rig::{Rig, Setup};
use std::{fs, path::Path, time::Duration};
use weft_broker::{AttemptKey, ReportedOutcome};
use weft_core::suspicion::Evidence;

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_hours(1);

fn setup(journal: &Path) -> Setup {
    let mut setup = Setup::new();
    setup.options.journal = Some(journal.to_owned());
    setup.options.watch = FOR_EVER;
    setup
}

/// The evidence of the next process about the attempts, after a kill of this one.
async fn evidence_after_a_kill(rig: Rig, journal: &Path, keys: &[AttemptKey]) -> Vec<Evidence> {
    let left = fs::read(journal).expect("the worker wrote it");
    // The worker ends with it.
    drop(rig);
    fs::write(journal, left).expect("there is room");
    let mut next = Rig::with(setup(journal)).await;
    let mut reported = Vec::new();
    for key in keys {
        let outcome = next.report_of(*key).await.outcome;
        let ReportedOutcome::Failed(failure) = outcome else {
            panic!("{outcome:?}");
        };
        assert!(failure.retryable);
        reported.push(failure.evidence().expect("it died with its worker"));
    }
    next.end().await.expect("it drains");
    assert!(!journal.exists(), "no attempt ran when it ended");
    reported
}

#[tokio::test]
async fn a_restarted_worker_reports_the_suspects_of_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("running");
    let mut rig = Rig::with(setup(&journal)).await;
    let one = rig.publish(rig.dispatch("loop", "1")).await;
    let two = rig.publish(rig.dispatch("loop", "2")).await;
    let ended = rig.publish(rig.dispatch("echo", "3")).await;
    rig.report_of(ended).await;
    rig.until(|stats| stats.running == 2).await;
    let others = Evidence::Among { others: 1 };
    assert_eq!(
        evidence_after_a_kill(rig, &journal, &[one, two]).await,
        [others, others]
    );
}

#[tokio::test]
async fn watched_attempts_start_one_at_a_time_and_block_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("running");
    let mut rig = Rig::with(setup(&journal)).await;
    let watched = |rig: &Rig| {
        let mut dispatch = rig.dispatch("loop", "1");
        dispatch.watched = true;
        dispatch
    };
    let first = rig.publish(watched(&rig)).await;
    rig.until(|stats| stats.running == 1).await;
    let second = rig.publish(watched(&rig)).await;
    rig.publish(watched(&rig)).await;
    for number in 0..20 {
        let other = rig.publish(rig.dispatch("echo", &number.to_string())).await;
        rig.report_of(other).await;
    }
    let beside = rig.publish(rig.dispatch("loop", "1")).await;
    rig.until(|stats| stats.running == 2 && stats.waiting == 2)
        .await;
    rig.revoke(first).await;
    rig.report_of(first).await;
    rig.until(|stats| stats.running == 2 && stats.waiting == 1)
        .await;
    // The one that waits was not there.
    let reported = evidence_after_a_kill(rig, &journal, &[second, beside]).await;
    assert_eq!(reported, [Evidence::Alone, Evidence::Among { others: 1 }]);
}

#[tokio::test]
async fn the_next_watched_attempt_starts_after_the_watch_period() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("running");
    let mut setup = setup(&journal);
    setup.options.watch = Duration::from_millis(50);
    let mut rig = Rig::with(setup).await;
    let mut keys = Vec::new();
    for _ in 0..3 {
        let mut dispatch = rig.dispatch("loop", "1");
        dispatch.watched = true;
        keys.push(rig.publish(dispatch).await);
    }
    rig.until(|stats| stats.running == 3).await;
    let reported = evidence_after_a_kill(rig, &journal, &keys).await;
    let alone: Vec<&Evidence> = reported
        .iter()
        .filter(|evidence| **evidence == Evidence::Alone)
        .collect();
    assert_eq!(alone.len(), 1, "{reported:?}");
    assert_eq!(reported[2], Evidence::Alone, "the last one is watched");
}
