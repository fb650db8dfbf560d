//! Branches, clears, marks, cancels, timeouts, parts of a DAG, and the run's end.

use super::driver::{Drive, NOW, at, branch, failed, plan, ruled, task, timer};
use weft_core::{
    document::TaskIndex,
    run::{
        Action, Attempt, Cause, Event, InstanceState as S, Marked, Outcome, Rejection, Run,
        RunState, Timer,
    },
    time::Timestamp,
    trigger_rule::TriggerRule,
};

fn chose(tasks: &[u32]) -> Outcome {
    Outcome::Branch {
        chosen: tasks.iter().copied().map(TaskIndex).collect(),
    }
}

/// 0 branches to 1, 2, 3; 1 leads to 4, and 4 to 3.
fn branching() -> Drive {
    Drive::started(vec![
        branch(&[]),
        task(&[0]),
        task(&[0]),
        ruled(&[0, 4], TriggerRule::NoneFailed),
        task(&[1]),
    ])
}

#[test]
fn a_branch_skips_what_it_did_not_choose() {
    let mut drive = branching();
    drive.attempted(0, 0, chose(&[2]));
    drive.states(&[S::Success, S::Skipped, S::Ready, S::Skipped, S::Skipped]);
}

#[test]
fn what_a_chosen_task_leads_to_goes_on() {
    let mut drive = branching();
    drive.attempted(0, 0, chose(&[1]));
    drive.states(&[S::Success, S::Ready, S::Skipped, S::Waiting, S::Waiting]);
    drive.succeed(1);
    drive.succeed(4);
    drive.succeed(3);
    drive.ended(RunState::Success);
}

#[test]
fn a_branch_can_choose_nothing() {
    let mut drive = branching();
    let attempt = drive.attempted(0, 0, chose(&[]));
    drive.ended(RunState::Success);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: chose(&[]),
        },
        Rejection::Duplicate,
    );
    drive.refused(
        Event::Finished {
            attempt,
            outcome: chose(&[1]),
        },
        Rejection::Stale,
    );
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
}

#[test]
fn a_choice_that_cannot_be_made_fails_the_task() {
    let mut drive = branching();
    drive.take_actions();
    drive.attempted(0, 0, chose(&[1, 4]));
    let (instance, state, cause) = (at(0, 0), S::Failed, Cause::BadBranch);
    assert!(drive.take_actions().contains(&Action::InstanceChanged {
        instance,
        state,
        cause
    }));
    let mut drive = Drive::started(vec![task(&[]), task(&[0])]);
    drive.attempted(0, 0, chose(&[1]));
    drive.states(&[S::Failed, S::UpstreamFailed]);
}

#[test]
fn a_choice_holds_until_the_branch_is_cleared() {
    let mut drive = branching();
    drive.attempted(0, 0, chose(&[2]));
    drive.clear(&[1], false);
    assert_eq!(drive.state(1), S::Skipped);
    drive.clear(&[0], true);
    drive.attempted(0, 0, Outcome::Success);
    drive.states(&[S::Success, S::Ready, S::Ready, S::Waiting, S::Waiting]);
}

#[test]
fn clearing_an_ended_run_runs_it_again_from_there() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0]), task(&[1])]);
    drive.succeed(0);
    let first = drive.attempted(1, 0, failed(false));
    drive.ended(RunState::Failed);
    drive.take_actions();
    drive.clear(&[1], true);
    let returned = drive.take_actions();
    assert_eq!(
        returned[0],
        Action::RunChanged {
            state: RunState::Running
        }
    );
    assert_eq!(
        returned[1],
        Action::SetTimer {
            timer: Timer::RunTimeout { episode: 2 },
            at: Timestamp(NOW.0 + 60_000)
        }
    );
    assert_eq!(
        returned[4],
        Action::Ready {
            task: TaskIndex(1),
            indexes: 0..1
        }
    );
    assert_eq!(drive.run.generation(TaskIndex(0)), 0);
    assert_eq!(drive.run.generation(TaskIndex(2)), 1);
    let second = drive.attempted(1, 0, Outcome::Success);
    assert_eq!((first.number, second.number), (1, 2));
    drive.succeed(2);
    drive.ended(RunState::Success);
}

#[test]
fn clearing_without_downstreams_leaves_them_as_they_are() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0]), task(&[0, 1])]);
    drive.succeed(0);
    drive.succeed(1);
    drive.clear(&[0], false);
    drive.states(&[S::Ready, S::Success, S::Ready]);
    let mut drive = Drive::started(vec![task(&[]), task(&[0]), task(&[0, 1])]);
    drive.succeed(0);
    drive.clear(&[0], false);
    drive.succeed(1);
    // What waits counts the cleared task as unfinished again.
    drive.states(&[S::Ready, S::Success, S::Waiting]);
    drive.succeed(0);
    assert_eq!(drive.state(2), S::Ready);
}

#[test]
fn a_clear_gives_the_author_all_retries_again() {
    let mut drive = Drive::started(vec![task(&[])]);
    let attempt = drive.attempted(0, 0, failed(true));
    drive.clear(&[0], false);
    drive.refused(
        Event::Due {
            timer: timer(attempt),
        },
        Rejection::Stale,
    );
    drive.attempted(0, 0, failed(true));
    assert!(matches!(drive.state(0), S::UpForRetry { .. }));
}

#[test]
fn a_mark_ends_an_instance_and_lets_its_downstreams_go_on() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0])]);
    let attempt = drive.dispatch(0, 0);
    drive.take_actions();
    drive.mark(0, Marked::Success);
    assert!(drive.take_actions().contains(&Action::Revoke { attempt }));
    drive.states(&[S::Success, S::Ready]);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: failed(false),
        },
        Rejection::Stale,
    );
    drive.refused(
        Event::Mark {
            instance: at(0, 0),
            as_state: Marked::Success,
        },
        Rejection::Duplicate,
    );
}

#[test]
fn a_mark_changes_how_an_ended_run_ended() {
    let mut drive = Drive::started(vec![task(&[])]);
    drive.fail(0);
    drive.mark(0, Marked::Success);
    drive.ended(RunState::Success);
    drive.mark(0, Marked::Failed);
    drive.ended(RunState::Failed);
    let mut drive = Drive::started(vec![task(&[])]);
    drive.ok(Event::Cancel);
    drive.mark(0, Marked::Success);
    drive.ended(RunState::Cancelled);
}

#[test]
fn marks_before_the_start_count() {
    let mut drive = Drive {
        run: Run::new(plan(vec![task(&[]), task(&[0]), task(&[1])])),
        actions: Vec::new(),
    };
    drive.mark(0, Marked::Success);
    drive.mark(1, Marked::Skipped);
    assert_eq!(drive.run.state(), RunState::Pending);
    drive.ok(Event::Start);
    drive.states(&[S::Success, S::Skipped, S::Skipped]);
    drive.ended(RunState::Success);
}

#[test]
fn a_part_of_a_dag_waits_for_nothing_outside() {
    let whole = plan(vec![
        task(&[]),
        ruled(&[0], TriggerRule::AllFailed),
        task(&[1]),
        task(&[2]),
    ]);
    let mut drive = Drive::start(Run::partial(
        whole,
        &[TaskIndex(1), TaskIndex(2), TaskIndex(9)],
    ));
    assert_eq!(drive.run.instance(at(0, 0)), None);
    assert_eq!(drive.run.instances_of(TaskIndex(3)), 0);
    drive.succeed(1);
    drive.fail(2);
    // Task 2 is the leaf of this part.
    drive.ended(RunState::Failed);
}

#[test]
fn a_cancel_revokes_what_runs_and_ends_the_rest() {
    let mut drive = Drive::started(vec![task(&[]), task(&[]), task(&[1])]);
    let attempt = drive.dispatch(0, 0);
    drive.take_actions();
    drive.ok(Event::Cancel);
    assert_eq!(drive.take_actions()[0], Action::Revoke { attempt });
    drive.states(&[S::Cancelled, S::Cancelled, S::Cancelled]);
    drive.ended(RunState::Cancelled);
    drive.refused(
        Event::Finished {
            attempt,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    drive.refused(Event::Cancel, Rejection::RunEnded);
    // A cleared task counts its cancelled upstream as failed.
    drive.clear(&[2], false);
    assert_eq!(drive.state(2), S::UpstreamFailed);
    drive.ended(RunState::Failed);
}

#[test]
fn a_run_that_takes_too_long_fails() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0])]);
    let timeout = Timer::RunTimeout { episode: 1 };
    assert!(drive.take_actions().contains(&Action::SetTimer {
        timer: timeout,
        at: Timestamp(NOW.0 + 60_000)
    }));
    drive.ok(Event::Due { timer: timeout });
    drive.states(&[S::Cancelled, S::Cancelled]);
    drive.ended(RunState::Failed);
    drive.clear(&[0], true);
    // The timeout of the time before is not this one's.
    drive.refused(Event::Due { timer: timeout }, Rejection::Stale);
    drive.succeed(0);
    drive.succeed(1);
    drive.ended(RunState::Success);
}

#[test]
fn leaves_decide_how_a_run_ends() {
    let mut drive = Drive::started(vec![task(&[]), ruled(&[0], TriggerRule::AllDone)]);
    drive.fail(0);
    drive.succeed(1);
    drive.ended(RunState::Success);
    let mut drive = Drive::started(Vec::new());
    drive.ended(RunState::Success);
    drive.refused(Event::Start, Rejection::RunEnded);
}

#[test]
fn one_event_is_followed_through_in_topological_order() {
    // Task 3 hears of a skip (2) and a failure (1) from the same event, and
    // task 1 is further away; it is decided when both are known.
    let mut drive = Drive::started(vec![
        task(&[]),
        task(&[4]),
        ruled(&[0], TriggerRule::AllSkipped),
        task(&[1, 2]),
        task(&[0]),
    ]);
    drive.fail(0);
    drive.states(&[
        S::Failed,
        S::UpstreamFailed,
        S::Skipped,
        S::UpstreamFailed,
        S::UpstreamFailed,
    ]);
}

#[test]
fn an_attempt_before_a_clear_is_fenced_off() {
    let mut drive = Drive::started(vec![task(&[])]);
    let old = drive.dispatch(0, 0);
    drive.clear(&[0], false);
    drive.refused(
        Event::Finished {
            attempt: old,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    let new = drive.dispatch(0, 0);
    assert_eq!(new, Attempt { number: 2, ..new });
    drive.refused(
        Event::Finished {
            attempt: old,
            outcome: Outcome::Success,
        },
        Rejection::Stale,
    );
    drive.finish(new, Outcome::Success);
    drive.ended(RunState::Success);
}
