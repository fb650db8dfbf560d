//! Reports: kept and repeated until they are confirmed.

use crate::{
    brokers::{Faults, Faulty},
    rig::{Rig, Setup},
};
use std::sync::{Arc, atomic::Ordering};
use weft_broker::ReportedOutcome;

async fn faulty(faults: &Arc<Faults>) -> Rig {
    let faults = Arc::clone(faults);
    Rig::wrapped(Setup::new(), |inner| Arc::new(Faulty { inner, faults })).await
}

#[tokio::test]
async fn a_lost_report_is_sent_again() {
    let faults = Arc::new(Faults::default());
    faults.lose_reports.store(3, Ordering::SeqCst);
    let mut rig = faulty(&faults).await;
    let outcome = rig.run("echo", "1").await;
    assert!(
        matches!(outcome, ReportedOutcome::Success { .. }),
        "{outcome:?}"
    );
    assert_eq!(faults.lose_reports.load(Ordering::SeqCst), 0);
    rig.until(|stats| stats.unconfirmed == 0).await;
}

#[tokio::test]
async fn a_report_waits_for_a_broker_that_does_not_answer() {
    let faults = Arc::new(Faults::default());
    faults.refuse_reports.store(true, Ordering::SeqCst);
    let mut rig = faulty(&faults).await;
    let keys = [
        rig.publish(rig.dispatch("echo", "1")).await,
        rig.publish(rig.dispatch("echo", "2")).await,
    ];
    rig.until(|stats| stats.unconfirmed == 2 && stats.claimed() == 0)
        .await;
    assert_eq!(faults.reports.load(Ordering::SeqCst), 0);
    faults.refuse_reports.store(false, Ordering::SeqCst);
    for key in keys {
        let outcome = rig.report_of(key).await.outcome;
        assert!(
            matches!(outcome, ReportedOutcome::Success { .. }),
            "{outcome:?}"
        );
    }
    rig.until(|stats| stats.unconfirmed == 0).await;
}
