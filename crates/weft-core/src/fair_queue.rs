//! The fair queue: the order in which ready work is dispatched.
//!
//! [`FairQueue`] stores ready instances as ranges, knows every bound, and hands
//! out what may start, in this order:
//!
//! 1. Queues with free slots go round robin.
//! 2. Within a queue tenants share the time of its slots by weight (`share`): the one goes
//!    first that occupies the least of them, now and in the last minute, however many tasks
//!    that are. A tenant without work earns no more credit than that, and its next task does
//!    not wait behind the backlog of others.
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
//! Pure: no clock and no randomness; the caller tells the time ([`FairQueue::advance_time`]), and
//! the same calls give the same order.
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
//!     queue: "default".into(),
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
mod held;
mod level;
mod ranges;
mod refresh;
mod share;
mod take;
mod work;

pub use blocked::Blocked;
pub use work::{
    Account, Bounds, DEFAULT_WEIGHT, Like, MAX_WEIGHT, QueueBounds, Ready, Taken, TenantBounds,
};

use crate::{document::TaskIndex, id::TenantId, run_id::RunId};
use held::Held;
use level::{DagLoad, Pool, Queue, QueueIx, TaskKey, Tenant, TenantIx};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Ready work in the order of dispatch.
///
/// Names of tenants, queues and pools are stored until this is dropped.
#[derive(Debug, Clone, Default)]
pub struct FairQueue {
    bounds: Bounds,
    /// The time that the caller gave last, in milliseconds.
    now_ms: i64,
    /// The time that the costs of all tenants follow.
    advanced_ms: i64,
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
    /// Ready work that no take hands out.
    held: Held,
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
