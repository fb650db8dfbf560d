//! Mapped groups: an instance depends on the instances with its own index.

use super::driver::{Drive, at, failed, following, mapped, task, teardown};
use weft_core::{
    document::TaskIndex,
    plan::Step,
    run::{Action, Event, InstanceState as S, Outcome, Rejection, RunState, Selection},
    trigger_rule::TriggerRule,
};

/// 0 -> the group of 1 -> 2, mapped over the output of 0 -> 3.
fn group() -> Vec<Step> {
    vec![
        task(&[]),
        mapped(&[0], None),
        following(&[0], &[1]),
        task(&[2]),
    ]
}

/// Both tasks of the group are expanded.
fn expanded(steps: Vec<Step>, instances: u32) -> Drive {
    let mut drive = Drive::started(steps);
    drive.succeed(0);
    drive.expand(1, instances);
    assert_eq!(drive.state(2), S::Expanding);
    drive.expand(2, instances);
    drive
}

fn states_of(drive: &Drive, task: u32) -> Vec<S> {
    let instances = drive.run.instances_of(TaskIndex(task));
    (0..instances)
        .map(|index| drive.run.instance(at(task, index)).expect("it exists"))
        .collect()
}

#[test]
fn an_element_goes_on_while_others_are_behind() {
    let mut drive = expanded(group(), 3);
    assert_eq!(states_of(&drive, 2), [S::Waiting; 3]);
    drive.take_actions();
    drive.attempted(1, 1, Outcome::Success);
    assert_eq!(
        drive.take_actions().last(),
        Some(&Action::Ready {
            task: TaskIndex(2),
            indexes: 1..2
        })
    );
    drive.attempted(2, 1, Outcome::Success);
    assert_eq!(states_of(&drive, 2), [S::Waiting, S::Success, S::Waiting]);
    assert_eq!(drive.state(3), S::Waiting);
    for index in [0, 2] {
        drive.attempted(1, index, Outcome::Success);
        drive.attempted(2, index, Outcome::Success);
    }
    drive.succeed(3);
    drive.ended(RunState::Success);
}

#[test]
fn what_fails_or_is_skipped_ends_what_follows_for_its_element_alone() {
    let mut drive = expanded(group(), 3);
    drive.attempted(1, 0, failed(false));
    drive.attempted(1, 1, Outcome::Skipped);
    assert_eq!(
        states_of(&drive, 2),
        [S::UpstreamFailed, S::Skipped, S::Waiting]
    );
    drive.attempted(1, 2, Outcome::Success);
    drive.attempted(2, 2, Outcome::Success);
    drive.ended(RunState::Failed);
}

#[test]
fn rules_count_what_has_the_same_index_and_what_is_outside() {
    let lenient = |rule| Step {
        rule,
        ..following(&[0], &[1])
    };
    let steps = vec![
        task(&[]),
        mapped(&[0], None),
        lenient(TriggerRule::AllDone),
        lenient(TriggerRule::OneFailed),
    ];
    let mut drive = Drive::started(steps);
    drive.succeed(0);
    drive.expand(1, 2);
    drive.expand(2, 2);
    drive.expand(3, 2);
    drive.attempted(1, 0, failed(false));
    drive.attempted(1, 1, Outcome::Success);
    assert_eq!(states_of(&drive, 2), [S::Ready, S::Ready]);
    // The list's source succeeded, which counts for every instance.
    assert_eq!(states_of(&drive, 3), [S::Ready, S::Skipped]);
}

#[test]
fn what_is_outside_has_to_end_before_anything_of_the_task_runs() {
    let mut late = following(&[0], &[1]);
    late.upstreams.push(TaskIndex(3));
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], None), late, task(&[])]);
    drive.succeed(0);
    drive.expand(1, 2);
    drive.attempted(1, 0, Outcome::Success);
    assert_eq!(drive.state(2), S::Waiting);
    drive.succeed(3);
    drive.expand(2, 2);
    assert_eq!(states_of(&drive, 2), [S::Ready, S::Waiting]);
    let mut late = following(&[0], &[1]);
    late.upstreams.push(TaskIndex(3));
    let mut drive = Drive::started(vec![task(&[]), mapped(&[0], None), late, task(&[])]);
    drive.fail(3);
    assert_eq!(drive.state(2), S::UpstreamFailed);
}

#[test]
fn an_empty_list_skips_every_task() {
    let mut drive = Drive::started(group());
    drive.succeed(0);
    drive.expand(1, 0);
    drive.states(&[S::Success, S::Skipped, S::Skipped, S::Skipped]);
    drive.ended(RunState::Success);
}

#[test]
fn max_active_bounds_each_task() {
    let mut steps = group();
    for step in &mut steps[1..3] {
        step.mapping.as_mut().expect("it is mapped").max_active = Some(1);
    }
    let mut drive = expanded(steps, 3);
    drive.attempted(1, 0, Outcome::Success);
    drive.attempted(1, 1, Outcome::Success);
    assert_eq!(states_of(&drive, 2), [S::Ready, S::Waiting, S::Waiting]);
    drive.attempted(2, 0, Outcome::Success);
    assert_eq!(states_of(&drive, 2), [S::Success, S::Ready, S::Waiting]);
    drive.attempted(1, 2, Outcome::Success);
    drive.attempted(2, 1, Outcome::Success);
    drive.attempted(2, 2, Outcome::Success);
    drive.succeed(3);
    drive.ended(RunState::Success);
}

#[test]
fn a_clear_of_one_element_leaves_the_others() {
    let mut drive = expanded(group(), 3);
    for index in 0..3 {
        let outcome = if index == 1 {
            failed(false)
        } else {
            Outcome::Success
        };
        drive.attempted(1, index, outcome);
    }
    drive.attempted(2, 0, Outcome::Success);
    drive.attempted(2, 2, Outcome::Success);
    drive.ended(RunState::Failed);
    let mut again = Drive {
        run: drive.run.clone(),
        actions: Vec::new(),
    };
    let element = Selection {
        indexes: Some("1".parse().expect("an index")),
        ..Selection::of(vec![TaskIndex(1)], true)
    };
    for (drive, selection) in [(&mut drive, element), (&mut again, Selection::failed())] {
        drive.ok(Event::Clear(selection));
        assert_eq!(states_of(drive, 1), [S::Success, S::Ready, S::Success]);
        assert_eq!(states_of(drive, 2), [S::Success, S::Waiting, S::Success]);
        assert_eq!(drive.state(3), S::Waiting);
        drive.attempted(1, 1, Outcome::Success);
        drive.attempted(2, 1, Outcome::Success);
        drive.succeed(3);
        drive.ended(RunState::Success);
    }
}

#[test]
fn a_shorter_list_skips_what_it_has_no_more() {
    let mut drive = expanded(group(), 3);
    drive.attempted(1, 0, Outcome::Success);
    drive.attempted(2, 0, Outcome::Success);
    drive.clear(&[0, 1], false);
    drive.succeed(0);
    drive.expand(1, 2);
    // The third element is gone, and nothing of the group waits for it.
    assert_eq!(states_of(&drive, 2), [S::Success, S::Waiting, S::Skipped]);
    drive.attempted(1, 1, Outcome::Success);
    drive.attempted(1, 0, Outcome::Success);
    drive.attempted(2, 1, Outcome::Success);
    assert_eq!(states_of(&drive, 2), [S::Success, S::Success, S::Skipped]);
    assert_eq!(drive.state(3), S::Skipped);
    drive.ended(RunState::Success);
}

#[test]
fn a_cancel_ends_every_element_and_its_teardowns_run() {
    let mut undo = teardown(&[0, 1, 2], &[1]);
    undo.mapping = following(&[0], &[1, 2]).mapping;
    let mut drive = Drive::started(vec![
        task(&[]),
        mapped(&[0], None),
        following(&[0], &[1]),
        undo,
    ]);
    drive.succeed(0);
    drive.expand(1, 2);
    drive.expand(2, 2);
    drive.expand(3, 2);
    drive.attempted(1, 0, Outcome::Success);
    drive.ok(Event::Cancel);
    // Of the second element nothing was set up.
    assert_eq!(states_of(&drive, 3), [S::Ready, S::UpstreamFailed]);
    drive.refused(
        Event::Expanded {
            task: TaskIndex(2),
            generation: 0,
            instances: 2,
        },
        Rejection::Duplicate,
    );
    drive.attempted(3, 0, Outcome::Success);
    drive.ended(RunState::Cancelled);
}
