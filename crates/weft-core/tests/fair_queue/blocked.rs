//! Reasons that block ready work.

use super::model::{Work, fair_queue, run, tenant, unbounded, work};
use weft_core::{
    document::TaskIndex,
    fair_queue::{Blocked, Bounds, FairQueue, QueueBounds, TenantBounds},
};

fn why(fair_queue: &FairQueue, of: i64, task: u32) -> Vec<Blocked> {
    fair_queue.find_blockers(run(of), TaskIndex(task))
}

#[test]
fn the_next_task_has_no_blockers_and_others_are_behind_it() {
    let fair_queue = fair_queue([
        work(),
        Work { task: 1, ..work() },
        Work {
            tenant: "b",
            dag: 2,
            run: 2,
            ..work()
        },
    ]);
    assert_eq!(why(&fair_queue, 1, 0), []);
    let first = Blocked::Behind {
        run: run(1),
        task: TaskIndex(0),
    };
    assert_eq!(why(&fair_queue, 1, 1), std::slice::from_ref(&first));
    assert_eq!(why(&fair_queue, 2, 0), [first]);
    assert_eq!(why(&fair_queue, 3, 0), [], "nothing is ready");
}

#[test]
fn a_queue_without_workers_or_free_slots_blocks() {
    let mut fair_queue = FairQueue::new(Bounds::default());
    fair_queue.push(work().ready());
    let queue = || "q".into();
    assert_eq!(
        why(&fair_queue, 1, 0),
        [Blocked::QueueHasNoWorkers { queue: queue() }]
    );
    fair_queue.set_queue(
        "q",
        QueueBounds {
            free_slots: 0,
            workers: 2,
            ..QueueBounds::default()
        },
    );
    assert_eq!(
        why(&fair_queue, 1, 0),
        [Blocked::QueueFull {
            queue: queue(),
            slots: 0
        }]
    );
    fair_queue.set_queue(
        "q",
        QueueBounds {
            free_slots: 1,
            workers: 2,
            ..QueueBounds::default()
        },
    );
    assert_eq!(why(&fair_queue, 1, 0), []);
    fair_queue.push(Work { task: 1, ..work() }.ready());
    assert_eq!(fair_queue.take(9).len(), 1);
    assert_eq!(
        why(&fair_queue, 1, 1),
        [Blocked::QueueFull {
            queue: queue(),
            slots: 1
        }]
    );
}

#[test]
fn every_blocking_bound_is_listed_with_its_numbers() {
    let tight = Work {
        dag_max_active: Some(1),
        pool: Some(("p", 2)),
        indexes: 0..9,
        ..work()
    };
    let mut fair_queue = FairQueue::new(Bounds {
        max_active: Some(1),
    });
    fair_queue.set_queue("q", unbounded());
    fair_queue.set_tenant(
        &tenant("a"),
        TenantBounds {
            max_active: Some(1),
            ..TenantBounds::default()
        },
    );
    fair_queue.set_pool(&tenant("a"), "p", 3);
    fair_queue.push(tight.ready());
    assert_eq!(fair_queue.take(9).len(), 1);
    let (limit, active) = (1, 1);
    let pool = |slots, taken| Blocked::Pool {
        name: "p".into(),
        slots,
        taken,
        needs: 2,
    };
    assert_eq!(
        why(&fair_queue, 1, 0),
        [
            Blocked::InstallationLimit { limit, active },
            Blocked::TenantLimit { limit, active },
            Blocked::DagLimit { limit, active },
            pool(3, 2),
        ]
    );
    fair_queue.release(&tight.account());
    assert_eq!(why(&fair_queue, 1, 0), []);
    fair_queue.set_pool(&tenant("a"), "p", 1);
    assert_eq!(why(&fair_queue, 1, 0), [pool(1, 0)]);
    assert!(
        fair_queue.take(9).is_empty(),
        "the pool is smaller than the task"
    );
    fair_queue.push(
        Work {
            task: 1,
            pool: Some(("unheard", 0)),
            ..work()
        }
        .ready(),
    );
    let unheard = Blocked::Pool {
        name: "unheard".into(),
        slots: 0,
        taken: 0,
        needs: 1,
    };
    assert_eq!(why(&fair_queue, 1, 1), [unheard]);
}

#[test]
fn oversized_work_waits_for_a_larger_worker_and_delays_no_other_work() {
    let large = Work {
        task: 1,
        priority: 9,
        memory_bytes: 65,
        pool: Some(("p", 1)),
        ..work()
    };
    let mut fair_queue = fair_queue([
        large,
        Work {
            memory_bytes: 64,
            ..work()
        },
    ]);
    fair_queue.set_pool(&tenant("a"), "p", 1);
    let bounds = |memory_bytes| QueueBounds {
        memory_bytes,
        ..unbounded()
    };
    fair_queue.set_queue("q", bounds(64));
    let oversized = Blocked::Oversized {
        queue: "q".into(),
        needs: 65,
        largest: 64,
    };
    assert_eq!(why(&fair_queue, 1, 1), [oversized]);
    let counted: Vec<_> = fair_queue.oversized_by_queue().collect();
    assert_eq!(counted, [(&"q".into(), 1)]);
    let taken = fair_queue.take(9);
    assert_eq!(taken.len(), 1, "the one behind it goes");
    assert_eq!(taken[0].instance.task, TaskIndex(0));
    fair_queue.set_queue("q", bounds(65));
    assert_eq!(why(&fair_queue, 1, 1), []);
    assert_eq!(fair_queue.take(9).len(), 1);
    // Without workers no memory is known, so nothing is oversized.
    fair_queue.set_queue("q", QueueBounds::default());
    assert_eq!(fair_queue.oversized_by_queue().count(), 0);
}
