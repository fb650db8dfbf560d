//! Dynamic mapping: a million elements as a range, an empty list, `max_active`.

use super::driver::{Drive, at, failed, mapped, ruled, task, timer};
use weft_core::{
    document::TaskIndex,
    run::{
        Action, Cause, Event, InstanceState, MAX_INSTANCES, Marked, Outcome, Rejection, RunState,
    },
    trigger_rule::TriggerRule,
};

const MIDDLE: TaskIndex = TaskIndex(1);

/// 0 -> 1 (mapped over the output of 0) -> 2, with 1 asked for its elements.
fn asked(max_active: Option<u32>) -> Drive {
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], max_active), task(&[1])]);
    drive.succeed(0);
    assert!(drive.take_actions().contains(&Action::Expand {
        task: MIDDLE,
        generation: 0
    }));
    drive
}

#[test]
fn a_million_elements_are_one_range_until_they_are_touched() {
    let mut drive = asked(None);
    drive.expand(1, 1_000_000);
    assert_eq!(
        drive.take_actions(),
        [Action::Ready {
            task: MIDDLE,
            indexes: 0..1_000_000
        }]
    );
    assert_eq!(drive.run.counts(MIDDLE).ready, 1_000_000);
    drive.attempted(1, 999_999, Outcome::Success);
    assert_eq!(drive.run.unfinished(), 1_000_000);
    drive.take_actions();
    drive.ok(Event::Cancel);
    let (state, cause) = (InstanceState::Cancelled, Cause::Cancelled);
    assert!(drive.take_actions().contains(&Action::RangeChanged {
        task: MIDDLE,
        indexes: 0..999_999,
        state,
        cause
    }));
    drive.ended(RunState::Cancelled);
}

#[test]
fn downstreams_wait_for_every_instance() {
    let mut drive = asked(None);
    drive.expand(1, 3);
    drive.refused(
        Event::Expanded {
            task: MIDDLE,
            generation: 0,
            instances: 3,
        },
        Rejection::Duplicate,
    );
    for index in [2, 0] {
        drive.attempted(1, index, Outcome::Success);
        assert_eq!(drive.state(2), InstanceState::Waiting);
    }
    drive.attempted(1, 1, Outcome::Success);
    drive.succeed(2);
    drive.ended(RunState::Success);
}

#[test]
fn an_empty_list_skips_the_task() {
    let mut drive = asked(None);
    drive.expand(1, 0);
    drive.states(&[
        InstanceState::Success,
        InstanceState::Skipped,
        InstanceState::Skipped,
    ]);
    drive.ended(RunState::Success);
}

#[test]
fn no_list_and_too_long_a_list_fail_the_task() {
    let mut drive = asked(None);
    drive.expand(1, MAX_INSTANCES + 1);
    drive.states(&[
        InstanceState::Success,
        InstanceState::Failed,
        InstanceState::UpstreamFailed,
    ]);
    let mut drive = asked(None);
    drive.ok(Event::ExpandFailed {
        task: MIDDLE,
        generation: 0,
        message: "a number is no list".into(),
    });
    drive.states(&[
        InstanceState::Success,
        InstanceState::Failed,
        InstanceState::UpstreamFailed,
    ]);
    drive.ended(RunState::Failed);
}

#[test]
fn a_source_without_an_output_fails_the_task_whatever_its_rule() {
    let anyway = |upstream| Drive::started(vec![upstream, mapped(&[0], None)]);
    let mut drive = anyway(task(&[]));
    drive.attempted(0, 0, Outcome::Skipped);
    assert_eq!(drive.state(1), InstanceState::Skipped);
    let lenient = weft_core::plan::Step {
        rule: TriggerRule::AllDone,
        ..mapped(&[0], None)
    };
    let mut drive = Drive::started(vec![task(&[]), lenient]);
    drive.take_actions();
    drive.fail(0);
    let (instance, state, cause) = (at(1, 0), InstanceState::UpstreamFailed, Cause::NoSource);
    assert!(drive.take_actions().contains(&Action::InstanceChanged {
        instance,
        state,
        cause
    }));
}

#[test]
fn no_more_than_max_active_are_released() {
    let mut drive = asked(Some(2));
    drive.expand(1, 5);
    assert_eq!(
        drive.take_actions(),
        [Action::Ready {
            task: MIDDLE,
            indexes: 0..2
        }]
    );
    drive.refused(
        Event::Dispatched {
            instance: at(1, 2),
            nonce: 1,
        },
        Rejection::WrongState,
    );
    // An instance that waits for its retry does not count towards `max_active`.
    let first = drive.attempted(1, 0, failed(true));
    assert_eq!(
        drive.take_actions().last(),
        Some(&Action::Ready {
            task: MIDDLE,
            indexes: 2..3
        })
    );
    drive.ok(Event::Due {
        timer: timer(first),
    });
    assert_eq!(drive.take_actions(), []);
    drive.refused(
        Event::Due {
            timer: timer(first),
        },
        Rejection::Stale,
    );
    drive.attempted(1, 1, Outcome::Success);
    assert_eq!(
        drive.take_actions().last(),
        Some(&Action::Ready {
            task: MIDDLE,
            indexes: 0..1
        })
    );
    // What is marked ahead of the cursor is passed over.
    drive.ok(Event::Mark {
        instance: at(1, 3),
        as_state: Marked::Success,
    });
    drive.attempted(1, 2, Outcome::Success);
    assert_eq!(
        drive.take_actions().last(),
        Some(&Action::Ready {
            task: MIDDLE,
            indexes: 4..5
        })
    );
    drive.attempted(1, 4, Outcome::Success);
    drive.attempted(1, 0, Outcome::Success);
    drive.succeed(2);
    drive.ended(RunState::Success);
}

#[test]
fn rules_count_instances() {
    let steps = vec![
        task(&[]),
        mapped(&[0], None),
        ruled(&[1], TriggerRule::OneSuccess),
        ruled(&[1], TriggerRule::OneFailed),
        ruled(&[1], TriggerRule::AllDone),
    ];
    let mut drive = Drive::started(steps);
    drive.succeed(0);
    drive.expand(1, 3);
    drive.attempted(1, 0, Outcome::Success);
    assert_eq!(drive.state(2), InstanceState::Ready);
    drive.attempted(1, 1, failed(false));
    assert_eq!(
        (drive.state(3), drive.state(4)),
        (InstanceState::Ready, InstanceState::Waiting)
    );
    drive.attempted(1, 2, Outcome::Skipped);
    assert_eq!(drive.state(4), InstanceState::Ready);
}

#[test]
fn clearing_the_source_expands_again() {
    let mut drive = asked(None);
    drive.expand(1, 3);
    let old = drive.attempted(1, 2, Outcome::Success);
    let running = drive.dispatch(1, 1);
    drive.take_actions();
    drive.clear(&[0], true);
    let returned = drive.take_actions();
    assert!(returned.contains(&Action::Revoke { attempt: running }));
    assert!(returned.contains(&Action::Cleared {
        task: MIDDLE,
        generation: 1,
        instances: 3,
    }));
    assert_eq!(drive.run.instances_of(MIDDLE), 1);
    drive.succeed(0);
    assert!(drive.take_actions().contains(&Action::Expand {
        task: MIDDLE,
        generation: 1
    }));
    drive.refused(
        Event::Expanded {
            task: MIDDLE,
            generation: 0,
            instances: 3,
        },
        Rejection::Stale,
    );
    drive.expand(1, 2);
    drive.refused(
        Event::Finished {
            attempt: old,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    // Numbers rise over the clear, for every instance.
    assert_eq!(drive.attempted(1, 0, Outcome::Success).number, 2);
    assert_eq!(drive.attempted(1, 1, Outcome::Success).number, 2);
    drive.succeed(2);
    drive.ended(RunState::Success);
}

#[test]
fn an_element_that_fails_fails_what_waits_for_all() {
    let mut drive = asked(None);
    drive.expand(1, 2);
    drive.attempted(1, 0, failed(false));
    assert_eq!(drive.state(2), InstanceState::UpstreamFailed);
    assert_eq!(drive.run.state(), RunState::Running);
    drive.attempted(1, 1, Outcome::Success);
    drive.ended(RunState::Failed);
}
