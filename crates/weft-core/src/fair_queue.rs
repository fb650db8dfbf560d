//! The fair queue: the order in which ready work is dispatched.
//!
//! [`FairQueue`] stores ready instances as ranges, knows every bound, and hands
//! out what may start, in this order:
//!
//! 1. Queues with free slots go round robin.
//! 2. Within a queue tenants share by weight, by stride scheduling
//!    ([`crate::stride`]). That is the order of weighted deficit round robin, spread
//!    as evenly as possible: no tenant waits for a whole round of another. A
//!    tenant without work earns no credit, and its next task does not wait
//!    behind the backlog of others.
//! 3. Within a tenant DAGs go round robin.
//! 4. Within a DAG: higher priority, then the older run, then the author's
//!    order of tasks, then the map index.
//!
//! Every take respects all bounds: active instances of the installation, of the
//! tenant, and of the DAG over all its runs; slots of the pool; free slots of the
//! queue, and the memory of its largest worker.
//!
//! Blocked work delays no other work and costs nothing: tasks are grouped by
//! (queue, tenant, class, DAG), where a class is the pool slots and memory that a
//! task needs, and a blocked group is not in the sets that a take looks through.
//! A bound that fills or frees moves the groups that it blocks, not their
//! contents: a take or a release is O(log n), times the number of queues that
//! the tenant works on and of pools that the DAG uses. A million ready instances
//! of one mapped task are one range.
//!
//! Pure: no clock and no randomness; the same calls give the same order.
//!
//! ```
//! use std::sync::Arc;
//! use weft_core::{
//!     document::TaskIndex,
//!     fair_queue::{Account, FairQueue, QueueBounds, Ready},
//!     run_id::RunId,
//! };
//!
//! let account = Arc::new(Account {
//!     tenant: "acme".parse().unwrap(),
//!     dag: 1,
//!     pool: None,
//!     pool_slots: 1,
//! });
//! let mut queue = FairQueue::default();
//! queue.set_queue("default", QueueBounds { free_slots: 2, workers: 1, ..QueueBounds::default() });
//! queue.push(Ready {
//!     account: Arc::clone(&account),
//!     run: RunId::from_i64(7).unwrap(),
//!     task: TaskIndex(0),
//!     indexes: 0..3,
//!     queue: "default".into(),
//!     priority: 0,
//!     dag_max_active: None,
//!     memory_bytes: 64 << 20,
//! });
//! let taken = queue.take(10);
//! assert_eq!(taken.len(), 2, "the queue had two free slots");
//! queue.release(&taken[0].account);
//! assert_eq!(queue.active(), 1);
//! ```

mod active;
mod blocked;
mod bounds;
mod count;
mod level;
mod ranges;
mod refresh;
mod take;

pub use blocked::Blocked;

use crate::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use level::{DagLoad, Pool, Queue, QueueIx, TaskKey, Tenant, TenantIx};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

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

/// What one active instance occupies besides a slot of its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its DAG; a DAG belongs to one tenant.
    pub dag: u64,
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
    /// Their task.
    pub task: TaskIndex,
    /// Their map indexes.
    pub indexes: Range<u32>,
    /// The queue whose workers may run them.
    pub queue: Arc<str>,
    /// Higher goes first within the DAG.
    pub priority: i32,
    /// The DAG's bound over all its runs. The latest push decides.
    pub dag_max_active: Option<u32>,
    /// The memory that a worker needs for one of them, in bytes.
    pub memory_bytes: u64,
}

/// An instance to dispatch now. It counts as active from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Its run.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// For [`FairQueue::release`].
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

/// Ready work in the order of dispatch.
///
/// Names of tenants, queues and pools are stored until this is dropped.
#[derive(Debug, Clone, Default)]
pub struct FairQueue {
    bounds: Bounds,
    /// Active instances.
    active: u64,
    tenants: Vec<Tenant>,
    tenant_names: HashMap<TenantId, TenantIx>,
    queues: Vec<Queue>,
    queue_names: HashMap<Arc<str>, QueueIx>,
    pools: Vec<Pool>,
    dags: BTreeMap<u64, DagLoad>,
    /// Queues that have free slots and something to take, by position.
    eligible: BTreeSet<(u64, QueueIx)>,
    /// The largest position of a queue so far.
    last_position: u64,
    /// Where the ready instances of each task are.
    tasks: BTreeMap<(RunId, TaskIndex), TaskKey>,
}

impl FairQueue {
    /// An empty queue of work; no queue of workers has free slots.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            ..Self::default()
        }
    }
}
