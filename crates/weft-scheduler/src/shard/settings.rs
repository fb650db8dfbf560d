//! The settings of a shard: policies and pools, as of a version.

use crate::grants::TenantPolicy;
use std::collections::{BTreeSet, HashMap};
use weft_core::id::TenantId;

/// What was read of a shard's settings last.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The version of the settings in memory.
    version: i64,
    policies: HashMap<TenantId, TenantPolicy>,
    /// The pools that the fair queue has slots for.
    pools: BTreeSet<(TenantId, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: -1,
            policies: HashMap::new(),
            pools: BTreeSet::new(),
        }
    }
}

impl Settings {
    pub(crate) const fn version(&self) -> i64 {
        self.version
    }

    /// Records that settings and DAGs of this version are in memory.
    pub(crate) const fn set_version(&mut self, version: i64) {
        self.version = version;
    }

    pub(crate) fn policy(&self, tenant: &TenantId) -> Option<&TenantPolicy> {
        self.policies.get(tenant)
    }

    pub(crate) fn set_policy(&mut self, tenant: TenantId, policy: TenantPolicy) {
        self.policies.insert(tenant, policy);
    }

    /// Replaces the pools; returns those that were deleted.
    pub(crate) fn replace_pools(
        &mut self,
        pools: BTreeSet<(TenantId, String)>,
    ) -> Vec<(TenantId, String)> {
        let deleted = self.pools.difference(&pools).cloned().collect();
        self.pools = pools;
        deleted
    }
}
