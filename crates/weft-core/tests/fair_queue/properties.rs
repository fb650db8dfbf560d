//! Random calls in random order, compared with the naive reference.

use super::model::{Model, Work, run, tenant, work};
use proptest::prelude::*;
use weft_core::{
    document::TaskIndex,
    fair_queue::{Account, Blocked, Bounds, FairQueue, Like, QueueBounds, TenantBounds},
    run::Instance,
};

const TENANTS: [&str; 3] = ["a", "b", "c"];
const QUEUES: [&str; 3] = ["q", "r", "s"];
const POOLS: [&str; 2] = ["p", "o"];

#[derive(Debug, Clone)]
enum Step {
    Push(Work),
    Take(usize),
    TakeRan(i64, u32),
    Draw(i64, u32, u32),
    Release(usize),
    Occupy(Work),
    SetBounds(Option<u32>),
    SetTenant(usize, Option<u32>, u32),
    SetPool(usize, usize, u32),
    SetQueue(usize, QueueBounds),
    RemoveTask(i64, u32),
    RemoveInstances(i64, u32, std::ops::Range<u32>),
    RemoveRun(i64),
}

fn bound() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![Just(None), (0..6_u32).prop_map(Some)]
}

fn some_work() -> impl Strategy<Value = Work> {
    let pool = prop::option::of((prop::sample::select(POOLS.to_vec()), 0..4_u32));
    let indexes = (0..6_u32, 0..4_u32).prop_map(|(start, length)| start..start + length);
    (
        0..7_u64,
        0..3_i64,
        0..4_u32,
        indexes,
        0..3_usize,
        pool,
        0..3_i32,
        bound(),
        0..4_u64,
    )
        .prop_map(
            |(dag, of, task, indexes, queue, pool, priority, dag_max_active, memory_bytes)| Work {
                // A DAG belongs to one tenant, and a run to one DAG.
                tenant: TENANTS[usize::try_from(dag % 3).expect("small")],
                dag,
                run: i64::try_from(dag).expect("small") * 10 + of,
                task,
                indexes,
                queue: QUEUES[queue],
                pool,
                priority,
                dag_max_active,
                memory_bytes,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let instance = (0..70_i64, 0..4_u32);
    prop_oneof![
        10 => some_work().prop_map(Step::Push),
        8 => (0..6_usize).prop_map(Step::Take),
        4 => instance.clone().prop_map(|(of, task)| Step::TakeRan(of, task)),
        2 => (instance.clone(), 0..4_u32).prop_map(|((of, task), most)| Step::Draw(of, task, most)),
        6 => any::<usize>().prop_map(Step::Release),
        1 => some_work().prop_map(Step::Occupy),
        1 => bound().prop_map(Step::SetBounds),
        2 => (0..3_usize, bound(), 0..2_000_u32).prop_map(|(tenant, max, weight)| Step::SetTenant(tenant, max, weight)),
        2 => (0..3_usize, 0..2_usize, 0..6_u32).prop_map(|(tenant, pool, slots)| Step::SetPool(tenant, pool, slots)),
        4 => (0..3_usize, 0..6_u32, 0..2_u32, prop_oneof![Just(u64::MAX), 0..4_u64]).prop_map(
            |(queue, free_slots, workers, memory_bytes)| {
                let bounds = QueueBounds { free_slots, workers, memory_bytes };
                Step::SetQueue(queue, bounds)
            }
        ),
        1 => instance.clone().prop_map(|(of, task)| Step::RemoveTask(of, task)),
        1 => (instance, 0..6_u32, 0..4_u32)
            .prop_map(|((of, task), start, length)| Step::RemoveInstances(of, task, start..start + length)),
        1 => (0..70_i64).prop_map(Step::RemoveRun),
    ]
}

fn apply(step: Step, fair_queue: &mut FairQueue, model: &mut Model) -> Result<(), TestCaseError> {
    match step {
        Step::Push(work) => {
            model.push(&work.ready());
            fair_queue.push(work.ready());
        }
        Step::Take(max) => {
            let taken = fair_queue.take(max);
            prop_assert!(taken.len() <= max);
            for one in &taken {
                model
                    .take(one)
                    .map_err(|why| TestCaseError::fail(format!("{one:?}: {why}")))?;
            }
            if taken.len() < max {
                let left = model.takeable();
                prop_assert!(left.is_empty(), "work is left: {left:?}");
            }
        }
        Step::TakeRan(of, task) => {
            let key = (run(of), TaskIndex(task));
            let Some((ready, indexes)) = model.work.get(&key) else {
                return Ok(());
            };
            let index = *indexes.last().expect("it is ready");
            let instance = Instance { task: key.1, index };
            let account = std::sync::Arc::clone(&ready.account);
            let taken = fair_queue.take_ran(key.0, instance, &account);
            prop_assert_eq!(taken.is_some(), model.may_take_ran(key));
            if let Some(taken) = taken {
                prop_assert_eq!(taken.instance, instance);
                model.take_ran(&taken);
            }
        }
        Step::Draw(of, task, most) => {
            let Some((like, _)) = model.work.get(&(run(of), TaskIndex(task))) else {
                return Ok(());
            };
            let next = model.like(like);
            let like = Like {
                account: &like.account.clone(),
                run: like.run,
                memory_bytes: like.memory_bytes,
            };
            let fits = |instance: Instance| instance.index < 5;
            let expected = next.into_iter().take(most as usize);
            let expected: Vec<_> = expected.take_while(|next| fits(*next)).collect();
            let drawn = fair_queue.draw(&like, most, fits);
            prop_assert_eq!(&drawn, &expected);
            for Instance { task, index } in drawn {
                model.remove((run(of), task), &(index..index + 1));
            }
        }
        Step::Release(which) => {
            if let Some(which) = which.checked_rem(model.active.len()) {
                fair_queue.release(&model.active.swap_remove(which));
            }
        }
        Step::Occupy(work) => {
            let account: Account = work.account();
            fair_queue.occupy(&account);
            model.active.push(account);
        }
        Step::SetBounds(max_active) => {
            model.bounds = Bounds { max_active };
            fair_queue.set_bounds(model.bounds);
        }
        Step::SetTenant(at, max_active, weight) => {
            let bounds = TenantBounds { max_active, weight };
            model.tenants.insert(tenant(TENANTS[at]), bounds);
            fair_queue.set_tenant(&tenant(TENANTS[at]), bounds);
        }
        Step::SetPool(at, pool, slots) => {
            model
                .pools
                .insert((tenant(TENANTS[at]), POOLS[pool].into()), slots);
            fair_queue.set_pool(&tenant(TENANTS[at]), POOLS[pool], slots);
        }
        Step::SetQueue(queue, bounds) => {
            model
                .queues
                .insert(QUEUES[queue].into(), (bounds, bounds.free_slots));
            fair_queue.set_queue(QUEUES[queue], bounds);
        }
        Step::RemoveTask(of, task) => {
            model.remove((run(of), TaskIndex(task)), &(0..u32::MAX));
            fair_queue.remove_task(run(of), TaskIndex(task));
        }
        Step::RemoveInstances(of, task, indexes) => {
            model.remove((run(of), TaskIndex(task)), &indexes);
            fair_queue.remove_instances(run(of), TaskIndex(task), &indexes);
        }
        Step::RemoveRun(of) => {
            model.work.retain(|(ready, _), _| *ready != run(of));
            fair_queue.remove_run(run(of));
        }
    }
    Ok(())
}

/// Checks that ready work and its blockers are the same.
fn agree(fair_queue: &FairQueue, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(fair_queue.active(), model.active.len() as u64);
    prop_assert_eq!(fair_queue.is_empty(), model.work.is_empty());
    for ((of, task), (ready, indexes)) in &model.work {
        prop_assert_eq!(fair_queue.ready_of(*of, *task), indexes.len() as u64);
        let why = fair_queue.find_blockers(*of, *task);
        let blocked = model.blocked(ready);
        if blocked.is_empty() {
            match &why[..] {
                [] => {}
                [Blocked::Behind { run, task }] => {
                    let (first, _) = &model.work[&(*run, *task)];
                    prop_assert_eq!(&first.account.queue, &ready.account.queue);
                    prop_assert!(
                        model.blocked(first).is_empty(),
                        "{:?} can't go first",
                        first
                    );
                }
                other => prop_assert!(false, "{other:?} blocks {ready:?}, and nothing does"),
            }
        } else {
            prop_assert_eq!(why, blocked);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn takes_respect_all_bounds_leave_nothing_takeable_and_explain_the_rest(steps in prop::collection::vec(step(), 0..120)) {
        let (mut fair_queue, mut model) = (FairQueue::new(Bounds::default()), Model::default());
        for step in steps {
            apply(step, &mut fair_queue, &mut model)?;
            agree(&fair_queue, &model)?;
        }
        // Without bounds everything is taken.
        fair_queue.set_bounds(Bounds::default());
        model.bounds = Bounds::default();
        for name in TENANTS {
            apply(Step::SetTenant(usize::from(name.as_bytes()[0] - b'a'), None, 1), &mut fair_queue, &mut model)?;
        }
        for queue in 0..QUEUES.len() {
            let bounds = QueueBounds { free_slots: u32::MAX, workers: 1, ..QueueBounds::default() };
            apply(Step::SetQueue(queue, bounds), &mut fair_queue, &mut model)?;
        }
        for (tenant, pool) in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)] {
            apply(Step::SetPool(tenant, pool, u32::MAX), &mut fair_queue, &mut model)?;
        }
        for dag in 0..7_u64 {
            let last = Work {
                tenant: TENANTS[usize::try_from(dag % 3).expect("small")],
                dag,
                run: i64::try_from(dag).expect("small") * 10,
                ..work()
            };
            apply(Step::Push(last), &mut fair_queue, &mut model)?;
        }
        apply(Step::Take(100_000), &mut fair_queue, &mut model)?;
        prop_assert!(fair_queue.is_empty());
        while !model.active.is_empty() {
            apply(Step::Release(0), &mut fair_queue, &mut model)?;
        }
        prop_assert_eq!(fair_queue.active(), 0);
    }
}
