//! The levels of the fair queue: queue, tenant, class, DAG, task.
//!
//! Each level stores the members of the level below that may be taken now in a
//! sorted set, `eligible`; blocked members are not in it. Code that changes a
//! level refreshes those above it (`refresh`); nothing here decides.

use super::{
    Account, MAX_WEIGHT, TenantBounds,
    ranges::Ranges,
    share::{Share, TenantOrder},
};
use crate::{document::TaskIndex, run_id::RunId};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// The index of a tenant in [`super::FairQueue`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TenantIx(pub(super) usize);

/// The index of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueIx(pub(super) usize);

/// The index of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolIx(pub(super) usize);

/// Slots of a pool, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolSlots(pub(super) PoolIx, pub(super) u32);

/// What a task needs besides a slot of a worker. The same bounds block all work of one
/// class on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// Slots of a pool, if it needs any.
    pub(super) pool_slots: Option<PoolSlots>,
    /// The memory that a worker must have.
    pub(super) memory_bytes: u64,
}

/// The rank of a task within its DAG; the smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) priority: Reverse<i32>,
    pub(super) run: RunId,
    pub(super) task: TaskIndex,
}

/// The ready instances of one task of a run.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) account: Arc<Account>,
    pub(super) indexes: Ranges,
}

/// Ready tasks of one (queue, tenant, DAG, class).
pub(super) type TaskQueue = BTreeMap<Rank, Item>;

/// A DAG's ready work on one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct DagQueue {
    /// Round-robin position among the tenant's DAGs: the smallest goes first, and each
    /// take moves it behind all others.
    pub(super) position: u64,
    /// No task queue is empty.
    pub(super) task_queues: BTreeMap<Class, TaskQueue>,
}

/// A tenant's ready work of one class on one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassQueue {
    /// Positions and keys of the DAGs that have work of this class and are not at their bound.
    pub(super) eligible: BTreeSet<(u64, u64)>,
    /// How many DAGs have work of this class, at their bound or not.
    pub(super) task_queues: usize,
    /// The position under which the tenant queue's `eligible` contains it.
    pub(super) eligible_position: Option<u64>,
}

/// A tenant's ready work on one queue.
#[derive(Debug, Clone)]
pub(super) struct TenantQueue {
    /// What it occupies of the queue.
    pub(super) share: Share,
    pub(super) dag_queues: BTreeMap<u64, DagQueue>,
    pub(super) class_queues: BTreeMap<Class, ClassQueue>,
    /// Class queues whose pool and workers have capacity, by the position of their first DAG.
    pub(super) eligible: BTreeSet<(u64, Class)>,
    /// The largest position of a DAG so far.
    pub(super) last_position: u64,
}

/// A queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) name: Arc<str>,
    /// How many instances may still be taken.
    pub(super) free_slots: u32,
    /// How many slots were free when the bounds were last set.
    pub(super) offered_slots: u32,
    pub(super) workers: u32,
    /// The memory that its largest worker can give one instance.
    pub(super) memory_bytes: u64,
    pub(super) tenant_queues: BTreeMap<TenantIx, TenantQueue>,
    /// Tenants that have something to take and are not at their bound.
    pub(super) eligible: TenantOrder,
    /// Round-robin position among the queues: the smallest goes first, and each take moves
    /// it behind all others.
    pub(super) position: u64,
    /// Whether the fair queue's `eligible` contains it, under its position.
    pub(super) is_eligible: bool,
}

/// A tenant over all queues.
#[derive(Debug, Clone, Default)]
pub(super) struct Tenant {
    pub(super) bounds: TenantBounds,
    pub(super) active: u64,
    /// Where it has or had work.
    pub(super) queues: BTreeSet<QueueIx>,
    pub(super) pools: HashMap<Arc<str>, PoolIx>,
}

/// A pool of one tenant.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub(super) tenant: TenantIx,
    pub(super) slots: u32,
    pub(super) taken: u64,
    /// The queues with class queues that need it, by how many slots they need.
    pub(super) needed_by: BTreeSet<(u32, QueueIx)>,
}

/// A DAG over all queues and runs. Removed when it has neither ready nor active work.
#[derive(Debug, Clone, Default)]
pub(super) struct DagLoad {
    pub(super) active: u64,
    pub(super) max_active: Option<u32>,
    /// Where it has work.
    pub(super) queues: BTreeSet<QueueIx>,
}

/// A DAG on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueueKey {
    pub(super) queue: QueueIx,
    pub(super) tenant: TenantIx,
    pub(super) dag: u64,
}

/// Where the ready instances of a task are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskKey {
    pub(super) key: QueueKey,
    pub(super) class: Class,
    pub(super) rank: Rank,
}

/// Whether `active` has reached a bound.
pub(super) fn is_full(active: u64, bound: Option<u32>) -> bool {
    bound.is_some_and(|bound| active >= u64::from(bound))
}

impl TenantBounds {
    /// The weight within its range.
    pub(super) fn clamped_weight(&self) -> u32 {
        self.weight.clamp(1, MAX_WEIGHT)
    }
}

impl Tenant {
    pub(super) fn is_full(&self) -> bool {
        is_full(self.active, self.bounds.max_active)
    }
}

impl DagLoad {
    pub(super) fn is_full(&self) -> bool {
        is_full(self.active, self.max_active)
    }
}

impl Pool {
    /// How many slots are free; 0 if more are taken than there are.
    pub(super) fn free_slots(&self) -> u32 {
        let taken = u32::try_from(self.taken).unwrap_or(u32::MAX);
        self.slots.saturating_sub(taken)
    }
}

impl Queue {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            free_slots: 0,
            offered_slots: 0,
            workers: 0,
            memory_bytes: u64::MAX,
            tenant_queues: BTreeMap::new(),
            eligible: TenantOrder::default(),
            position: 0,
            is_eligible: false,
        }
    }
}

impl TenantQueue {
    pub(super) fn new(bounds: &TenantBounds, now_ms: i64) -> Self {
        Self {
            share: Share::new(bounds.clamped_weight(), now_ms),
            dag_queues: BTreeMap::new(),
            class_queues: BTreeMap::new(),
            eligible: BTreeSet::new(),
            last_position: 0,
        }
    }
}
