//! Counts active instances against their bounds.

use super::{
    Account, FairQueue,
    level::{PoolSlots, QueueIx, QueueKey, TenantIx, TenantQueue},
};
use crate::time::Timestamp;

/// How often the costs of all tenants follow the time. Those of a tenant that takes or releases do
/// at once.
const ADVANCE_EVERY_MS: i64 = 1_000;

impl FairQueue {
    /// Counts an instance as active that this queue did not hand out, such as one
    /// that was queued or running when its driver started.
    pub fn occupy(&mut self, account: &Account) {
        let tenant = self.tenant(&account.tenant);
        let queue = self.queue(&account.queue);
        let slots = self.pool_slots(tenant, account);
        self.charge(queue, tenant, account.dag, slots);
    }

    /// Ends the active state of an instance that ended, was lost or was revoked.
    /// Call it once for each [`Taken`](super::Taken) and each [`Self::occupy`].
    pub fn release(&mut self, account: &Account) {
        let tenant = self.tenant(&account.tenant);
        let slots = self.pool_slots(tenant, account);
        self.active = self.active.saturating_sub(1);
        let (queue, now_ms) = (self.queue(&account.queue), self.now_ms);
        let queue = &mut self.queues[queue.0];
        if let Some(tenant_queue) = queue.tenant_queues.get_mut(&tenant) {
            let share = &mut tenant_queue.share;
            queue.eligible.release(tenant, share, now_ms);
        }
        let was_full = self.tenants[tenant.0].is_full();
        let active = &mut self.tenants[tenant.0].active;
        *active = active.saturating_sub(1);
        if was_full {
            self.refresh_tenant(tenant);
        }
        if let Some(PoolSlots(pool, slots)) = slots {
            let before = self.pools[pool.0].free_slots();
            let taken = &mut self.pools[pool.0].taken;
            *taken = taken.saturating_sub(u64::from(slots));
            self.refresh_pool(pool, before);
        }
        if let Some(dag) = self.dags.get_mut(&account.dag) {
            let was_full = dag.is_full();
            dag.active = dag.active.saturating_sub(1);
            if dag.active == 0 && dag.queues.is_empty() {
                self.dags.remove(&account.dag);
            } else if was_full && !dag.is_full() {
                self.refresh_dag(tenant, account.dag);
            }
        }
    }

    /// Time passed, by any clock that doesn't go back. What tenants occupy costs them more with
    /// it. O(tenants), at most once a second.
    pub fn advance_time(&mut self, now: Timestamp) {
        self.now_ms = self.now_ms.max(now.0);
        if self.now_ms.saturating_sub(self.advanced_ms) < ADVANCE_EVERY_MS {
            return;
        }
        self.advanced_ms = self.now_ms;
        for queue in &mut self.queues {
            for (tenant, tenant_queue) in &mut queue.tenant_queues {
                let share = &mut tenant_queue.share;
                queue.eligible.advance(*tenant, share, self.now_ms);
            }
        }
    }

    /// How many instances are active.
    pub fn active(&self) -> u64 {
        self.active
    }

    pub(super) fn charge(
        &mut self,
        queue: QueueIx,
        tenant: TenantIx,
        dag: u64,
        slots: Option<PoolSlots>,
    ) {
        self.active += 1;
        let (now_ms, position) = (self.now_ms, self.last_position);
        let bounds = &self.tenants[tenant.0].bounds;
        let queue_at = &mut self.queues[queue.0];
        let tenant_queues = &mut queue_at.tenant_queues;
        let tenant_queue = tenant_queues
            .entry(tenant)
            .or_insert_with(|| TenantQueue::new(bounds, now_ms));
        let share = &mut tenant_queue.share;
        queue_at.eligible.occupy(tenant, share, now_ms, position);
        self.tenants[tenant.0].queues.insert(queue);
        self.tenants[tenant.0].active += 1;
        if self.tenants[tenant.0].is_full() {
            self.refresh_tenant(tenant);
        }
        if let Some(PoolSlots(pool, slots)) = slots {
            let before = self.pools[pool.0].free_slots();
            self.pools[pool.0].taken += u64::from(slots);
            self.refresh_pool(pool, before);
        }
        let load = self.dags.entry(dag).or_default();
        load.active += 1;
        if load.is_full() {
            self.refresh_dag(tenant, dag);
        }
    }

    /// Refreshes a DAG's work after its bound or load changed. O(its queues and classes).
    pub(super) fn refresh_dag(&mut self, tenant: TenantIx, dag: u64) {
        let queues: Vec<_> = match self.dags.get(&dag) {
            Some(load) => load.queues.iter().copied().collect(),
            None => return,
        };
        for queue in queues {
            let key = QueueKey { queue, tenant, dag };
            let classes = self.withdraw(key);
            self.enter(key, classes);
        }
    }
}
