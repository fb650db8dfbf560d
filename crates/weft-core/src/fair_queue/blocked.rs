//! Chooses the next work, and explains what blocks other work.

use super::{
    FairQueue,
    level::{Item, PoolSlots, QueueIx, QueueKey, TaskKey, is_full},
};
use crate::{document::TaskIndex, run_id::RunId};
use std::sync::Arc;

/// Why ready work is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// An operator holds all runs of its DAG.
    DagHeld,
    /// No worker serves its queue.
    QueueHasNoWorkers {
        /// The queue.
        queue: Arc<str>,
    },
    /// No worker of the queue has enough memory.
    Oversized {
        /// The queue.
        queue: Arc<str>,
        /// The memory limit of an instance of this task, in bytes.
        needs: u64,
        /// The memory that the largest worker can give, in bytes.
        largest: u64,
    },
    /// The queue's workers have no free slots.
    QueueFull {
        /// The queue.
        queue: Arc<str>,
        /// How many slots were free when the queue's bounds were last set.
        slots: u32,
    },
    /// As many instances are active as the installation allows.
    InstallationLimit {
        /// The bound.
        limit: u32,
        /// Active instances.
        active: u64,
    },
    /// As many instances are active as the tenant allows.
    TenantLimit {
        /// The bound.
        limit: u32,
        /// Active instances of the tenant.
        active: u64,
    },
    /// As many instances are active as the DAG allows over all its runs.
    DagLimit {
        /// The bound.
        limit: u32,
        /// Active instances of the DAG.
        active: u64,
    },
    /// The pool has too few free slots.
    Pool {
        /// The pool.
        name: Arc<str>,
        /// How many slots it has; 0 if there is no such pool.
        slots: u32,
        /// How many are taken.
        taken: u64,
        /// How many an instance of this task takes.
        needs: u32,
    },
    /// Only other work, which goes first.
    Behind {
        /// The run of the queue's next task.
        run: RunId,
        /// The queue's next task.
        task: TaskIndex,
    },
}

impl FairQueue {
    /// Finds every bound that blocks the ready instances of a task; if there is none, the
    /// work that goes first. Empty if the task is next itself, or has nothing ready.
    pub fn find_blockers(&self, run: RunId, task: TaskIndex) -> Vec<Blocked> {
        if self.is_held_with_dag(run, task) {
            return vec![Blocked::DagHeld];
        }
        let Some((task_key, item)) = self.item(run, task) else {
            return Vec::new();
        };
        let mut blocked = Vec::new();
        blocked.extend(self.blocked_by_queue(task_key));
        self.add_limits(task_key.key, &mut blocked);
        if let Some(PoolSlots(pool, needs)) = task_key.class.pool_slots
            && !self.has_pool_slots(task_key.class)
        {
            let pool = &self.pools[pool.0];
            blocked.push(Blocked::Pool {
                name: item.account.pool.clone().unwrap_or_default(),
                slots: pool.slots,
                taken: pool.taken,
                needs,
            });
        }
        if blocked.is_empty()
            && let Some(first) = self.next_of(task_key.key.queue)
            && first != task_key
        {
            let (run, task) = (first.rank.run, first.rank.task);
            blocked.push(Blocked::Behind { run, task });
        }
        blocked
    }

    fn blocked_by_queue(&self, task_key: TaskKey) -> Option<Blocked> {
        let queue = &self.queues[task_key.key.queue.0];
        let name = || Arc::clone(&queue.name);
        let needs = task_key.class.memory_bytes;
        if queue.workers == 0 && queue.free_slots == 0 {
            Some(Blocked::QueueHasNoWorkers { queue: name() })
        } else if needs > queue.memory_bytes {
            Some(Blocked::Oversized {
                queue: name(),
                needs,
                largest: queue.memory_bytes,
            })
        } else if queue.free_slots == 0 {
            Some(Blocked::QueueFull {
                queue: name(),
                slots: queue.offered_slots,
            })
        } else {
            None
        }
    }

    /// Adds the reached bounds on active instances.
    fn add_limits(&self, key: QueueKey, blocked: &mut Vec<Blocked>) {
        let reached = |active, limit: Option<u32>| limit.filter(|_| is_full(active, limit));
        if let Some(limit) = reached(self.active, self.bounds.max_active) {
            let active = self.active;
            blocked.push(Blocked::InstallationLimit { limit, active });
        }
        let tenant = &self.tenants[key.tenant.0];
        if let Some(limit) = reached(tenant.active, tenant.bounds.max_active) {
            let active = tenant.active;
            blocked.push(Blocked::TenantLimit { limit, active });
        }
        if let Some(dag) = self.dags.get(&key.dag)
            && let Some(limit) = reached(dag.active, dag.max_active)
        {
            let active = dag.active;
            blocked.push(Blocked::DagLimit { limit, active });
        }
    }

    /// The next task of a queue, whether the queue has a free slot or not.
    pub(super) fn next_of(&self, queue: QueueIx) -> Option<TaskKey> {
        let queue_at = &self.queues[queue.0];
        let tenant = queue_at.eligible.first()?;
        let tenant_queue = queue_at.tenant_queues.get(&tenant)?;
        let (_position, class) = tenant_queue.eligible.first()?;
        let class_queue = tenant_queue.class_queues.get(class)?;
        let (_position, dag) = *class_queue.eligible.first()?;
        // The class has chosen the DAG. Among all eligible classes of that DAG the rank decides.
        let (class, rank) = tenant_queue
            .dag_queues
            .get(&dag)?
            .task_queues
            .iter()
            .filter(|(class, _)| self.has_capacity(queue, **class))
            .filter_map(|(class, tasks)| tasks.first_key_value().map(|(rank, _)| (*class, *rank)))
            .min_by_key(|(_, rank)| *rank)?;
        let key = QueueKey { queue, tenant, dag };
        Some(TaskKey { key, class, rank })
    }

    pub(super) fn item(&self, run: RunId, task: TaskIndex) -> Option<(TaskKey, &Item)> {
        let task_key = self.tasks.get(&(run, task)).copied()?;
        let TaskKey { key, class, rank } = task_key;
        let tenant_queue = self.queues[key.queue.0].tenant_queues.get(&key.tenant)?;
        let dag_queue = tenant_queue.dag_queues.get(&key.dag)?;
        let item = dag_queue.task_queues.get(&class)?.get(&rank)?;
        Some((task_key, item))
    }
}
