//! Updates every level's `eligible` after changes of the level below and of bounds.

use super::{
    FairQueue,
    level::{Class, DagLoad, PoolSlots, QueueIx, QueueKey, TenantIx, TenantQueue},
};

impl FairQueue {
    /// Removes a DAG from its class queues' `eligible` before its work or position
    /// changes. Returns the classes that it had work of, for [`Self::enter`].
    pub(super) fn withdraw(&mut self, key: QueueKey) -> Vec<Class> {
        let tenant_queue = self.tenant_queue(key.queue, key.tenant);
        let Some(dag_queue) = tenant_queue.dag_queues.get(&key.dag) else {
            return Vec::new();
        };
        let classes: Vec<Class> = dag_queue.task_queues.keys().copied().collect();
        for class in &classes {
            if let Some(class_queue) = tenant_queue.class_queues.get_mut(class) {
                class_queue.eligible.remove(&(dag_queue.position, key.dag));
            }
        }
        classes
    }

    /// Adds a DAG to the `eligible` of its class queues again and refreshes every level
    /// above. `before` are the classes that it had work of.
    pub(super) fn enter(&mut self, key: QueueKey, before: Vec<Class>) {
        let is_full = self.dags.get(&key.dag).is_some_and(DagLoad::is_full);
        let tenant_queue = self.tenant_queue(key.queue, key.tenant);
        let mut classes = before;
        match tenant_queue.dag_queues.get(&key.dag) {
            Some(dag_queue) if dag_queue.task_queues.is_empty() => {
                tenant_queue.dag_queues.remove(&key.dag);
                self.remove_queue_of_dag(key);
            }
            Some(dag_queue) => {
                for class in dag_queue.task_queues.keys() {
                    if !is_full {
                        let class_queue = tenant_queue.class_queues.entry(*class).or_default();
                        class_queue.eligible.insert((dag_queue.position, key.dag));
                    }
                    classes.push(*class);
                }
            }
            None => {}
        }
        classes.sort_unstable();
        classes.dedup();
        for class in classes {
            self.refresh_class_queue(key.queue, key.tenant, class);
        }
        self.refresh_tenant_queue(key.queue, key.tenant);
    }

    /// Records that a DAG has no more work on a queue.
    fn remove_queue_of_dag(&mut self, key: QueueKey) {
        if let Some(dag) = self.dags.get_mut(&key.dag) {
            dag.queues.remove(&key.queue);
            if dag.queues.is_empty() && dag.active == 0 {
                self.dags.remove(&key.dag);
            }
        }
    }

    /// A class queue is eligible while its pool has enough free slots, a worker is large
    /// enough, and one of its DAGs is not at its bound.
    pub(super) fn refresh_class_queue(&mut self, queue: QueueIx, tenant: TenantIx, class: Class) {
        let has_capacity = self.has_capacity(queue, class);
        let tenant_queue = self.tenant_queue(queue, tenant);
        let Some(class_queue) = tenant_queue.class_queues.get_mut(&class) else {
            return;
        };
        let position = class_queue
            .eligible
            .first()
            .filter(|_| has_capacity)
            .map(|(position, _dag)| *position);
        if class_queue.eligible_position != position {
            if let Some(before) = std::mem::replace(&mut class_queue.eligible_position, position) {
                tenant_queue.eligible.remove(&(before, class));
            }
            if let Some(position) = position {
                tenant_queue.eligible.insert((position, class));
            }
        }
        if class_queue.task_queues == 0 {
            tenant_queue.class_queues.remove(&class);
            if let Some(slots) = class.pool_slots
                && self.classes_of(queue, tenant, slots).is_empty()
            {
                let PoolSlots(pool, slots) = slots;
                self.pools[pool.0].needed_by.remove(&(slots, queue));
            }
        }
    }

    /// The classes of a tenant's work on a queue that need this number of slots of a pool.
    pub(super) fn classes_of(
        &self,
        queue: QueueIx,
        tenant: TenantIx,
        pool_slots: PoolSlots,
    ) -> Vec<Class> {
        let class = |memory_bytes| Class {
            pool_slots: Some(pool_slots),
            memory_bytes,
        };
        let Some(tenant_queue) = self.queues[queue.0].tenant_queues.get(&tenant) else {
            return Vec::new();
        };
        let class_queues = tenant_queue.class_queues.range(class(0)..=class(u64::MAX));
        class_queues.map(|(class, _)| *class).collect()
    }

    /// A tenant queue is eligible while its tenant is not at its bound and one of its class
    /// queues is eligible.
    pub(super) fn refresh_tenant_queue(&mut self, queue: QueueIx, tenant: TenantIx) {
        let (of, now_ms) = (&self.tenants[tenant.0], self.now_ms);
        let queue_at = &mut self.queues[queue.0];
        let tenant_queue = queue_at
            .tenant_queues
            .entry(tenant)
            .or_insert_with(|| TenantQueue::new(&of.bounds, now_ms));
        let is_eligible = !of.is_full() && !tenant_queue.eligible.is_empty();
        let share = &mut tenant_queue.share;
        queue_at.eligible.set_eligible(tenant, share, is_eligible);
        self.refresh_queue(queue);
    }

    /// A queue is eligible while it has free slots and one of its tenants is eligible.
    pub(super) fn refresh_queue(&mut self, queue: QueueIx) {
        let queue_at = &mut self.queues[queue.0];
        let is_eligible = queue_at.free_slots > 0 && !queue_at.eligible.is_empty();
        if is_eligible && !queue_at.is_eligible {
            self.eligible.insert((queue_at.position, queue));
        } else if !is_eligible && queue_at.is_eligible {
            self.eligible.remove(&(queue_at.position, queue));
        }
        queue_at.is_eligible = is_eligible;
    }

    /// Whether the pool of a class has free slots for one more of it, and a worker of the
    /// queue enough memory.
    pub(super) fn has_capacity(&self, queue: QueueIx, class: Class) -> bool {
        class.memory_bytes <= self.queues[queue.0].memory_bytes && self.has_pool_slots(class)
    }

    /// Whether the pool of a class has free slots for one more of it.
    pub(super) fn has_pool_slots(&self, class: Class) -> bool {
        class
            .pool_slots
            .is_none_or(|PoolSlots(pool, slots)| self.pools[pool.0].free_slots() >= slots)
    }

    pub(super) fn tenant_queue(&mut self, queue: QueueIx, tenant: TenantIx) -> &mut TenantQueue {
        let (bounds, now_ms) = (&self.tenants[tenant.0].bounds, self.now_ms);
        let tenant_queues = &mut self.queues[queue.0].tenant_queues;
        tenant_queues
            .entry(tenant)
            .or_insert_with(|| TenantQueue::new(bounds, now_ms))
    }
}
