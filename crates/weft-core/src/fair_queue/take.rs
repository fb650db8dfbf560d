//! Adds, removes and takes ready work.

use super::{
    Account, FairQueue, Like, Ready, Taken,
    level::{
        Class, DagLoad, DagQueue, Item, PoolSlots, QueueIx, QueueKey, Rank, TaskKey, TaskQueue,
        is_full,
    },
    ranges::Ranges,
};
use crate::{document::TaskIndex, run::Instance, run_id::RunId};
use std::{cmp::Reverse, ops::Range, sync::Arc};

impl FairQueue {
    /// Adds ready instances. Instances that are ready already stay. All ready instances of
    /// one task take the queue, class and priority of the latest call.
    pub fn push(&mut self, ready: Ready) {
        if ready.indexes.is_empty() {
            return;
        }
        if self.holds(&ready) {
            self.held.add(ready);
            return;
        }
        let task_key = self.task_key(&ready);
        let mut indexes = Ranges::default();
        indexes.add(ready.indexes);
        if self
            .tasks
            .get(&(ready.run, ready.task))
            .is_some_and(|before| *before != task_key)
            && let Some(moved) = self.take_out(ready.run, ready.task)
        {
            moved.indexes.iter().for_each(|range| indexes.add(range));
        }

        let key = task_key.key;
        let load = self.dags.entry(key.dag).or_default();
        let bound_changed = load.max_active != ready.dag_max_active;
        load.max_active = ready.dag_max_active;
        load.queues.insert(key.queue);
        if bound_changed {
            self.refresh_dag(key.tenant, key.dag);
        }
        self.tenants[key.tenant.0].queues.insert(key.queue);
        self.tasks.insert((ready.run, ready.task), task_key);

        let before = self.withdraw(key);
        let item = self.item_mut(task_key, &ready.account);
        item.account = ready.account;
        indexes.iter().for_each(|range| item.indexes.add(range));
        if let Some(PoolSlots(pool, slots)) = task_key.class.pool_slots {
            self.pools[pool.0].needed_by.insert((slots, key.queue));
        }
        self.enter(key, before);
    }

    fn task_key(&mut self, ready: &Ready) -> TaskKey {
        let tenant = self.tenant(&ready.account.tenant);
        TaskKey {
            key: QueueKey {
                queue: self.queue(&ready.account.queue),
                tenant,
                dag: ready.account.dag,
            },
            class: Class {
                pool_slots: self.pool_slots(tenant, &ready.account),
                memory_bytes: ready.memory_bytes,
            },
            rank: Rank {
                priority: Reverse(ready.priority),
                run: ready.run,
                task: ready.task,
            },
        }
    }

    /// The item of a task; an empty one if it has none. Between `withdraw` and `enter`.
    fn item_mut(&mut self, task_key: TaskKey, account: &Arc<Account>) -> &mut Item {
        let TaskKey { key, class, rank } = task_key;
        let tenant_queue = self.tenant_queue(key.queue, key.tenant);
        let last_position = &mut tenant_queue.last_position;
        let dag_queue = tenant_queue.dag_queues.entry(key.dag).or_insert_with(|| {
            // A new DAG goes behind all DAGs that wait.
            *last_position += 1;
            DagQueue {
                position: *last_position,
                ..Default::default()
            }
        });
        let task_queue = dag_queue.task_queues.entry(class).or_insert_with(|| {
            let class_queue = tenant_queue.class_queues.entry(class).or_default();
            class_queue.task_queues += 1;
            TaskQueue::new()
        });
        task_queue.entry(rank).or_insert_with(|| Item {
            account: Arc::clone(account),
            indexes: Ranges::default(),
        })
    }

    /// Removes all ready instances of a task, which was cleared or whose run stopped.
    pub fn remove_task(&mut self, run: RunId, task: TaskIndex) {
        self.take_out(run, task);
        self.held.remove_task(run, task);
    }

    /// Removes ready instances of a task, which a person marked.
    pub fn remove_instances(&mut self, run: RunId, task: TaskIndex, indexes: &Range<u32>) {
        self.held.remove_instances(run, task, indexes);
        let Some(task_key) = self.tasks.get(&(run, task)).copied() else {
            return;
        };
        let item = self
            .task_queue_mut(task_key)
            .and_then(|tasks| tasks.get_mut(&task_key.rank));
        if let Some(item) = item {
            item.indexes.remove(indexes);
            if item.indexes.is_empty() {
                self.take_out(run, task);
            }
        }
    }

    /// Removes all ready instances of a run.
    pub fn remove_run(&mut self, run: RunId) {
        self.held.remove_run(run);
        let (first, last) = ((run, TaskIndex(0)), (run, TaskIndex(u32::MAX)));
        while let Some(((_, task), _)) = self.tasks.range(first..=last).next() {
            let task = *task;
            self.take_out(run, task);
        }
    }

    /// Whether nothing is ready that is not held.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Takes the next instances, at most `max`; fewer only if the bounds allow no more.
    pub fn take(&mut self, max: usize) -> Vec<Taken> {
        let next = std::iter::from_fn(|| self.take_next());
        next.take(max).collect()
    }

    /// Takes the next instance, if the bounds allow one.
    pub fn take_next(&mut self) -> Option<Taken> {
        if is_full(self.active, self.bounds.max_active) {
            return None;
        }
        let (_position, queue) = *self.eligible.first()?;
        let next = self
            .next_of(queue)
            .expect("an eligible queue has something to take");
        let key = next.key;

        let before = self.withdraw(key);
        let item = self.item_of(next).expect("the next task has an item");
        let index = item.indexes.pop().expect("no item is empty");
        let account = Arc::clone(&item.account);
        self.remove_if_empty(next);
        let tenant_queue = self.tenant_queue(queue, key.tenant);
        tenant_queue.last_position += 1;
        if let Some(dag_queue) = tenant_queue.dag_queues.get_mut(&key.dag) {
            dag_queue.position = tenant_queue.last_position;
        }
        self.enter(key, before);
        self.advance(queue);
        self.charge(queue, key.tenant, key.dag, next.class.pool_slots);
        Some(Taken {
            run: next.rank.run,
            instance: Instance {
                task: next.rank.task,
                index,
            },
            account,
        })
    }

    /// Makes an instance active that a worker ran already, whether it is ready here or was drawn, and
    /// whatever slots the workers of its queue have free. `None` if a hold or a bound on active
    /// instances keeps it from being taken.
    pub fn take_ran(
        &mut self,
        run: RunId,
        instance: Instance,
        account: &Arc<Account>,
    ) -> Option<Taken> {
        let tenant = self.tenant(&account.tenant);
        let queue = self.queue(&account.queue);
        let pool_slots = self.pool_slots(tenant, account);
        let class = Class {
            pool_slots,
            memory_bytes: 0,
        };
        let is_held = self.is_held(run, instance.task) || self.is_dag_held(account.dag);
        let is_dag_full = self.dags.get(&account.dag).is_some_and(DagLoad::is_full);
        if is_held
            || is_full(self.active, self.bounds.max_active)
            || self.tenants[tenant.0].is_full()
            || is_dag_full
            || !self.has_pool_slots(class)
        {
            return None;
        }
        self.remove_instances(run, instance.task, &(instance.index..instance.index + 1));
        self.charge(queue, tenant, account.dag, pool_slots);
        Some(Taken {
            run,
            instance,
            account: Arc::clone(account),
        })
    }

    /// Removes the instances of a run that go next among the work that is like an active one, at most
    /// `most`, as long as they fit: a worker runs them after that one. They occupy nothing, and are not
    /// ready until they are pushed again.
    pub fn draw(
        &mut self,
        like: &Like<'_>,
        most: u32,
        mut fits: impl FnMut(Instance) -> bool,
    ) -> Vec<Instance> {
        let (key, class) = self.class_of(like);
        let mut drawn = Vec::new();
        let before = self.withdraw(key);
        while drawn.len() < most as usize {
            let dag_queues = &mut self.tenant_queue(key.queue, key.tenant).dag_queues;
            let tasks = dag_queues
                .get_mut(&key.dag)
                .and_then(|dag| dag.task_queues.get_mut(&class));
            let Some((rank, item)) = tasks.and_then(|tasks| tasks.iter_mut().next()) else {
                break;
            };
            let (rank, first) = (*rank, item.indexes.iter().next());
            let instance = first.map(|range| Instance {
                task: rank.task,
                index: range.start,
            });
            let Some(instance) = instance.filter(|next| rank.run == like.run && fits(*next)) else {
                break;
            };
            item.indexes.pop();
            drawn.push(instance);
            self.remove_if_empty(TaskKey { key, class, rank });
        }
        self.enter(key, before);
        drawn
    }

    /// How many more ready instances there are for each free slot of the queue than one, among the work
    /// that is like an active one. What there is of tasks but the first counts once for each.
    pub fn surplus(&mut self, like: &Like<'_>) -> u32 {
        let (key, class) = self.class_of(like);
        let free = u64::from(self.queues[key.queue.0].free_slots);
        let dag_queues = &self.tenant_queue(key.queue, key.tenant).dag_queues;
        let tasks = dag_queues
            .get(&key.dag)
            .and_then(|dag| dag.task_queues.get(&class));
        let ready = tasks.map_or(0, |tasks| {
            let first = tasks.values().next().map_or(0, |item| item.indexes.count());
            first + (tasks.len() as u64).saturating_sub(1)
        });
        u32::try_from(ready.saturating_sub(free).div_ceil(free + 1)).unwrap_or(u32::MAX)
    }

    fn class_of(&mut self, like: &Like<'_>) -> (QueueKey, Class) {
        let tenant = self.tenant(&like.account.tenant);
        let key = QueueKey {
            queue: self.queue(&like.account.queue),
            tenant,
            dag: like.account.dag,
        };
        let class = Class {
            pool_slots: self.pool_slots(tenant, like.account),
            memory_bytes: like.memory_bytes,
        };
        (key, class)
    }

    fn item_of(&mut self, task_key: TaskKey) -> Option<&mut Item> {
        self.task_queue_mut(task_key)?.get_mut(&task_key.rank)
    }

    /// Removes the item of a task if nothing of it is ready. Between `withdraw` and `enter`.
    fn remove_if_empty(&mut self, task_key: TaskKey) {
        let item = self.item_of(task_key);
        if item.is_some_and(|item| item.indexes.is_empty()) {
            self.remove_item(task_key);
        }
    }

    /// Undoes the last take, but for the order: the instance occupies nothing, and is not ready
    /// until it is pushed again.
    pub fn put_back(&mut self, taken: &Taken) {
        self.release(&taken.account);
        let queue = self.queue(&taken.account.queue);
        self.queues[queue.0].free_slots += 1;
        self.refresh_queue(queue);
    }

    /// Moves a queue behind the others after a take.
    fn advance(&mut self, index: QueueIx) {
        let queue = &mut self.queues[index.0];
        queue.free_slots -= 1;
        if queue.is_eligible {
            self.eligible.remove(&(queue.position, index));
            queue.is_eligible = false;
        }
        self.last_position += 1;
        queue.position = self.last_position;
        self.refresh_queue(index);
    }

    /// Removes all ready instances of a task and returns them.
    pub(super) fn take_out(&mut self, run: RunId, task: TaskIndex) -> Option<Item> {
        let task_key = self.tasks.get(&(run, task)).copied()?;
        let before = self.withdraw(task_key.key);
        let item = self.remove_item(task_key);
        self.enter(task_key.key, before);
        item
    }

    /// Removes an item, and its task queue if that is empty then. Between `withdraw` and
    /// `enter`.
    fn remove_item(&mut self, task_key: TaskKey) -> Option<Item> {
        let TaskKey { key, class, rank } = task_key;
        self.tasks.remove(&(rank.run, rank.task));
        let tenant_queue = self.tenant_queue(key.queue, key.tenant);
        let dag_queue = tenant_queue.dag_queues.get_mut(&key.dag)?;
        let task_queue = dag_queue.task_queues.get_mut(&class)?;
        let item = task_queue.remove(&rank);
        if task_queue.is_empty() {
            dag_queue.task_queues.remove(&class);
            if let Some(class_queue) = tenant_queue.class_queues.get_mut(&class) {
                class_queue.task_queues -= 1;
            }
        }
        item
    }

    fn task_queue_mut(&mut self, task_key: TaskKey) -> Option<&mut TaskQueue> {
        let TaskKey { key, class, .. } = task_key;
        let dag_queues = &mut self.tenant_queue(key.queue, key.tenant).dag_queues;
        dag_queues.get_mut(&key.dag)?.task_queues.get_mut(&class)
    }
}
