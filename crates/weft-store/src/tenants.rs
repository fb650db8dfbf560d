//! Tenants, their limits, pools and policies: what operators set.
//!
//! Every change raises the settings' version of the shards that it concerns, in
//! the same transaction, so that schedulers take it up within a second.

use crate::{Database, Pool, ShardId, StoreError};
use std::sync::Arc;
use weft_core::{id::TenantId, time::Timestamp};

/// A tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantRow {
    /// Its name.
    pub id: TenantId,
    /// Who schedules its DAGs.
    pub shard: ShardId,
    /// Its share against other tenants, from 1 to 1000; 100 is usual.
    pub weight: u32,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
    /// When it was made.
    pub created: Timestamp,
}

/// What can be set of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantLimits {
    /// Its share against other tenants, from 1 to 1000.
    pub weight: u32,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self {
            weight: 100,
            max_active_tasks: None,
        }
    }
}

/// A policy file of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// TOML.
    pub text: Arc<str>,
    /// When it was set.
    pub updated: Timestamp,
    /// By whom.
    pub updated_by: String,
}

impl Database {
    /// Tenants by name, after `after`; at most `limit`. The default one always exists.
    pub async fn list_tenants(
        &self,
        after: Option<&TenantId>,
        limit: u32,
    ) -> Result<Vec<TenantRow>, StoreError> {
        todo!()
    }

    /// One tenant.
    pub async fn show_tenant(&self, tenant: &TenantId) -> Result<Option<TenantRow>, StoreError> {
        todo!()
    }

    /// Makes a tenant or changes its limits.
    pub async fn put_tenant(
        &self,
        tenant: &TenantId,
        limits: TenantLimits,
        by: &str,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// Task instances at once over all tenants of a shard.
    pub async fn put_shard_limit(
        &self,
        shard: ShardId,
        max_active_tasks: Option<u32>,
        by: &str,
    ) -> Result<(), StoreError> {
        todo!()
    }

    /// The tenant's pools by name, after `after`; at most `limit`.
    pub async fn list_pools(
        &self,
        tenant: &TenantId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Pool>, StoreError> {
        todo!()
    }

    /// Makes a pool or changes its slots; `false` where there is no such tenant.
    pub async fn put_pool(&self, pool: &Pool, by: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// Removes a pool; `false` where there was none.
    pub async fn delete_pool(
        &self,
        tenant: &TenantId,
        name: &str,
        by: &str,
    ) -> Result<bool, StoreError> {
        todo!()
    }

    /// The tenant's policy; none where the default holds.
    pub async fn show_policy(&self, tenant: &TenantId) -> Result<Option<PolicyRow>, StoreError> {
        todo!()
    }

    /// Sets the tenant's policy, which the caller has read and found right;
    /// none goes back to the default. `false` where there is no such tenant.
    pub async fn put_policy(
        &self,
        tenant: &TenantId,
        text: Option<&str>,
        by: &str,
    ) -> Result<bool, StoreError> {
        todo!()
    }
}
