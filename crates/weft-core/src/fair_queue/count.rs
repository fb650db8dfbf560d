//! Counts ready work.

use super::{
    FairQueue,
    level::{Class, Item, Queue, TaskQueue, TenantIx},
};
use crate::{document::TaskIndex, run_id::RunId};
use std::{collections::BTreeSet, sync::Arc};

impl FairQueue {
    /// How many instances of a task are ready.
    pub fn ready_of(&self, run: RunId, task: TaskIndex) -> u64 {
        self.item(run, task)
            .map_or(0, |(_, item)| item.indexes.count())
    }

    /// How many instances are ready for each queue that has some. O(tasks that are ready).
    pub fn ready_by_queue(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.queues.iter().filter_map(|queue| {
            let ready = queue.count_instances(|_class| true);
            (ready > 0).then_some((&queue.name, ready))
        })
    }

    /// How many of these need more memory than any worker of their queue has.
    pub fn oversized_by_queue(&self) -> impl Iterator<Item = (&Arc<str>, u64)> {
        self.queues.iter().filter_map(|queue| {
            if queue.workers == 0 || queue.memory_bytes == u64::MAX {
                return None;
            }
            let oversized = queue.count_instances(|class| class.memory_bytes > queue.memory_bytes);
            (oversized > 0).then_some((&queue.name, oversized))
        })
    }

    /// The sum of the weights of tenants that have ready or active instances.
    pub fn weight(&self) -> u32 {
        let ready: BTreeSet<TenantIx> = self
            .queues
            .iter()
            .flat_map(|queue| &queue.tenant_queues)
            .filter(|(_, tenant_queue)| !tenant_queue.dag_queues.is_empty())
            .map(|(tenant, _)| *tenant)
            .collect();
        let tenants = self.tenants.iter().enumerate();
        tenants
            .filter(|(index, tenant)| tenant.active > 0 || ready.contains(&TenantIx(*index)))
            .map(|(_, tenant)| tenant.bounds.weight)
            .fold(0, u32::saturating_add)
    }
}

impl Queue {
    fn count_instances(&self, of: impl Fn(&Class) -> bool) -> u64 {
        let tenant_queues = self.tenant_queues.values();
        let dag_queues = tenant_queues.flat_map(|tenant| tenant.dag_queues.values());
        dag_queues
            .flat_map(|dag| &dag.task_queues)
            .filter(|(class, _)| of(class))
            .flat_map(|(_, tasks): (_, &TaskQueue)| tasks.values())
            .map(|item: &Item| item.indexes.count())
            .sum()
    }
}
