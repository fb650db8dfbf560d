//! Why ready work isn't taken.

use super::model::{Work, open, order, run, tenant, work};
use weft_core::{
    document::TaskIndex,
    order::{Blocked, Bounds, Order, QueueBounds, TenantBounds},
};

fn why(order: &Order, of: i64, task: u32) -> Vec<Blocked> {
    order.why(run(of), TaskIndex(task))
}

#[test]
fn what_goes_next_has_no_reason_and_the_rest_is_behind_it() {
    let order = order([
        work(),
        Work { task: 1, ..work() },
        Work {
            tenant: "b",
            dag: 2,
            run: 2,
            ..work()
        },
    ]);
    assert_eq!(why(&order, 1, 0), []);
    let first = Blocked::Behind {
        run: run(1),
        task: TaskIndex(0),
    };
    assert_eq!(why(&order, 1, 1), std::slice::from_ref(&first));
    assert_eq!(why(&order, 2, 0), [first]);
    assert_eq!(why(&order, 3, 0), [], "nothing is ready");
}

#[test]
fn a_queue_without_workers_or_places() {
    let mut order = Order::new(Bounds::default());
    order.push(work().ready());
    let queue = || "q".into();
    assert_eq!(
        why(&order, 1, 0),
        [Blocked::QueueHasNoWorkers { queue: queue() }]
    );
    order.set_queue(
        "q",
        QueueBounds {
            places: 0,
            workers: 2,
            ..QueueBounds::default()
        },
    );
    assert_eq!(
        why(&order, 1, 0),
        [Blocked::QueueFull {
            queue: queue(),
            places: 0
        }]
    );
    order.set_queue(
        "q",
        QueueBounds {
            places: 1,
            workers: 2,
            ..QueueBounds::default()
        },
    );
    assert_eq!(why(&order, 1, 0), []);
    order.push(Work { task: 1, ..work() }.ready());
    assert_eq!(order.take(9).len(), 1);
    assert_eq!(
        why(&order, 1, 1),
        [Blocked::QueueFull {
            queue: queue(),
            places: 1
        }]
    );
}

#[test]
fn every_bound_that_blocks_is_named_with_its_figures() {
    let tight = Work {
        dag_max_active: Some(1),
        pool: Some(("p", 2)),
        indexes: 0..9,
        ..work()
    };
    let mut order = Order::new(Bounds {
        max_active: Some(1),
    });
    order.set_queue("q", open());
    order.set_tenant(
        &tenant("a"),
        TenantBounds {
            max_active: Some(1),
            ..TenantBounds::default()
        },
    );
    order.set_pool(&tenant("a"), "p", 3);
    order.push(tight.ready());
    assert_eq!(order.take(9).len(), 1);
    let (limit, active) = (1, 1);
    let pool = |slots, taken| Blocked::Pool {
        name: "p".into(),
        slots,
        taken,
        needs: 2,
    };
    assert_eq!(
        why(&order, 1, 0),
        [
            Blocked::InstallationLimit { limit, active },
            Blocked::TenantLimit { limit, active },
            Blocked::DagLimit { limit, active },
            pool(3, 2),
        ]
    );
    order.release(&tight.account());
    assert_eq!(why(&order, 1, 0), []);
    order.set_pool(&tenant("a"), "p", 1);
    assert_eq!(why(&order, 1, 0), [pool(1, 0)]);
    assert!(
        order.take(9).is_empty(),
        "the pool is smaller than the task"
    );
    order.push(
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
    assert_eq!(why(&order, 1, 1), [unheard]);
}

#[test]
fn what_no_worker_can_hold_waits_for_a_larger_one_and_stands_before_nothing() {
    let large = Work {
        task: 1,
        priority: 9,
        memory_bytes: 65,
        pool: Some(("p", 1)),
        ..work()
    };
    let mut order = order([
        large,
        Work {
            memory_bytes: 64,
            ..work()
        },
    ]);
    order.set_pool(&tenant("a"), "p", 1);
    let bounds = |memory_bytes| QueueBounds {
        memory_bytes,
        ..open()
    };
    order.set_queue("q", bounds(64));
    let too_large = Blocked::TooLarge {
        queue: "q".into(),
        needs: 65,
        largest: 64,
    };
    assert_eq!(why(&order, 1, 1), [too_large]);
    let counted: Vec<_> = order.too_large_by_queue().collect();
    assert_eq!(counted, [(&"q".into(), 1)]);
    let taken = order.take(9);
    assert_eq!(taken.len(), 1, "the one behind it goes");
    assert_eq!(taken[0].instance.task, TaskIndex(0));
    order.set_queue("q", bounds(65));
    assert_eq!(why(&order, 1, 1), []);
    assert_eq!(order.take(9).len(), 1);
    // Nobody is known to be too small where nobody serves.
    order.set_queue("q", QueueBounds::default());
    assert_eq!(order.too_large_by_queue().count(), 0);
}
