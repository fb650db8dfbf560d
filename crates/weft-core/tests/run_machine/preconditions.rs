//! Conditions on other runs: when the driver is asked, and what its answer does.

use super::driver::{Drive, mapped, task};
use weft_core::{
    document::TaskIndex,
    plan::Step,
    run::{Action, Event, InstanceState as S, Marked, Rejection, RunState, Selection},
};

fn conditional(step: Step) -> Step {
    Step {
        has_precondition: true,
        ..step
    }
}

fn question(task: u32, generation: u32) -> Action {
    Action::CheckPrecondition {
        task: TaskIndex(task),
        generation,
    }
}

fn answer(task: u32, generation: u32, runs: bool) -> Event {
    Event::PreconditionChecked {
        task: TaskIndex(task),
        generation,
        runs,
    }
}

#[test]
fn a_task_waits_for_the_answer_once_its_rule_lets_it_run() {
    let mut drive = Drive::started(vec![task(&[]), conditional(task(&[0]))]);
    assert!(!drive.take_actions().contains(&question(1, 0)));
    drive.refused(answer(1, 0, true), Rejection::WrongState);
    drive.succeed(0);
    assert!(drive.take_actions().contains(&question(1, 0)));
    assert_eq!(drive.state(1), S::Waiting);
    assert_eq!(drive.run.pending().next(), Some(question(1, 0)));
    drive.ok(answer(1, 0, true));
    assert_eq!(drive.state(1), S::Ready);
    drive.refused(answer(1, 0, true), Rejection::Duplicate);
    drive.succeed(1);
    drive.ended(RunState::Success);
}

#[test]
fn a_task_whose_condition_says_so_is_skipped() {
    let mut drive = Drive::started(vec![conditional(task(&[])), task(&[0])]);
    drive.ok(answer(0, 0, false));
    drive.states(&[S::Skipped, S::Skipped]);
    drive.ended(RunState::Success);
}

#[test]
fn a_mapped_task_is_expanded_after_the_answer() {
    let mut drive = Drive::started(vec![conditional(mapped(&[], None))]);
    assert_eq!(drive.state(0), S::Waiting);
    drive.ok(answer(0, 0, true));
    assert_eq!(drive.state(0), S::Expanding);
}

#[test]
fn a_cleared_task_asks_again() {
    let mut drive = Drive::started(vec![conditional(task(&[])), task(&[])]);
    drive.ok(answer(0, 0, true));
    drive.succeed(0);
    drive.take_actions();
    drive.ok(Event::Clear(Selection::of(vec![TaskIndex(0)], false)));
    assert!(drive.take_actions().contains(&question(0, 1)));
    drive.refused(answer(0, 0, true), Rejection::Stale);
    drive.refused(answer(0, 2, true), Rejection::WrongState);
    drive.ok(answer(0, 1, true));
    assert_eq!(drive.state(0), S::Ready);
}

#[test]
fn an_answer_changes_nothing_of_a_task_that_ended_meanwhile() {
    let mut drive = Drive::started(vec![conditional(task(&[])), conditional(task(&[]))]);
    drive.ok(Event::Mark {
        instance: super::driver::at(0, 0),
        as_state: Marked::Success,
    });
    drive.refused(answer(0, 0, false), Rejection::Stale);
    drive.ok(Event::Cancel);
    drive.refused(answer(1, 0, true), Rejection::Stale);
    drive.states(&[S::Success, S::Cancelled]);
    drive.refused(answer(9, 0, true), Rejection::Unknown);
}
