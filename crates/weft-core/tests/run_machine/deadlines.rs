//! Deadlines: when they are missed, and what that stops.

use super::driver::{Drive, at, mapped, task, teardown};
use weft_core::{
    document::TaskIndex,
    plan::Step,
    run::{Action, Event, InstanceState as S, Rejection, RunState, Selection, Timer},
};

const OF_RUN: Option<TaskIndex> = None;

const fn passed(task: Option<TaskIndex>) -> Event {
    Event::Due {
        timer: Timer::Deadline { task },
    }
}

#[expect(clippy::unnecessary_wraps, reason = "as a deadline names its task")]
fn of(task: u32) -> Option<TaskIndex> {
    Some(TaskIndex(task))
}

fn stopped(step: Step) -> Step {
    Step {
        stops_at_deadline: true,
        ..step
    }
}

#[test]
fn a_task_that_has_not_ended_misses_its_deadline_once() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0])]);
    drive.take_actions();
    drive.ok(passed(of(1)));
    let missed = Action::DeadlineMissed { task: of(1) };
    assert_eq!(drive.take_actions(), [missed], "nothing is stopped");
    drive.refused(passed(of(1)), Rejection::Stale);
    drive.succeed(0);
    drive.succeed(1);
    drive.ended(RunState::Success);
}

#[test]
fn what_has_ended_misses_nothing() {
    let mut drive = Drive::started(vec![task(&[]), task(&[])]);
    drive.succeed(0);
    drive.refused(passed(of(0)), Rejection::Stale);
    drive.refused(passed(of(7)), Rejection::Stale);
    drive.succeed(1);
    drive.refused(passed(OF_RUN), Rejection::Stale);
    drive.refused(passed(of(1)), Rejection::Stale);
}

#[test]
fn a_task_can_be_stopped_by_its_deadline() {
    let mut drive = Drive::started(vec![stopped(task(&[])), task(&[0]), task(&[])]);
    let attempt = drive.dispatch(0, 0);
    drive.take_actions();
    drive.ok(passed(of(0)));
    let actions = drive.take_actions();
    assert!(actions.contains(&Action::Revoke { attempt }));
    drive.states(&[S::Cancelled, S::UpstreamFailed, S::Ready]);
    drive.succeed(2);
    drive.ended(RunState::Failed);
}

#[test]
fn the_instances_of_a_mapped_task_that_have_not_ended_are_stopped() {
    let mut drive = Drive::started(vec![task(&[]), stopped(mapped(&[0], Some(2)))]);
    drive.succeed(0);
    drive.ok(Event::Expanded {
        task: TaskIndex(1),
        generation: 0,
        instances: 4,
    });
    drive.attempted(1, 0, weft_core::run::Outcome::Success);
    drive.ok(passed(of(1)));
    let states = (0..4).map(|index| drive.run.instance(at(1, index)));
    let ended: Vec<_> = states.flatten().collect();
    assert_eq!(
        ended,
        [S::Success, S::Cancelled, S::Cancelled, S::Cancelled]
    );
    drive.ended(RunState::Failed);
}

#[test]
fn a_run_that_is_stopped_by_its_deadline_tears_down_and_fails() {
    let mut drive = Drive::started(vec![task(&[]), task(&[0]), teardown(&[0, 1], &[0])]);
    drive.succeed(0);
    drive.ok(passed(OF_RUN));
    drive.states(&[S::Success, S::Cancelled, S::Ready]);
    drive.refused(passed(OF_RUN), Rejection::Stale);
    drive.succeed(2);
    drive.ended(RunState::Failed);
}

#[test]
fn a_run_that_had_ended_and_was_cleared_misses_nothing() {
    let mut drive = Drive::started(vec![task(&[])]);
    drive.succeed(0);
    drive.ok(Event::Clear(Selection::of(vec![TaskIndex(0)], false)));
    drive.refused(passed(OF_RUN), Rejection::Stale);
    drive.refused(passed(of(0)), Rejection::Stale);
}
