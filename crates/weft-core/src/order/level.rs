//! The levels that ready work stands on, from the queue down to the task.
//!
//! Each level keeps those of the level below that can go now in a sorted set,
//! `open`; what is blocked isn't in it. Whoever changes something refreshes the
//! levels above (`refresh`); nothing here decides.

use super::{Account, MAX_WEIGHT, TenantBounds, ranges::Ranges};
use crate::{document::TaskIndex, run_id::RunId};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// A queue's virtual time: grows by [`STEP`]/weight with each take.
pub(super) type Pass = u128;

/// What a take costs a tenant of weight 1.
const STEP: Pass = 1 << 40;

/// The position of a tenant in [`super::Order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TenantIx(pub(super) usize);

/// The position of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct QueueIx(pub(super) usize);

/// The position of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PoolIx(pub(super) usize);

/// Slots of a pool, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slots(pub(super) PoolIx, pub(super) u32);

/// What a task needs besides a place; all work of one class on a queue is blocked alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Class {
    /// Of a pool, if it takes any.
    pub(super) slots: Option<Slots>,
    /// What its worker has to have.
    pub(super) memory_bytes: u64,
}

/// Where a task stands within its DAG; smaller goes first.
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
pub(super) type Lane = BTreeMap<Rank, Item>;

/// A DAG's ready work on one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Line {
    /// Smaller goes first; given anew with each take.
    pub(super) turn: u64,
    /// None is empty.
    pub(super) lanes: BTreeMap<Class, Lane>,
}

/// A tenant's ready work of one class on one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    /// Turns and keys of the DAGs that have work here and are not at their bound.
    pub(super) dags: BTreeSet<(u64, u64)>,
    /// How many DAGs have work here, at their bound or not.
    pub(super) lanes: usize,
    /// The turn that it is in the share's `open` with.
    pub(super) listed: Option<u64>,
}

/// A tenant's ready work on one queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Share {
    /// When it goes next, by the queue's clock.
    pub(super) pass: Pass,
    /// Whether it is in the queue's `open`, with its pass.
    pub(super) listed: bool,
    pub(super) lines: BTreeMap<u64, Line>,
    pub(super) shelves: BTreeMap<Class, Shelf>,
    /// Shelves whose pool has room, each with the turn of its first DAG.
    pub(super) open: BTreeSet<(u64, Class)>,
    /// The last turn that was given out.
    pub(super) turns: u64,
}

/// A queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) name: Arc<str>,
    /// What may still be taken.
    pub(super) places: u32,
    /// How many places it had when it was last set.
    pub(super) offered: u32,
    pub(super) workers: u32,
    /// What the largest of its workers can give one instance.
    pub(super) memory_bytes: u64,
    /// The pass of whoever went last.
    pub(super) clock: Pass,
    pub(super) shares: BTreeMap<TenantIx, Share>,
    /// Shares that have something to take, whose tenant isn't at its bound.
    pub(super) open: BTreeSet<(Pass, TenantIx)>,
    /// Smaller goes first; given anew with each take.
    pub(super) turn: u64,
    /// Whether it is in the order's `open`, with its turn.
    pub(super) listed: bool,
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
    /// The shelves that need it, by how many slots they need.
    pub(super) shelves: BTreeSet<(u32, QueueIx)>,
}

/// A DAG over all queues and runs. Forgotten when it has neither work nor load.
#[derive(Debug, Clone, Default)]
pub(super) struct DagLoad {
    pub(super) active: u64,
    pub(super) max_active: Option<u32>,
    /// Where it has work.
    pub(super) queues: BTreeSet<QueueIx>,
}

/// Where the ready instances of a task stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: Spot,
    pub(super) class: Class,
    pub(super) rank: Rank,
}

/// A DAG on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) queue: QueueIx,
    pub(super) tenant: TenantIx,
    pub(super) dag: u64,
}

/// Whether `active` has reached a bound.
pub(super) fn full(active: u64, bound: Option<u32>) -> bool {
    bound.is_some_and(|bound| active >= u64::from(bound))
}

impl TenantBounds {
    /// What a take costs the tenant.
    pub(super) fn step(&self) -> Pass {
        STEP / Pass::from(self.weight.clamp(1, MAX_WEIGHT))
    }
}

impl Tenant {
    pub(super) fn full(&self) -> bool {
        full(self.active, self.bounds.max_active)
    }
}

impl DagLoad {
    pub(super) fn full(&self) -> bool {
        full(self.active, self.max_active)
    }
}

impl Pool {
    /// How many slots are left; none where more are taken than there are.
    pub(super) fn free(&self) -> u32 {
        let taken = u32::try_from(self.taken).unwrap_or(u32::MAX);
        self.slots.saturating_sub(taken)
    }
}

impl Queue {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            places: 0,
            offered: 0,
            workers: 0,
            memory_bytes: u64::MAX,
            clock: 0,
            shares: BTreeMap::new(),
            open: BTreeSet::new(),
            turn: 0,
            listed: false,
        }
    }
}
