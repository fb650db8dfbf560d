//! Attempts that were claimed ahead and wait behind long ones.

use crate::rig::{Rig, Setup};
use std::time::Duration;
use weft_broker::ReportedOutcome;

#[tokio::test]
async fn an_attempt_that_waits_too_long_is_released_and_not_claimed_ahead_again() {
    let mut setup = Setup::new();
    setup.options.slots = 1;
    setup.options.prefetch = 1;
    setup.options.start_within = Duration::from_millis(300);
    setup.options.cancel_grace = Duration::from_mins(1);
    let mut rig = Rig::with(setup).await;
    let long = rig.publish(rig.dispatch("patient", "1")).await;
    let echo = rig.dispatch("echo", "1");
    let waiting = rig.publish(echo.clone()).await;
    rig.until(|stats| stats.running == 1 && stats.waiting == 1)
        .await;
    while !rig.released.contains(&waiting) {
        rig.receive().await;
    }
    rig.until(|stats| stats.waiting == 0).await;
    // Another worker could claim it now; this one leaves it until its slot is free.
    rig.publish(echo).await;
    rig.revoke(long).await;
    let outcome = rig.report_of(waiting).await.outcome;
    assert!(
        matches!(outcome, ReportedOutcome::Success { .. }),
        "{outcome:?}"
    );
    assert_eq!(rig.released, [waiting], "once");
    assert_eq!(rig.expired, [], "nothing is lost");
}
