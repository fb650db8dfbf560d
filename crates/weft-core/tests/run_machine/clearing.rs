//! Clears of a selection: single instances, what failed, what is upstream.

use super::driver::{Drive, at, failed, mapped, ruled, task};
use weft_core::{
    document::TaskIndex,
    run::{Action, Attempt, Event, InstanceState as S, Outcome, Rejection, RunState, Selection},
    trigger_rule::TriggerRule,
};

const MIDDLE: TaskIndex = TaskIndex(1);

fn tasks(tasks: &[u32]) -> Selection {
    Selection::of(tasks.iter().copied().map(TaskIndex).collect(), false)
}

fn indexes(task: u32, indexes: &str) -> Selection {
    Selection {
        indexes: Some(indexes.parse().expect("indexes")),
        ..tasks(&[task])
    }
}

fn of_middle(drive: &Drive) -> Vec<S> {
    (0..drive.run.instances_of(MIDDLE))
        .map(|index| drive.run.instance(at(1, index)).expect("it exists"))
        .collect()
}

/// 0 -> 1, mapped over 0 -> 2; of the five instances of 1 the second and the fourth failed.
fn ended(max_active: Option<u32>) -> Drive {
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], max_active), task(&[1])]);
    drive.succeed(0);
    drive.expand(1, 5);
    for index in [0, 2, 4] {
        if max_active.is_none() {
            drive.attempted(1, index, Outcome::Success);
        }
    }
    for index in 0..5 {
        if drive.run.instance(at(1, index)) == Some(S::Ready) {
            let outcome = if index % 2 == 1 {
                failed(false)
            } else {
                Outcome::Success
            };
            drive.attempted(1, index, outcome);
        }
    }
    drive.ended(RunState::Failed);
    drive.take_actions();
    drive
}

#[test]
fn what_failed_of_a_run_runs_again_and_nothing_else() {
    let mut drive = ended(None);
    let generation = drive.run.generation(MIDDLE);
    drive.ok(Event::Clear(Selection::failed()));
    let actions = drive.take_actions();
    for index in [1, 3] {
        assert!(actions.contains(&Action::InstancesCleared {
            task: MIDDLE,
            indexes: index..index + 1
        }));
        assert_eq!(drive.run.repeats(at(1, index)), 1);
    }
    assert!(actions.contains(&Action::Cleared {
        task: TaskIndex(2),
        generation: 1,
        instances: 1
    }));
    assert_eq!(
        of_middle(&drive),
        [S::Success, S::Ready, S::Success, S::Ready, S::Success]
    );
    assert_eq!(drive.state(2), S::Waiting);
    assert_eq!(drive.run.generation(MIDDLE), generation);
    assert_eq!(drive.run.repeats(at(1, 0)), 0);
    assert_eq!(drive.attempted(1, 1, Outcome::Success).number, 2);
    drive.attempted(1, 3, Outcome::Success);
    drive.succeed(2);
    drive.ended(RunState::Success);
    drive.refused(
        Event::Clear(Selection::failed()),
        Rejection::NothingSelected,
    );
}

#[test]
fn named_instances_run_again_whatever_their_state() {
    let mut drive = ended(None);
    drive.ok(Event::Clear(indexes(1, "0-1,4")));
    assert_eq!(
        of_middle(&drive),
        [S::Ready, S::Ready, S::Success, S::Failed, S::Ready]
    );
    // What is downstream keeps its state, as with a clear of the whole task.
    assert_eq!(drive.state(2), S::UpstreamFailed);
    let live = drive.dispatch(1, 4);
    drive.take_actions();
    drive.ok(Event::Clear(indexes(1, "4")));
    assert_eq!(drive.take_actions()[0], Action::Revoke { attempt: live });
    drive.refused(
        Event::Finished {
            attempt: live,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    assert_eq!(
        drive.dispatch(1, 4),
        Attempt {
            number: 3,
            nonce: 3,
            ..live
        }
    );
    assert_eq!(drive.run.repeats(at(1, 4)), 2);
    drive.refused(Event::Clear(indexes(1, "5")), Rejection::Unknown);
    // Those that may run already are left as they are.
    drive.refused(Event::Clear(indexes(1, "0-1")), Rejection::NothingSelected);
}

#[test]
fn cleared_instances_respect_max_active() {
    let mut drive = ended(Some(2));
    drive.ok(Event::Clear(indexes(1, "0-4")));
    assert_eq!(
        of_middle(&drive),
        [S::Ready, S::Ready, S::Waiting, S::Waiting, S::Waiting]
    );
    drive.attempted(1, 0, Outcome::Success);
    assert_eq!(drive.run.instance(at(1, 2)), Some(S::Ready));
    for index in 1..5 {
        drive.attempted(1, index, Outcome::Success);
    }
    assert_eq!(drive.run.counts(MIDDLE).success, 5);
}

#[test]
fn a_cancelled_run_goes_on_with_what_was_not_done() {
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], None), task(&[1])]);
    drive.succeed(0);
    drive.expand(1, 1_000);
    drive.attempted(1, 7, Outcome::Success);
    drive.ok(Event::Cancel);
    drive.take_actions();
    drive.ok(Event::Clear(Selection::failed()));
    let ready: Vec<_> = drive
        .take_actions()
        .into_iter()
        .filter(|action| matches!(action, Action::Ready { .. }))
        .collect();
    assert_eq!(
        ready,
        [0..7, 8..1_000].map(|indexes| Action::Ready {
            task: MIDDLE,
            indexes
        })
    );
    assert_eq!(drive.run.counts(MIDDLE).success, 1);
    drive.ok(Event::Cancel);
    assert_eq!(drive.run.counts(MIDDLE).cancelled, 999);
}

#[test]
fn a_mapped_task_starts_over_when_something_upstream_of_it_does() {
    let rule = TriggerRule::AllDone;
    let steps = vec![
        task(&[]),
        mapped(&[0], None),
        task(&[]),
        ruled(&[1, 2], rule),
    ];
    let mut drive = Drive::started(steps);
    drive.succeed(0);
    drive.expand(1, 2);
    drive.attempted(1, 0, failed(false));
    drive.attempted(1, 1, Outcome::Success);
    drive.fail(2);
    drive.succeed(3);
    let upstream = Selection {
        upstream: true,
        ..tasks(&[1])
    };
    let mut whole = Drive {
        run: drive.run.clone(),
        actions: Vec::new(),
    };
    whole.ok(Event::Clear(upstream));
    assert_eq!(whole.run.instances_of(MIDDLE), 1);
    whole.states(&[S::Ready, S::Waiting, S::Failed, S::Success]);
    // Nothing upstream of it failed: the other instance keeps its success.
    drive.ok(Event::Clear(Selection::failed()));
    assert_eq!(of_middle(&drive), [S::Ready, S::Success]);
    drive.states(&[S::Success, S::Ready, S::Ready, S::Success]);
}

#[test]
fn a_selection_that_says_nothing_is_refused() {
    let mut drive = ended(None);
    drive.refused(Event::Clear(tasks(&[])), Rejection::WrongState);
    let two = Selection {
        tasks: vec![TaskIndex(0), MIDDLE],
        ..indexes(1, "1")
    };
    drive.refused(Event::Clear(two), Rejection::WrongState);
    let contradictory = Selection {
        upstream: true,
        ..indexes(1, "1")
    };
    drive.refused(Event::Clear(contradictory), Rejection::WrongState);
    let succeeded = Selection {
        only_failed: true,
        ..tasks(&[0])
    };
    drive.refused(Event::Clear(succeeded), Rejection::NothingSelected);
}
