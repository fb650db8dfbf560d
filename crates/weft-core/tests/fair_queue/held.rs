//! Work that is held is not taken, and loses nothing.

use super::model::{Work, fair_queue, run, work};
use weft_core::{
    document::TaskIndex,
    fair_queue::{Blocked, FairQueue, QueueBounds},
};

const FIRST: TaskIndex = TaskIndex(0);

/// Takes everything that the bounds allow; returns runs, tasks and map indexes.
fn take_all(fair_queue: &mut FairQueue) -> Vec<(i64, u32, u32)> {
    let bounds = QueueBounds {
        free_slots: 100,
        workers: 1,
        ..QueueBounds::default()
    };
    fair_queue.set_queue("q", bounds);
    let taken = fair_queue.take(100).into_iter();
    let mut taken: Vec<_> = taken
        .map(|taken| {
            let instance = taken.instance;
            (taken.run.as_i64(), instance.task.0, instance.index)
        })
        .collect();
    taken.sort_unstable();
    taken
}

fn two_runs() -> FairQueue {
    fair_queue([
        work(),
        Work { task: 1, ..work() },
        Work { run: 2, ..work() },
    ])
}

#[test]
fn a_task_that_is_held_is_taken_after_it_is_resumed_with_what_became_ready_meanwhile() {
    let mut fair_queue = two_runs();
    fair_queue.hold_task(run(1), FIRST);
    let mut more = work().ready();
    more.indexes = 7..9;
    fair_queue.push(more);
    let others = take_all(&mut fair_queue);
    assert!(others.iter().all(|(run, task, _)| (*run, *task) != (1, 0)));
    assert_eq!(others.len(), 2);
    fair_queue.remove_instances(run(1), FIRST, &(8..9));
    fair_queue.resume_task(run(1), FIRST);
    assert_eq!(take_all(&mut fair_queue), [(1, 0, 0), (1, 0, 7)]);
}

#[test]
fn an_instance_that_is_put_back_occupies_nothing() {
    let mut fair_queue = two_runs();
    let taken = fair_queue.take_next().expect("there is a free slot");
    assert_eq!(fair_queue.active(), 1);
    fair_queue.put_back(&taken);
    assert_eq!(fair_queue.active(), 0);
    let bounds = fair_queue.queues().next().expect("there is a queue").1;
    let mut untouched = two_runs();
    let before = untouched.queues().next().expect("there is a queue").1;
    assert_eq!(bounds.free_slots, before.free_slots);
    assert_eq!(
        take_all(&mut fair_queue).len() + 1,
        take_all(&mut untouched).len()
    );
}

#[test]
fn a_run_that_is_held_keeps_the_holds_of_its_tasks() {
    let mut fair_queue = two_runs();
    fair_queue.hold_task(run(1), FIRST);
    fair_queue.hold_run(run(1));
    assert_eq!(take_all(&mut fair_queue), [(2, 0, 0)]);
    fair_queue.resume_run(run(1));
    assert_eq!(take_all(&mut fair_queue), [(1, 1, 0)]);
    fair_queue.resume_task(run(1), FIRST);
    assert_eq!(take_all(&mut fair_queue), [(1, 0, 0)]);
}

#[test]
fn a_dag_that_is_held_keeps_the_holds_of_its_runs_and_says_so() {
    let dag = work().ready().account.dag;
    let mut fair_queue = two_runs();
    fair_queue.hold_run(run(2));
    fair_queue.hold_dag(dag);
    let mut more = work().ready();
    more.indexes = 7..8;
    fair_queue.push(more);
    assert_eq!(take_all(&mut fair_queue), []);
    assert_eq!(fair_queue.find_blockers(run(1), FIRST), [Blocked::DagHeld]);
    fair_queue.resume_dag(dag);
    assert_eq!(take_all(&mut fair_queue), [(1, 0, 0), (1, 0, 7), (1, 1, 0)]);
    fair_queue.resume_run(run(2));
    assert_eq!(take_all(&mut fair_queue), [(2, 0, 0)]);
}

#[test]
fn what_is_removed_while_it_is_held_does_not_come_back() {
    let mut fair_queue = two_runs();
    fair_queue.hold_task(run(1), FIRST);
    fair_queue.remove_run(run(1));
    fair_queue.resume_task(run(1), FIRST);
    assert_eq!(take_all(&mut fair_queue), [(2, 0, 0)]);
    assert!(!fair_queue.is_held(run(1), FIRST), "its run has ended");
}

#[test]
fn the_bound_of_a_dag_outlives_a_hold_of_all_its_work() {
    let mut ready = work().ready();
    ready.indexes = 0..5;
    ready.dag_max_active = Some(2);
    let mut fair_queue = fair_queue([]);
    fair_queue.push(ready);
    fair_queue.hold_run(run(1));
    assert_eq!(take_all(&mut fair_queue), []);
    fair_queue.resume_run(run(1));
    assert_eq!(take_all(&mut fair_queue).len(), 2);
}
