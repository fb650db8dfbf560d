//! Teardowns: when they run, what they count for, and what a cancel and a clear do with them.

use super::driver::{Drive, at, failed, mapped, task, teardown};
use weft_core::{
    document::TaskIndex,
    plan::Step,
    run::{
        Action, Event, InstanceState as S, Marked, Outcome, Rejection, RunState, Selection, Timer,
    },
    teardown::{MAX_NESTED_SETUPS, Teardown},
};

/// 0, the setup, -> 1, the work, -> 2, the teardown of 0.
fn cluster() -> Vec<Step> {
    vec![task(&[]), task(&[0]), teardown(&[0, 1], &[0])]
}

/// A teardown that fails its run.
fn that_counts(step: Step) -> Step {
    let teardown = step.teardown.map(|teardown| Teardown {
        fails_run: true,
        ..teardown
    });
    Step { teardown, ..step }
}

#[test]
fn a_teardown_runs_after_work_that_failed_and_its_run_fails() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    drive.fail(1);
    assert_eq!(drive.state(2), S::Ready);
    drive.succeed(2);
    drive.ended(RunState::Failed);
}

#[test]
fn a_teardown_waits_for_everything_upstream() {
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[0]),
        task(&[0]),
        teardown(&[0, 1, 2], &[0]),
    ]);
    drive.succeed(0);
    drive.fail(1);
    assert_eq!(drive.state(3), S::Waiting);
    drive.succeed(2);
    assert_eq!(drive.state(3), S::Ready);
}

#[test]
fn a_teardown_without_a_setup_that_succeeded_does_not_run() {
    let mut drive = Drive::started(cluster());
    drive.fail(0);
    drive.states(&[S::Failed, S::UpstreamFailed, S::UpstreamFailed]);
    drive.ended(RunState::Failed);

    let mut drive = Drive::started(cluster());
    drive.attempted(0, 0, Outcome::Skipped);
    drive.states(&[S::Skipped, S::Skipped, S::Skipped]);
    drive.ended(RunState::Success);

    let mut drive = Drive::started(vec![task(&[]), task(&[]), teardown(&[0, 1], &[0, 1])]);
    drive.fail(0);
    drive.succeed(1);
    assert_eq!(drive.state(2), S::Ready, "one setup is enough");
}

#[test]
fn a_teardown_of_no_setup_always_runs() {
    let mut drive = Drive::started(vec![task(&[]), teardown(&[0], &[])]);
    drive.fail(0);
    assert_eq!(drive.state(1), S::Ready);
}

#[test]
fn how_a_teardown_ends_counts_only_where_its_author_says_so() {
    for (step, end) in [
        (teardown(&[0, 1], &[0]), RunState::Success),
        (that_counts(teardown(&[0, 1], &[0])), RunState::Failed),
    ] {
        let mut drive = Drive::started(vec![task(&[]), task(&[0]), step]);
        drive.succeed(0);
        drive.succeed(1);
        drive.fail(2);
        drive.ended(end);
    }
    // A teardown that counts is the leaf, and hides that the work failed, as any task with such a rule does.
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[0]),
        that_counts(teardown(&[0, 1], &[0])),
    ]);
    drive.succeed(0);
    drive.fail(1);
    drive.succeed(2);
    drive.ended(RunState::Success);
}

#[test]
fn a_cancel_ends_the_work_and_then_tears_down() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    let work = drive.dispatch(1, 0);
    drive.take_actions();
    drive.ok(Event::Cancel);
    let actions = drive.take_actions();
    assert!(actions.contains(&Action::Revoke { attempt: work }));
    assert!(
        !actions
            .iter()
            .any(|action| matches!(action, Action::RunChanged { .. })),
        "the run goes on: {actions:?}"
    );
    drive.states(&[S::Success, S::Cancelled, S::Ready]);
    assert_eq!(drive.run.state(), RunState::Running);
    drive.attempted(2, 0, failed(true));
    assert!(
        matches!(drive.state(2), S::UpForRetry { .. }),
        "its retries are its own"
    );
    let attempt = drive.attempt(at(2, 0));
    drive.due(attempt);
    drive.succeed(2);
    drive.ended(RunState::Cancelled);
    assert_eq!(
        drive.take_actions().last(),
        Some(&Action::RunChanged {
            state: RunState::Cancelled
        })
    );
}

#[test]
fn a_cancel_leaves_a_teardown_that_runs_alone() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    drive.succeed(1);
    let attempt = drive.dispatch(2, 0);
    drive.ok(Event::Cancel);
    assert!(matches!(drive.state(2), S::Queued { .. }));
    drive.finish(attempt, Outcome::Success);
    drive.ended(RunState::Cancelled);
}

#[test]
fn a_second_cancel_ends_the_teardowns_too() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    drive.ok(Event::Cancel);
    let attempt = drive.dispatch(2, 0);
    drive.ok(Event::Cancel);
    assert!(drive.take_actions().contains(&Action::Revoke { attempt }));
    drive.ended(RunState::Cancelled);
    drive.refused(Event::Cancel, Rejection::RunEnded);
}

#[test]
fn a_cancel_before_anything_was_set_up_ends_the_run() {
    let mut drive = Drive::started(cluster());
    drive.ok(Event::Cancel);
    drive.states(&[S::Cancelled, S::Cancelled, S::UpstreamFailed]);
    drive.ended(RunState::Cancelled);
}

#[test]
fn a_run_that_takes_too_long_tears_down_and_its_timeout_is_over() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    let timer = Timer::RunTimeout { episode: 1 };
    assert!(drive.run.timeout_at().is_some());
    drive.ok(Event::Due { timer });
    assert_eq!(drive.run.timeout_at(), None);
    drive.refused(Event::Due { timer }, Rejection::Stale);
    drive.succeed(2);
    drive.ended(RunState::Failed);
    // What is marked later changes nothing of a run that was ended.
    drive.mark(1, Marked::Success);
    assert_eq!(drive.run.state(), RunState::Failed);
}

#[test]
fn a_mapped_teardown_is_not_cancelled_either() {
    let mut drive = Drive::started(vec![
        task(&[]),
        Step {
            teardown: teardown(&[0], &[0]).teardown,
            ..mapped(&[0], Some(1))
        },
    ]);
    drive.succeed(0);
    drive.expand(1, 3);
    drive.ok(Event::Cancel);
    for index in 0..3 {
        drive.attempted(1, index, Outcome::Success);
    }
    drive.ended(RunState::Cancelled);
}

#[test]
fn work_that_runs_again_is_set_up_and_torn_down_again() {
    // 0 setup -> 1 -> 2 -> 3 teardown, and 4 after the setup alone.
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[0]),
        task(&[1]),
        teardown(&[0, 2], &[0]),
        task(&[0]),
    ]);
    drive.succeed(0);
    drive.succeed(1);
    drive.succeed(4);
    drive.fail(2);
    drive.succeed(3);
    drive.ended(RunState::Failed);
    drive.ok(Event::Clear(Selection::failed()));
    drive.states(&[S::Ready, S::Waiting, S::Waiting, S::Waiting, S::Success]);
    drive.succeed(0);
    drive.succeed(1);
    drive.succeed(2);
    drive.succeed(3);
    drive.ended(RunState::Success);
}

#[test]
fn what_is_not_torn_down_yet_is_not_set_up_again() {
    // 0 setup -> 1, 2 -> 3 teardown.
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[0]),
        task(&[0]),
        teardown(&[0, 1, 2], &[0]),
    ]);
    drive.succeed(0);
    drive.fail(1);
    drive.clear(&[1], false);
    assert_eq!(drive.state(0), S::Success);
    assert_eq!(drive.state(1), S::Ready);
}

#[test]
fn setups_within_setups_are_set_up_again_from_the_outside() {
    // 0 setup -> 1 setup -> 2 -> 3 teardown of 1 -> 4 teardown of 0.
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[0]),
        task(&[1]),
        teardown(&[1, 2], &[1]),
        teardown(&[0, 3], &[0]),
    ]);
    for task in 0..5 {
        drive.succeed(task);
    }
    drive.clear(&[2], false);
    drive.states(&[S::Ready, S::Waiting, S::Waiting, S::Waiting, S::Waiting]);
}

#[test]
fn setups_are_followed_outwards_to_a_bounded_depth() {
    // 0 is the outermost setup, each further one is made within the one before, and the last task is
    // the work. Each teardown waits for what is made directly within its setup, so each is found by the
    // one before.
    let depth = u32::try_from(MAX_NESTED_SETUPS).expect("it is small") + 2;
    let mut steps: Vec<Step> = vec![task(&[])];
    steps.extend((1..=depth).map(|at| task(&[at - 1])));
    steps.extend((0..depth).map(|setup| teardown(&[setup, setup + 1], &[setup])));
    let mut drive = Drive::started(steps);
    for at in 0..=2 * depth {
        drive.succeed(at);
    }
    drive.clear(&[depth], false);
    let followed = depth - u32::try_from(MAX_NESTED_SETUPS).expect("it is small");
    assert_eq!(drive.state(followed - 1), S::Success, "beyond the bound");
    assert_eq!(
        drive.state(followed),
        S::Ready,
        "the outermost within the bound"
    );
    assert_eq!(drive.state(followed + 1), S::Waiting);
}

#[test]
fn a_setup_or_a_teardown_alone_runs_again_with_or_without_the_other() {
    let ended = || {
        let mut drive = Drive::started(cluster());
        for task in 0..3 {
            drive.succeed(task);
        }
        drive
    };
    let mut drive = ended();
    drive.clear(&[0], false);
    drive.states(&[S::Ready, S::Success, S::Waiting]);
    let mut drive = ended();
    drive.clear(&[2], false);
    drive.states(&[S::Success, S::Success, S::Ready]);
}

#[test]
fn a_clear_while_teardowns_run_lets_the_run_go_on() {
    let mut drive = Drive::started(cluster());
    drive.succeed(0);
    drive.ok(Event::Cancel);
    drive.ok(Event::Clear(Selection::of(vec![TaskIndex(1)], false)));
    drive.states(&[S::Ready, S::Waiting, S::Waiting]);
    for task in 0..3 {
        drive.succeed(task);
    }
    drive.ended(RunState::Success);
}
