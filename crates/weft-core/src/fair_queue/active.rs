//! Counts active instances against their bounds.

use super::{
    Account, FairQueue,
    level::{PoolSlots, QueueKey, TenantIx},
};

impl FairQueue {
    /// Counts an instance as active that this queue did not hand out, such as one
    /// that was queued or running when its driver started.
    pub fn occupy(&mut self, account: &Account) {
        let tenant = self.tenant(&account.tenant);
        let slots = self.pool_slots(tenant, account);
        self.charge(tenant, account.dag, slots);
    }

    /// Ends the active state of an instance that ended, was lost or was revoked.
    /// Call it once for each [`Taken`](super::Taken) and each [`Self::occupy`].
    pub fn release(&mut self, account: &Account) {
        let tenant = self.tenant(&account.tenant);
        let slots = self.pool_slots(tenant, account);
        self.active = self.active.saturating_sub(1);
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

    /// How many instances are active.
    pub fn active(&self) -> u64 {
        self.active
    }

    pub(super) fn charge(&mut self, tenant: TenantIx, dag: u64, slots: Option<PoolSlots>) {
        self.active += 1;
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
