//! Bounds that are set, and names that become positions.

use super::{
    Account, Bounds, Order, QueueBounds, TenantBounds,
    level::{Class, Pool, PoolIx, Queue, QueueIx, Slots, Tenant, TenantIx},
};
use crate::id::TenantId;
use std::sync::Arc;

impl Order {
    /// Changes what bounds the installation.
    pub fn set_bounds(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Changes what bounds a tenant. A larger weight holds from its next take on: what it
    /// took before costs it no more than a take does now.
    pub fn set_tenant(&mut self, tenant: &TenantId, bounds: TenantBounds) {
        let at = self.tenant(tenant);
        self.tenants[at.0].bounds = bounds;
        let step = bounds.step();
        for queue in &self.tenants[at.0].queues {
            let queue = &mut self.queues[queue.0];
            let Some(share) = queue.shares.get_mut(&at) else {
                continue;
            };
            let pass = share.pass.min(queue.clock + step);
            if share.listed {
                queue.open.remove(&(share.pass, at));
                queue.open.insert((pass, at));
            }
            share.pass = pass;
        }
        self.refresh_tenant(at);
    }

    /// Changes how many slots a pool has; 0 is as good as none.
    pub fn set_pool(&mut self, tenant: &TenantId, pool: &str, slots: u32) {
        let at = self.tenant(tenant);
        let at = self.pool(at, pool);
        let before = self.pools[at.0].free();
        self.pools[at.0].slots = slots;
        self.refresh_pool(at, before);
    }

    /// Changes how many instances may be taken for a queue from now on, and how
    /// many workers serve it. Every take uses a place up; nothing but another
    /// call gives one back, since only the broker knows.
    pub fn set_queue(&mut self, queue: &str, bounds: QueueBounds) {
        let at = self.queue(queue);
        let queue = &mut self.queues[at.0];
        queue.places = bounds.places;
        queue.offered = bounds.places;
        queue.workers = bounds.workers;
        if queue.memory_bytes != bounds.memory_bytes {
            queue.memory_bytes = bounds.memory_bytes;
            self.refresh_shelves(at);
        }
        self.refresh_queue(at);
    }

    /// The queues that were set or that work was pushed for, as they stand:
    /// so that a driver can empty those that no worker serves any more.
    pub fn queues(&self) -> impl Iterator<Item = (&Arc<str>, QueueBounds)> {
        self.queues.iter().map(|queue| {
            let bounds = QueueBounds {
                places: queue.places,
                workers: queue.workers,
                memory_bytes: queue.memory_bytes,
            };
            (&queue.name, bounds)
        })
    }

    /// The tenant's shares after its bound or load changed. O(its queues).
    pub(super) fn refresh_tenant(&mut self, tenant: TenantIx) {
        let queues: Vec<QueueIx> = self.tenants[tenant.0].queues.iter().copied().collect();
        for queue in queues {
            self.refresh_share(queue, tenant);
        }
    }

    /// The shelves that a pool's change opens or closes; it had `before` slots left.
    pub(super) fn refresh_pool(&mut self, at: PoolIx, before: u32) {
        let pool = &self.pools[at.0];
        let (tenant, after) = (pool.tenant, pool.free());
        let (few, many) = (before.min(after), before.max(after));
        if few == many {
            return;
        }
        let turned: Vec<(u32, QueueIx)> = pool
            .shelves
            .range((few + 1, QueueIx(0))..=(many, QueueIx(usize::MAX)))
            .copied()
            .collect();
        for (slots, queue) in turned {
            for class in self.classes_of(queue, tenant, Slots(at, slots)) {
                self.refresh_shelf(queue, tenant, class);
            }
            self.refresh_share(queue, tenant);
        }
    }

    /// All shelves of a queue, after its workers became larger or smaller.
    fn refresh_shelves(&mut self, queue: QueueIx) {
        let shares = &self.queues[queue.0].shares;
        let shelves: Vec<(TenantIx, Vec<Class>)> = shares
            .iter()
            .map(|(tenant, share)| (*tenant, share.shelves.keys().copied().collect()))
            .collect();
        for (tenant, classes) in shelves {
            for class in classes {
                self.refresh_shelf(queue, tenant, class);
            }
            self.refresh_share(queue, tenant);
        }
    }

    pub(super) fn tenant(&mut self, tenant: &TenantId) -> TenantIx {
        if let Some(at) = self.tenant_names.get(tenant) {
            return *at;
        }
        let at = TenantIx(self.tenants.len());
        self.tenants.push(Tenant::default());
        self.tenant_names.insert(tenant.clone(), at);
        at
    }

    pub(super) fn queue(&mut self, queue: &str) -> QueueIx {
        if let Some(at) = self.queue_names.get(queue) {
            return *at;
        }
        let at = QueueIx(self.queues.len());
        let name: Arc<str> = queue.into();
        self.queues.push(Queue::new(Arc::clone(&name)));
        self.queue_names.insert(name, at);
        at
    }

    pub(super) fn pool(&mut self, tenant: TenantIx, pool: &str) -> PoolIx {
        if let Some(at) = self.tenants[tenant.0].pools.get(pool) {
            return *at;
        }
        let at = PoolIx(self.pools.len());
        self.pools.push(Pool {
            tenant,
            slots: 0,
            taken: 0,
            shelves: std::collections::BTreeSet::new(),
        });
        self.tenants[tenant.0].pools.insert(pool.into(), at);
        at
    }

    pub(super) fn slots(&mut self, tenant: TenantIx, account: &Account) -> Option<Slots> {
        let pool = account.pool.as_ref()?;
        Some(Slots(self.pool(tenant, pool), account.pool_slots.max(1)))
    }
}
