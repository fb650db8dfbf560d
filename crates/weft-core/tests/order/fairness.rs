//! Who goes next among queues, tenants, DAGs and tasks.

use super::model::{Work, names, open, order, run, tenant, weighing, work};
use proptest::prelude::*;
use weft_core::{
    document::TaskIndex,
    order::{Bounds, Order, QueueBounds, TenantBounds},
};

/// More than any test takes.
const ENDLESS: std::ops::Range<u32> = 0..1_000_000;

fn backlog(tenant: &'static str, dag: u64) -> Work {
    Work {
        tenant,
        dag,
        run: i64::try_from(dag).expect("small"),
        indexes: ENDLESS,
        ..work()
    }
}

fn tenants_of(order: &mut Order, count: usize) -> Vec<String> {
    names(&order.take(count))
        .into_iter()
        .map(|(tenant, ..)| tenant)
        .collect()
}

#[test]
fn equal_tenants_alternate() {
    let mut order = order([backlog("a", 1), backlog("b", 2)]);
    assert_eq!(tenants_of(&mut order, 6), ["a", "b", "a", "b", "a", "b"]);
}

#[test]
fn weights_are_shares_spread_evenly() {
    let mut order = order([backlog("a", 1), backlog("b", 2)]);
    order.set_tenant(&tenant("a"), weighing(300));
    order.set_tenant(&tenant("b"), weighing(100));
    assert_eq!(
        tenants_of(&mut order, 9),
        ["a", "b", "a", "a", "a", "b", "a", "a", "a"]
    );
    let more = tenants_of(&mut order, 4_000);
    assert_eq!(more.iter().filter(|tenant| *tenant == "a").count(), 3_000);
}

#[test]
fn a_larger_weight_does_not_wait_for_what_the_smaller_one_cost() {
    let mut order = order([backlog("a", 1), backlog("b", 2)]);
    order.set_tenant(&tenant("a"), weighing(1_000));
    order.set_tenant(&tenant("b"), weighing(1));
    assert_eq!(tenants_of(&mut order, 4), ["a", "b", "a", "a"]);
    order.set_tenant(&tenant("b"), weighing(500));
    assert_eq!(
        tenants_of(&mut order, 6),
        ["a", "a", "b", "a", "a", "b"],
        "not after a thousand of the other's"
    );
}

#[test]
fn a_single_task_does_not_wait_for_a_backlog() {
    for (weight, round) in [(1_000, 3), (1, 2_001)] {
        let mut order = order([backlog("a", 1), backlog("b", 2)]);
        order.set_tenant(&tenant("a"), weighing(1_000));
        order.set_tenant(&tenant("b"), weighing(1_000));
        order.set_tenant(&tenant("small"), weighing(weight));
        for number in 100..120 {
            order.take(500);
            let single = Work {
                tenant: "small",
                dag: 9,
                run: number,
                ..work()
            };
            order.push(single.ready());
            let next = tenants_of(&mut order, round);
            assert!(next.contains(&"small".into()), "{number} with {weight}");
        }
    }
}

#[test]
fn who_was_idle_saved_nothing_up() {
    let mut order = order([
        backlog("a", 1),
        Work {
            indexes: 0..1,
            ..backlog("b", 2)
        },
    ]);
    order.take(10_000);
    order.push(backlog("b", 3).ready());
    let next = tenants_of(&mut order, 100);
    assert_eq!(next.iter().filter(|tenant| *tenant == "b").count(), 50);
}

#[test]
fn who_was_blocked_saved_nothing_up() {
    let mut order = order([backlog("a", 1), backlog("b", 2)]);
    let none = TenantBounds {
        max_active: Some(0),
        ..TenantBounds::default()
    };
    order.set_tenant(&tenant("b"), none);
    assert!(
        tenants_of(&mut order, 1_000)
            .iter()
            .all(|tenant| tenant == "a")
    );
    order.set_tenant(&tenant("b"), TenantBounds::default());
    let next = tenants_of(&mut order, 100);
    assert_eq!(next.iter().filter(|tenant| *tenant == "b").count(), 50);
}

#[test]
fn dags_of_a_tenant_take_turns() {
    let mut order = order([backlog("a", 1), backlog("a", 2), backlog("a", 3)]);
    let dags: Vec<i64> = names(&order.take(7))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(dags, [1, 2, 3, 1, 2, 3, 1]);
    // Who comes goes behind those that wait; nothing of it jumps the turns, whatever its priority.
    order.push(
        Work {
            priority: 99,
            ..backlog("a", 4)
        }
        .ready(),
    );
    let dags: Vec<i64> = names(&order.take(5))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(dags, [2, 3, 1, 4, 2]);
}

#[test]
fn queues_take_turns_and_places_are_used_up() {
    let mut order = order([
        backlog("a", 1),
        Work {
            queue: "r",
            ..backlog("a", 2)
        },
    ]);
    order.set_queue("r", open());
    let runs: Vec<i64> = names(&order.take(4))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(runs, [1, 2, 1, 2]);
    order.set_queue(
        "q",
        QueueBounds {
            places: 1,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    order.set_queue(
        "r",
        QueueBounds {
            places: 2,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    let runs: Vec<i64> = names(&order.take(9))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(runs, [1, 2, 2]);
    // Nothing but the broker's word gives a place back.
    order.release(&backlog("a", 1).account());
    assert!(order.take(9).is_empty());
    let stand: Vec<_> = order
        .queues()
        .map(|(name, bounds)| (name.to_string(), bounds.places))
        .collect();
    assert_eq!(stand, [("q".into(), 0), ("r".into(), 0)]);
}

#[test]
fn within_a_dag_priority_then_age_then_the_authors_order_then_the_index() {
    let of = |run, task, priority, indexes| Work {
        run,
        task,
        indexes,
        priority,
        ..work()
    };
    let mut order = order([
        of(2, 1, 0, 3..5),
        of(2, 0, 0, 0..1),
        of(1, 7, 0, 0..1),
        of(3, 5, 10, 0..1),
        of(1, 8, -1, 0..1),
        of(2, 1, 0, 0..1),
    ]);
    let taken: Vec<_> = names(&order.take(10))
        .into_iter()
        .map(|(_, run, task, index)| (run, task, index))
        .collect();
    assert_eq!(
        taken,
        [
            (3, 5, 0),
            (1, 7, 0),
            (2, 0, 0),
            (2, 1, 0),
            (2, 1, 3),
            (2, 1, 4),
            (1, 8, 0)
        ]
    );
    assert!(order.is_empty());
    assert_eq!(order.active(), 7);
}

#[test]
fn a_million_instances_are_taken_in_order_and_come_back_at_their_place() {
    let mut order = order([backlog("a", 1)]);
    assert_eq!(order.ready_of(run(1), TaskIndex(0)), 1_000_000);
    let indexes = |order: &mut Order, count| -> Vec<u32> {
        names(&order.take(count))
            .into_iter()
            .map(|(.., index)| index)
            .collect()
    };
    assert_eq!(indexes(&mut order, 3), [0, 1, 2]);
    order.push(
        Work {
            indexes: 1..2,
            ..backlog("a", 1)
        }
        .ready(),
    );
    order.remove_instances(run(1), TaskIndex(0), &(4..6));
    assert_eq!(indexes(&mut order, 4), [1, 3, 6, 7]);
    assert_eq!(order.ready_of(run(1), TaskIndex(0)), 999_992);
    order.remove_task(run(1), TaskIndex(0));
    assert!(order.take(1).is_empty());
}

#[test]
fn what_is_blocked_stands_before_nothing() {
    let tight = Work {
        pool: Some(("p", 1)),
        priority: 9,
        ..backlog("a", 1)
    };
    let mut order = order([
        tight.clone(),
        Work {
            task: 1,
            ..backlog("a", 1)
        },
        Work {
            dag_max_active: Some(1),
            ..backlog("a", 2)
        },
        backlog("b", 3),
        Work {
            queue: "nobody",
            ..backlog("b", 4)
        },
    ]);
    order.set_pool(&tenant("a"), "p", 2);
    order.set_tenant(
        &tenant("b"),
        TenantBounds {
            max_active: Some(2),
            ..TenantBounds::default()
        },
    );
    let taken: Vec<_> = names(&order.take(12))
        .into_iter()
        .map(|(_, run, task, _)| (run, task))
        .collect();
    // Two of the pool, one of DAG 2, two of tenant b; then only DAG 1's other task is left.
    assert_eq!(
        taken,
        [
            (1, 0),
            (3, 0),
            (2, 0),
            (3, 0),
            (1, 0),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1),
            (1, 1)
        ]
    );
    order.release(&tight.account());
    let next: Vec<_> = names(&order.take(2))
        .into_iter()
        .map(|(_, run, task, _)| (run, task))
        .collect();
    assert_eq!(next, [(1, 0), (1, 1)]);
}

#[test]
fn what_was_active_before_counts() {
    let mut order = Order::new(Bounds {
        max_active: Some(2),
    });
    order.set_queue("q", open());
    order.push(backlog("a", 1).ready());
    order.occupy(&backlog("b", 2).account());
    assert_eq!(order.take(9).len(), 1);
    order.release(&backlog("b", 2).account());
    assert_eq!(order.take(9).len(), 1);
    order.set_bounds(Bounds::default());
    assert_eq!(order.take(9).len(), 9);
}

#[test]
fn what_is_pushed_with_another_place_moves_there() {
    let mut order = order([Work {
        indexes: 0..3,
        ..work()
    }]);
    order.set_queue(
        "r",
        QueueBounds {
            places: 2,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    order.push(
        Work {
            indexes: 2..4,
            queue: "r",
            pool: Some(("p", 0)),
            ..work()
        }
        .ready(),
    );
    assert_eq!(order.ready_of(run(1), TaskIndex(0)), 4);
    assert!(order.take(9).is_empty(), "the pool has no slots");
    order.set_pool(&tenant("a"), "p", 9);
    assert_eq!(order.take(9).len(), 2);
}

proptest! {
    #[test]
    fn shares_of_endless_work_differ_by_at_most_one_take_of_each(
        weights in prop::collection::vec(1..=1_000_u32, 2..6),
        counts in prop::collection::vec(1..200_usize, 1..6),
    ) {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let mut order = order((1..).zip(NAMES).take(weights.len()).map(|(dag, name)| backlog(name, dag)));
        for (name, weight) in NAMES.into_iter().zip(&weights) {
            order.set_tenant(&tenant(name), weighing(*weight));
        }
        let mut had = vec![0_u64; weights.len()];
        for count in counts {
            for name in tenants_of(&mut order, count) {
                had[NAMES.iter().position(|known| *known == name).expect("known")] += 1;
                // As start-time fair queueing promises: |a/wa - b/wb| <= 1/wa + 1/wb.
                for (a, wa) in had.iter().zip(&weights) {
                    for (b, wb) in had.iter().zip(&weights) {
                        let (wa, wb) = (u64::from(*wa), u64::from(*wb));
                        prop_assert!((a * wb).abs_diff(b * wa) <= wa + wb, "{had:?} of {weights:?}");
                    }
                }
            }
        }
    }
}
