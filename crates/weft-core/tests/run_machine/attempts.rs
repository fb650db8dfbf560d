//! Attempts: fencing, retries, losses, deferrals.

use super::driver::{Drive, NOW, at, failed, ruled, task, timer};
use weft_core::{
    run::{Action, Attempt, Cause, Event, InstanceState, Outcome, Rejection, RunState},
    time::{DurationMs, Timestamp},
    trigger_rule::TriggerRule,
};

#[test]
fn a_retry_waits_and_then_the_failure_is_final() {
    let mut drive = Drive::started(vec![task(&[]), ruled(&[0], TriggerRule::OneFailed)]);
    drive.take_actions();
    let first = drive.attempted(0, 0, failed(true));
    let again = Timestamp(NOW.0 + 1000);
    assert_eq!(drive.state(0), InstanceState::UpForRetry { at: again });
    assert!(drive.take_actions().contains(&Action::SetTimer {
        timer: timer(first),
        at: again
    }));
    drive.due(first);
    assert_eq!(
        drive.take_actions(),
        [Action::Ready {
            task: at(0, 0).task,
            indexes: 0..1
        }]
    );
    let second = drive.attempted(0, 0, failed(true));
    assert_eq!((first.number, second.number), (1, 2));
    drive.states(&[InstanceState::Failed, InstanceState::Ready]);
    drive.refused(
        Event::Due {
            timer: timer(first),
        },
        Rejection::Stale,
    );
}

#[test]
fn a_failure_that_no_retry_helps_is_final() {
    let mut drive = Drive::started(vec![task(&[])]);
    drive.fail(0);
    drive.ended(RunState::Failed);
}

#[test]
fn a_task_can_ask_for_a_later_retry() {
    let mut drive = Drive::started(vec![task(&[])]);
    let retry_after = Some(DurationMs(7000));
    drive.attempted(
        0,
        0,
        Outcome::Failed {
            retryable: true,
            retry_after,
            message: String::new(),
        },
    );
    assert_eq!(
        drive.state(0),
        InstanceState::UpForRetry {
            at: Timestamp(NOW.0 + 7000)
        }
    );
}

#[test]
fn only_the_current_attempt_counts() {
    let mut drive = Drive::started(vec![task(&[])]);
    let attempt = drive.dispatch(0, 0);
    let forged = Attempt {
        nonce: 99,
        ..attempt
    };
    drive.refused(
        Event::Finished {
            attempt: forged,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    let early = Attempt {
        number: 2,
        ..attempt
    };
    drive.refused(
        Event::Finished {
            attempt: early,
            outcome: Outcome::Success,
        },
        Rejection::Unknown,
    );
    drive.ok(Event::Lost { attempt });
    drive.refused(Event::Lost { attempt }, Rejection::Duplicate);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    drive.succeed(0);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    drive.ended(RunState::Success);
}

#[test]
fn the_same_report_is_a_duplicate_and_a_different_one_is_stale() {
    let mut drive = Drive::started(vec![task(&[])]);
    let attempt = drive.attempted(0, 0, Outcome::Success);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        Rejection::Duplicate,
    );
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Skipped,
        },
        Rejection::Stale,
    );
    drive.refused(
        Event::Finished {
            attempt,
            outcome: failed(true),
        },
        Rejection::Stale,
    );
    drive.refused(Event::Started { attempt }, Rejection::Stale);
}

#[test]
fn losses_have_a_bound_of_their_own() {
    let mut drive = Drive::started(vec![task(&[])]);
    // Two losses are allowed, and they leave the author's one retry untouched.
    for _ in 0..2 {
        let attempt = drive.dispatch(0, 0);
        drive.ok(Event::Lost { attempt });
        assert_eq!(drive.state(0), InstanceState::Ready);
        assert!(drive.take_actions().contains(&Action::Revoke { attempt }));
    }
    let failure = drive.attempted(0, 0, failed(true));
    drive.due(failure);
    let attempt = drive.dispatch(0, 0);
    drive.take_actions();
    drive.ok(Event::Lost { attempt });
    let (instance, state, cause) = (at(0, 0), InstanceState::Failed, Cause::LostTooOften);
    assert!(drive.take_actions().contains(&Action::InstanceChanged {
        instance,
        state,
        cause
    }));
    drive.ended(RunState::Failed);
}

#[test]
fn a_deferred_task_goes_on_at_its_time_or_when_woken() {
    let mut drive = Drive::started(vec![task(&[])]);
    let until = Timestamp(NOW.0 + 5);
    drive.take_actions();
    let first = drive.attempted(0, 0, Outcome::Deferred { until: Some(until) });
    assert_eq!(
        drive.state(0),
        InstanceState::Deferred { until: Some(until) }
    );
    assert!(drive.take_actions().contains(&Action::SetTimer {
        timer: timer(first),
        at: until
    }));
    drive.ok(Event::Woken { instance: at(0, 0) });
    drive.refused(
        Event::Due {
            timer: timer(first),
        },
        Rejection::Stale,
    );
    let second = drive.attempted(0, 0, Outcome::Deferred { until: None });
    // Nothing but a wake-up ends a deferral without a time.
    drive.refused(
        Event::Due {
            timer: timer(second),
        },
        Rejection::Stale,
    );
    drive.ok(Event::Woken { instance: at(0, 0) });
    drive.refused(Event::Woken { instance: at(0, 0) }, Rejection::WrongState);
    // The plan of the test allows two deferrals.
    drive.attempted(0, 0, Outcome::Deferred { until: None });
    assert_eq!(drive.state(0), InstanceState::Failed);
}
