//! Settings that bound the runs of a shard.

use crate::Unreadable;
use std::sync::Arc;
use weft_core::id::TenantId;

/// What bounds the runs of a shard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShardSettings {
    /// Rises with every change to these settings or to a [`crate::DagState`].
    pub version: i64,
    /// Task instances at once over all tenants; without one the workers' slots are the bound.
    pub max_active_tasks: Option<u32>,
    /// One for each tenant of the shard.
    pub tenants: Vec<TenantSettings>,
    /// Every pool of the shard.
    pub pools: Vec<Pool>,
    /// Tenants and pools, by what they are called in messages, whose rows can't be read. Such a
    /// tenant is listed with a bound of no task instance; such a pool is left out, so that it has
    /// no slots.
    pub unreadable: Vec<Unreadable<String>>,
}

/// What bounds one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantSettings {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its policy file, TOML; none where the default holds.
    pub policy: Option<Arc<str>>,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
    /// Its share against other tenants, from 1 to 1000; 100 is usual.
    pub weight: u32,
}

/// A pool of slots that tasks of one tenant share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Tenant that owns the pool.
    pub tenant: TenantId,
    /// Name of the pool, unique within a tenant.
    pub name: String,
    /// How many slots it has.
    pub slots: u32,
}
