//! The fair order of dispatch: which ready work goes next.
//!
//! [`Order`] holds ready instances as ranges, knows every bound, and hands out
//! what may start, in this order:
//!
//! 1. Queues that have places take turns.
//! 2. Within a queue tenants share by weight: each take costs a tenant a step
//!    of 1/weight on the queue's virtual clock, and the one that is furthest
//!    behind goes next. (The order of weighted deficit round robin, spread as
//!    evenly as it can be: what a tenant waits for is never a whole round of
//!    another's.) Who had nothing to take comes back at the clock's time:
//!    nobody saves up, and nobody's single task waits behind a backlog.
//! 3. Within a tenant DAGs take turns.
//! 4. Within a DAG: higher priority, then the older run, then the author's
//!    order of tasks, then the map index.
//!
//! Every take holds all bounds: active instances of the installation, of the
//! tenant, of the DAG over all its runs; slots of the pool; places of the queue, and
//! the memory of its largest worker.
//!
//! What is blocked stands before nothing else and costs nothing: work is kept
//! in lists by (queue, tenant, pool and slots, memory, DAG), and a list that is blocked
//! is out of the sets that are looked through. A bound that fills or frees
//! moves the lists that it blocks, not their contents: a take or a release is
//! O(log n), times the number of queues that the tenant works on and of pools
//! that the DAG uses. A million ready instances of one mapped task are one range.
//!
//! Pure: no clock and no randomness; the same calls give the same order.

mod active;
mod bound;
mod level;
mod ranges;
mod refresh;
mod take;
mod why;

pub use why::Blocked;

use crate::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use level::{DagLoad, Place, Pool, Queue, QueueIx, Tenant, TenantIx};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

/// The share of a tenant that nobody set.
pub const DEFAULT_WEIGHT: u32 = 100;
/// The largest share.
pub const MAX_WEIGHT: u32 = 1_000;

/// What bounds an installation as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Active instances at once.
    pub max_active: Option<u32>,
}

/// What bounds one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantBounds {
    /// Active instances at once.
    pub max_active: Option<u32>,
    /// Its share against other tenants: 1 to [`MAX_WEIGHT`]; clamped to it.
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

/// What one active instance takes up, apart from its queue's place. Handed
/// back when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its DAG; a DAG belongs to one tenant.
    pub dag: u64,
    /// The pool, if it takes slots of one. A pool that nobody set has none.
    pub pool: Option<Arc<str>>,
    /// How many of the pool's slots; 0 counts as 1.
    pub pool_slots: u32,
}

/// Instances of one task that may be dispatched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// What each of them takes up.
    pub account: Arc<Account>,
    /// Their run.
    pub run: RunId,
    /// Their task.
    pub task: TaskIndex,
    /// Their map indexes.
    pub indexes: Range<u32>,
    /// Which workers may take them.
    pub queue: Arc<str>,
    /// Higher goes first within the DAG.
    pub priority: i32,
    /// The DAG's bound over all its runs; what was told last holds.
    pub dag_max_active: Option<u32>,
    /// What a worker has to have for one of them, in bytes.
    pub memory_bytes: u64,
}

/// An instance that is to be dispatched now. It counts as active from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its run.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// For [`Order::release`].
    pub account: Arc<Account>,
}

/// What a queue's workers can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueBounds {
    /// Instances that may be taken for it from now on.
    pub places: u32,
    /// Workers that serve it.
    pub workers: u32,
    /// What the largest of them can give one instance, in bytes; `u64::MAX` where that is
    /// not known.
    pub memory_bytes: u64,
}

impl Default for QueueBounds {
    /// Nobody serves it.
    fn default() -> Self {
        Self {
            places: 0,
            workers: 0,
            memory_bytes: u64::MAX,
        }
    }
}

/// Ready work, and the order that it goes in.
///
/// Names of tenants, queues and pools are kept for as long as this lives.
#[derive(Debug, Clone, Default)]
pub struct Order {
    bounds: Bounds,
    /// Active instances.
    active: u64,
    tenants: Vec<Tenant>,
    tenant_names: HashMap<TenantId, TenantIx>,
    queues: Vec<Queue>,
    queue_names: HashMap<Arc<str>, QueueIx>,
    pools: Vec<Pool>,
    dags: BTreeMap<u64, DagLoad>,
    /// Queues that have places and something to take, by turn.
    open: BTreeSet<(u64, QueueIx)>,
    /// The last turn that a queue was given.
    turns: u64,
    /// Where the ready instances of each task stand.
    places: BTreeMap<(RunId, TaskIndex), Place>,
}

impl Order {
    /// Nothing is ready, and no queue has places.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }
}
