//! Arguments and results of the fair queue: work and bounds.

use crate::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use std::{ops::Range, sync::Arc};

/// The weight of a tenant by default.
pub const DEFAULT_WEIGHT: u32 = 100;
/// The largest weight.
pub const MAX_WEIGHT: u32 = 1_000;

/// The bounds of an installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// How many instances may be active at once.
    pub max_active: Option<u32>,
}

/// The bounds of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantBounds {
    /// How many instances may be active at once.
    pub max_active: Option<u32>,
    /// Its share relative to other tenants, clamped to 1 to [`MAX_WEIGHT`].
    pub weight: u32,
}

impl Default for TenantBounds {
    fn default() -> Self {
        Self {
            max_active: None,
            weight: DEFAULT_WEIGHT,
        }
    }
}

/// What one active instance occupies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Tenant that the work is counted for.
    pub tenant: TenantId,
    /// Its DAG; a DAG belongs to one tenant.
    pub dag: u64,
    /// The queue whose workers may run it, and one of whose slots it occupies.
    pub queue: Arc<str>,
    /// The pool, if it takes slots of one. A pool that was never set has none.
    pub pool: Option<Arc<str>>,
    /// How many of the pool's slots; 0 counts as 1.
    pub pool_slots: u32,
}

/// Instances of one task that may be dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// What each of them occupies.
    pub account: Arc<Account>,
    /// Their run.
    pub run: RunId,
    /// Task of the instances.
    pub task: TaskIndex,
    /// Their map indexes.
    pub indexes: Range<u32>,
    /// Higher goes first within the DAG.
    pub priority: i32,
    /// The DAG's bound over all its runs. The latest push decides.
    pub dag_max_active: Option<u32>,
    /// The memory that a worker needs for one of them, in bytes.
    pub memory_bytes: u64,
}

/// Work that is like an active instance: of its DAG, with its account and its need of memory.
#[derive(Debug, Clone, Copy)]
pub struct Like<'a> {
    /// What the instance occupies.
    pub account: &'a Account,
    /// Its run.
    pub run: RunId,
    /// The memory that a worker needs for it, in bytes.
    pub memory_bytes: u64,
}

/// An instance to dispatch now. It counts as active from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Run of the instance.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// For [`super::FairQueue::release`].
    pub account: Arc<Account>,
}

/// The bounds of a queue: what its workers can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Instances that may be taken for it from now on.
    pub free_slots: u32,
    /// Workers that serve it.
    pub workers: u32,
    /// The memory that the largest of them can give one instance, in bytes; `u64::MAX` if
    /// that is unknown.
    pub memory_bytes: u64,
}

impl Default for QueueBounds {
    /// No worker serves it.
    fn default() -> Self {
        Self {
            free_slots: 0,
            workers: 0,
            memory_bytes: u64::MAX,
        }
    }
}
