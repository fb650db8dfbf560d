//! Sets bounds, and maps names to indexes.

use super::{
    Account, Bounds, FairQueue, QueueBounds, TenantBounds,
    level::{Class, Pool, PoolIx, PoolSlots, Queue, QueueIx, Tenant, TenantIx},
};
use crate::id::TenantId;
use std::{collections::BTreeSet, sync::Arc};

impl FairQueue {
    /// Changes the bounds of the installation.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Changes the bounds of a tenant. Its weight applies at once, also to the slots that it
    /// occupies.
    pub fn set_tenant(&mut self, tenant: &TenantId, bounds: TenantBounds) {
        let tenant = self.tenant(tenant);
        self.tenants[tenant.0].bounds = bounds;
        for queue in &self.tenants[tenant.0].queues {
            let queue = &mut self.queues[queue.0];
            if let Some(tenant_queue) = queue.tenant_queues.get_mut(&tenant) {
                let share = &mut tenant_queue.share;
                let weight = bounds.clamped_weight();
                queue.eligible.set_weight(tenant, share, weight);
            }
        }
        self.refresh_tenant(tenant);
    }

    /// Changes how many slots a pool has. A pool without slots blocks as a missing one does.
    pub fn set_pool(&mut self, tenant: &TenantId, pool: &str, slots: u32) {
        let tenant = self.tenant(tenant);
        let pool = self.pool(tenant, pool);
        let before = self.pools[pool.0].free_slots();
        self.pools[pool.0].slots = slots;
        self.refresh_pool(pool, before);
    }

    /// Changes how many instances may be taken for a queue from now on, and how
    /// many workers serve it. Each take uses up one free slot. Only another call
    /// adds free slots, since only the broker knows them.
    pub fn set_queue(&mut self, queue: &str, bounds: QueueBounds) {
        let index = self.queue(queue);
        let queue = &mut self.queues[index.0];
        queue.free_slots = bounds.free_slots;
        queue.offered_slots = bounds.free_slots;
        queue.workers = bounds.workers;
        if queue.memory_bytes != bounds.memory_bytes {
            queue.memory_bytes = bounds.memory_bytes;
            self.refresh_classes_of(index);
        }
        self.refresh_queue(index);
    }

    /// All queues that were set or that work was pushed for, with their current bounds. A
    /// driver finds here the queues that no worker serves any more.
    pub fn queues(&self) -> impl Iterator<Item = (&Arc<str>, QueueBounds)> {
        self.queues.iter().map(|queue| {
            let bounds = QueueBounds {
                free_slots: queue.free_slots,
                workers: queue.workers,
                memory_bytes: queue.memory_bytes,
            };
            (&queue.name, bounds)
        })
    }

    /// Refreshes a tenant's queues after its bound or load changed. O(its queues).
    pub(super) fn refresh_tenant(&mut self, tenant: TenantIx) {
        let queues: Vec<QueueIx> = self.tenants[tenant.0].queues.iter().copied().collect();
        for queue in queues {
            self.refresh_tenant_queue(queue, tenant);
        }
    }

    /// Refreshes the class queues that a pool's change blocks or frees; it had `before` free
    /// slots.
    pub(super) fn refresh_pool(&mut self, index: PoolIx, before: u32) {
        let pool = &self.pools[index.0];
        let (tenant, after) = (pool.tenant, pool.free_slots());
        let (fewer, more) = (before.min(after), before.max(after));
        if fewer == more {
            return;
        }
        let changed: Vec<(u32, QueueIx)> = pool
            .needed_by
            .range((fewer + 1, QueueIx(0))..=(more, QueueIx(usize::MAX)))
            .copied()
            .collect();
        for (slots, queue) in changed {
            for class in self.classes_of(queue, tenant, PoolSlots(index, slots)) {
                self.refresh_class_queue(queue, tenant, class);
            }
            self.refresh_tenant_queue(queue, tenant);
        }
    }

    /// Refreshes all class queues of a queue after the memory of its largest worker changed.
    fn refresh_classes_of(&mut self, queue: QueueIx) {
        let tenant_queues = &self.queues[queue.0].tenant_queues;
        let classes: Vec<(TenantIx, Vec<Class>)> = tenant_queues
            .iter()
            .map(|(tenant, of)| (*tenant, of.class_queues.keys().copied().collect()))
            .collect();
        for (tenant, classes) in classes {
            for class in classes {
                self.refresh_class_queue(queue, tenant, class);
            }
            self.refresh_tenant_queue(queue, tenant);
        }
    }

    /// The index of a tenant, which is added if it is new.
    pub(super) fn tenant(&mut self, tenant: &TenantId) -> TenantIx {
        if let Some(index) = self.tenant_names.get(tenant) {
            return *index;
        }
        let index = TenantIx(self.tenants.len());
        self.tenants.push(Tenant::default());
        self.tenant_names.insert(tenant.clone(), index);
        index
    }

    /// The index of a queue, which is added if it is new.
    pub(super) fn queue(&mut self, queue: &str) -> QueueIx {
        if let Some(index) = self.queue_names.get(queue) {
            return *index;
        }
        let index = QueueIx(self.queues.len());
        let name: Arc<str> = queue.into();
        self.queues.push(Queue::new(Arc::clone(&name)));
        self.queue_names.insert(name, index);
        index
    }

    /// The index of a pool, which is added without slots if it is new.
    pub(super) fn pool(&mut self, tenant: TenantIx, pool: &str) -> PoolIx {
        if let Some(index) = self.tenants[tenant.0].pools.get(pool) {
            return *index;
        }
        let index = PoolIx(self.pools.len());
        self.pools.push(Pool {
            tenant,
            slots: 0,
            taken: 0,
            needed_by: BTreeSet::new(),
        });
        self.tenants[tenant.0].pools.insert(pool.into(), index);
        index
    }

    pub(super) fn pool_slots(&mut self, tenant: TenantIx, account: &Account) -> Option<PoolSlots> {
        let pool = account.pool.as_ref()?;
        let pool = self.pool(tenant, pool);
        Some(PoolSlots(pool, account.pool_slots.max(1)))
    }
}
