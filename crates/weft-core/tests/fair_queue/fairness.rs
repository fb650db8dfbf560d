//! The order among queues, tenants, DAGs and tasks.

use super::model::{Work, fair_queue, names, run, tenant, unbounded, with_weight, work};
use proptest::prelude::*;
use weft_core::{
    document::TaskIndex,
    fair_queue::{Bounds, FairQueue, QueueBounds, Taken, TenantBounds},
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

fn tenants_of(fair_queue: &mut FairQueue, count: usize) -> Vec<String> {
    names(&fair_queue.take(count))
        .into_iter()
        .map(|(tenant, ..)| tenant)
        .collect()
}

/// Takes tasks that end at once.
fn take_and_release(fair_queue: &mut FairQueue, count: usize) -> Vec<Taken> {
    let taken = fair_queue.take(count);
    for one in &taken {
        fair_queue.release(&one.account);
    }
    taken
}

#[test]
fn slots_that_are_occupied_count_until_others_have_as_many() {
    let mut fair_queue = fair_queue([backlog("a", 1)]);
    fair_queue.take(100);
    fair_queue.push(backlog("b", 2).ready());
    let next = tenants_of(&mut fair_queue, 100);
    assert!(next.iter().all(|tenant| tenant == "b"));
    let next = tenants_of(&mut fair_queue, 100);
    assert_eq!(next.iter().filter(|tenant| *tenant == "b").count(), 50);
}

#[test]
fn equal_tenants_alternate() {
    let mut fair_queue = fair_queue([backlog("a", 1), backlog("b", 2)]);
    assert_eq!(
        tenants_of(&mut fair_queue, 6),
        ["a", "b", "a", "b", "a", "b"]
    );
}

#[test]
fn takes_of_weighted_tenants_are_spread_evenly() {
    let mut fair_queue = fair_queue([backlog("a", 1), backlog("b", 2)]);
    fair_queue.set_tenant(&tenant("a"), with_weight(300));
    fair_queue.set_tenant(&tenant("b"), with_weight(100));
    assert_eq!(
        tenants_of(&mut fair_queue, 8),
        ["a", "b", "a", "a", "b", "a", "a", "a"]
    );
    let more = tenants_of(&mut fair_queue, 4_000);
    assert_eq!(more.iter().filter(|tenant| *tenant == "a").count(), 3_000);
}

#[test]
fn a_larger_weight_applies_to_earlier_takes_at_once() {
    let mut fair_queue = fair_queue([backlog("a", 1), backlog("b", 2)]);
    fair_queue.set_tenant(&tenant("a"), with_weight(1_000));
    fair_queue.set_tenant(&tenant("b"), with_weight(1));
    assert_eq!(tenants_of(&mut fair_queue, 4), ["a", "b", "a", "a"]);
    fair_queue.set_tenant(&tenant("b"), with_weight(500));
    assert_eq!(
        tenants_of(&mut fair_queue, 6),
        ["b", "a", "b", "a", "a", "b"],
        "not after a thousand of the other's"
    );
}

#[test]
fn a_single_task_does_not_wait_for_the_backlog_of_others() {
    for (weight, round) in [(1_000, 3), (1, 2_001)] {
        let mut fair_queue = fair_queue([backlog("a", 1), backlog("b", 2)]);
        fair_queue.set_tenant(&tenant("a"), with_weight(1_000));
        fair_queue.set_tenant(&tenant("b"), with_weight(1_000));
        fair_queue.set_tenant(&tenant("small"), with_weight(weight));
        for number in 100..120 {
            fair_queue.take(500);
            let single = Work {
                tenant: "small",
                dag: 9,
                run: number,
                ..work()
            };
            fair_queue.push(single.ready());
            let next = tenants_of(&mut fair_queue, round);
            assert!(next.contains(&"small".into()), "{number} with {weight}");
        }
    }
}

#[test]
fn an_idle_tenant_earns_no_credit() {
    let mut fair_queue = fair_queue([
        backlog("a", 1),
        Work {
            indexes: 0..1,
            ..backlog("b", 2)
        },
    ]);
    take_and_release(&mut fair_queue, 10_000);
    fair_queue.push(backlog("b", 3).ready());
    let next = tenants_of(&mut fair_queue, 100);
    assert_eq!(next.iter().filter(|tenant| *tenant == "b").count(), 50);
}

#[test]
fn a_blocked_tenant_earns_no_credit() {
    let mut fair_queue = fair_queue([backlog("a", 1), backlog("b", 2)]);
    let none = TenantBounds {
        max_active: Some(0),
        ..TenantBounds::default()
    };
    fair_queue.set_tenant(&tenant("b"), none);
    let taken = take_and_release(&mut fair_queue, 1_000);
    assert!(
        taken
            .iter()
            .all(|taken| taken.account.tenant == tenant("a"))
    );
    fair_queue.set_tenant(&tenant("b"), TenantBounds::default());
    let next = tenants_of(&mut fair_queue, 100);
    assert_eq!(next.iter().filter(|tenant| *tenant == "b").count(), 50);
}

#[test]
fn dags_of_a_tenant_go_round_robin() {
    let mut fair_queue = fair_queue([backlog("a", 1), backlog("a", 2), backlog("a", 3)]);
    let dags: Vec<i64> = names(&fair_queue.take(7))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(dags, [1, 2, 3, 1, 2, 3, 1]);
    // A new DAG goes behind those that wait, whatever the priority of its tasks.
    fair_queue.push(
        Work {
            priority: 99,
            ..backlog("a", 4)
        }
        .ready(),
    );
    let dags: Vec<i64> = names(&fair_queue.take(5))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(dags, [2, 3, 1, 4, 2]);
}

#[test]
fn queues_go_round_robin_and_takes_use_up_free_slots() {
    let mut fair_queue = fair_queue([
        backlog("a", 1),
        Work {
            queue: "r",
            ..backlog("a", 2)
        },
    ]);
    fair_queue.set_queue("r", unbounded());
    let runs: Vec<i64> = names(&fair_queue.take(4))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(runs, [1, 2, 1, 2]);
    fair_queue.set_queue(
        "q",
        QueueBounds {
            free_slots: 1,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    fair_queue.set_queue(
        "r",
        QueueBounds {
            free_slots: 2,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    let runs: Vec<i64> = names(&fair_queue.take(9))
        .into_iter()
        .map(|(_, run, ..)| run)
        .collect();
    assert_eq!(runs, [1, 2, 2]);
    // A release frees no slot of the queue: only the broker knows those.
    fair_queue.release(&backlog("a", 1).account());
    assert!(fair_queue.take(9).is_empty());
    let left: Vec<_> = fair_queue
        .queues()
        .map(|(name, bounds)| (name.to_string(), bounds.free_slots))
        .collect();
    assert_eq!(left, [("q".into(), 0), ("r".into(), 0)]);
}

#[test]
fn a_dag_orders_by_priority_then_run_then_task_then_index() {
    let of = |run, task, priority, indexes| Work {
        run,
        task,
        indexes,
        priority,
        ..work()
    };
    let mut fair_queue = fair_queue([
        of(2, 1, 0, 3..5),
        of(2, 0, 0, 0..1),
        of(1, 7, 0, 0..1),
        of(3, 5, 10, 0..1),
        of(1, 8, -1, 0..1),
        of(2, 1, 0, 0..1),
    ]);
    let taken: Vec<_> = names(&fair_queue.take(10))
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
    assert!(fair_queue.is_empty());
    assert_eq!(fair_queue.active(), 7);
}

#[test]
fn a_million_instances_are_taken_in_order_and_return_to_their_position() {
    let mut fair_queue = fair_queue([backlog("a", 1)]);
    assert_eq!(fair_queue.ready_of(run(1), TaskIndex(0)), 1_000_000);
    let indexes = |fair_queue: &mut FairQueue, count| -> Vec<u32> {
        names(&fair_queue.take(count))
            .into_iter()
            .map(|(.., index)| index)
            .collect()
    };
    assert_eq!(indexes(&mut fair_queue, 3), [0, 1, 2]);
    fair_queue.push(
        Work {
            indexes: 1..2,
            ..backlog("a", 1)
        }
        .ready(),
    );
    fair_queue.remove_instances(run(1), TaskIndex(0), &(4..6));
    assert_eq!(indexes(&mut fair_queue, 4), [1, 3, 6, 7]);
    assert_eq!(fair_queue.ready_of(run(1), TaskIndex(0)), 999_992);
    fair_queue.remove_task(run(1), TaskIndex(0));
    assert!(fair_queue.take(1).is_empty());
}

#[test]
fn blocked_work_delays_no_other_work() {
    let tight = Work {
        pool: Some(("p", 1)),
        priority: 9,
        ..backlog("a", 1)
    };
    let mut fair_queue = fair_queue([
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
            queue: "unserved",
            ..backlog("b", 4)
        },
    ]);
    fair_queue.set_pool(&tenant("a"), "p", 2);
    fair_queue.set_tenant(
        &tenant("b"),
        TenantBounds {
            max_active: Some(2),
            ..TenantBounds::default()
        },
    );
    let taken: Vec<_> = names(&fair_queue.take(12))
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
    fair_queue.release(&tight.account());
    let next: Vec<_> = names(&fair_queue.take(2))
        .into_iter()
        .map(|(_, run, task, _)| (run, task))
        .collect();
    assert_eq!(next, [(1, 0), (1, 1)]);
}

#[test]
fn occupied_instances_count_as_active() {
    let mut fair_queue = FairQueue::new(Bounds {
        max_active: Some(2),
    });
    fair_queue.set_queue("q", unbounded());
    fair_queue.push(backlog("a", 1).ready());
    fair_queue.occupy(&backlog("b", 2).account());
    assert_eq!(fair_queue.take(9).len(), 1);
    fair_queue.release(&backlog("b", 2).account());
    assert_eq!(fair_queue.take(9).len(), 1);
    fair_queue.set_bounds(Bounds::default());
    assert_eq!(fair_queue.take(9).len(), 9);
}

#[test]
fn a_push_with_another_queue_moves_the_task() {
    let mut fair_queue = fair_queue([Work {
        indexes: 0..3,
        ..work()
    }]);
    fair_queue.set_queue(
        "r",
        QueueBounds {
            free_slots: 2,
            workers: 1,
            ..QueueBounds::default()
        },
    );
    fair_queue.push(
        Work {
            indexes: 2..4,
            queue: "r",
            pool: Some(("p", 0)),
            ..work()
        }
        .ready(),
    );
    assert_eq!(fair_queue.ready_of(run(1), TaskIndex(0)), 4);
    assert!(fair_queue.take(9).is_empty(), "the pool has no slots");
    fair_queue.set_pool(&tenant("a"), "p", 9);
    assert_eq!(fair_queue.take(9).len(), 2);
}

proptest! {
    #[test]
    fn shares_of_endless_work_differ_by_at_most_one_take_of_each(
        weights in prop::collection::vec(1..=1_000_u32, 2..6),
        counts in prop::collection::vec(1..200_usize, 1..6),
    ) {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let mut fair_queue = fair_queue((1..).zip(NAMES).take(weights.len()).map(|(dag, name)| backlog(name, dag)));
        for (name, weight) in NAMES.into_iter().zip(&weights) {
            fair_queue.set_tenant(&tenant(name), with_weight(*weight));
        }
        let mut had = vec![0_u64; weights.len()];
        for count in counts {
            for name in tenants_of(&mut fair_queue, count) {
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
