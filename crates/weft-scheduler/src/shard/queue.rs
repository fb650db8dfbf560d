//! The queue of a shard: which eligible instances are dispatched next, and what feeds it.

use crate::{completion_rate::CompletionRate, ready_count::ReadyCounts};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::Range,
    sync::Arc,
};
use weft_broker::Demand;
use weft_core::{
    document::TaskIndex,
    fair_queue::{
        Account, Blocked, Bounds, FairQueue, Like, QueueBounds, Ready, Taken, TenantBounds,
    },
    id::TenantId,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
};
use weft_store::DagKey;

/// A mapped task whose number of instances is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Expansion {
    pub(crate) run: RunId,
    pub(crate) task: TaskIndex,
    pub(crate) generation: u32,
}

/// The fair queue of a shard, the expansions that feed it, and the rate at which it drains.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    instances: FairQueue,
    to_expand: VecDeque<Expansion>,
    completion_rate: CompletionRate,
}

/// Instances.
impl Queue {
    pub(crate) fn push(&mut self, ready: Ready) {
        self.instances.push(ready);
    }

    /// Takes the instance that is dispatched next. It occupies its slots from now on.
    pub(crate) fn take_next(&mut self) -> Option<Taken> {
        self.instances.take_next()
    }

    /// Makes an instance active that a worker ran already. `None` where a hold or a bound keeps it from
    /// being dispatched.
    pub(crate) fn take_ran(
        &mut self,
        run: RunId,
        instance: Instance,
        account: &Arc<Account>,
    ) -> Option<Taken> {
        self.instances.take_ran(run, instance, account)
    }

    /// Removes the instances of a run that go next among the work that is like an active one, at most
    /// `most`, as long as they fit. They are not ready until they are pushed again.
    pub(crate) fn draw(
        &mut self,
        like: &Like<'_>,
        most: u32,
        fits: impl FnMut(Instance) -> bool,
    ) -> Vec<Instance> {
        self.instances.draw(like, most, fits)
    }

    /// How many more ready instances there are for each free slot of the queue than one, among the work
    /// that is like an active one.
    pub(crate) fn surplus(&mut self, like: &Like<'_>) -> u32 {
        self.instances.surplus(like)
    }

    /// Holds a task whose instance was just taken and can't be dispatched yet. The instance
    /// is not ready until it is pushed again.
    pub(crate) fn hold_taken(&mut self, taken: &Taken) {
        self.instances.put_back(taken);
        self.instances.hold_task(taken.run, taken.instance.task);
    }

    /// Holds all tasks of a run, whose end is written in portions.
    pub(crate) fn hold_run(&mut self, run: RunId) {
        self.instances.hold_run(run);
    }

    /// Has the instances of a run taken again that was held.
    pub(crate) fn resume_run(&mut self, run: RunId) {
        self.instances.resume_run(run);
    }

    /// Holds all runs of a DAG: an operator wants it.
    pub(crate) fn hold_dag(&mut self, dag: DagKey) {
        self.instances.hold_dag(dag.0.unsigned_abs());
    }

    /// Has the instances of a DAG taken again that was held.
    pub(crate) fn resume_dag(&mut self, dag: DagKey) {
        self.instances.resume_dag(dag.0.unsigned_abs());
    }

    /// Has the instances of a task taken again that was held.
    pub(crate) fn resume_task(&mut self, run: RunId, task: TaskIndex) {
        self.instances.resume_task(run, task);
    }

    /// Counts a live attempt that was recovered.
    pub(crate) fn occupy(&mut self, account: &Account) {
        self.instances.occupy(account);
    }

    /// Time passed: slots that are occupied cost their tenants more.
    pub(crate) fn advance_time(&mut self, now: Timestamp) {
        self.instances.advance_time(now);
    }

    /// Frees what an active instance occupied.
    pub(crate) fn release(&mut self, account: &Account) {
        self.instances.release(account);
    }

    pub(crate) fn remove_run(&mut self, run: RunId) {
        self.instances.remove_run(run);
    }

    pub(crate) fn remove_task(&mut self, run: RunId, task: TaskIndex) {
        self.instances.remove_task(run, task);
    }

    pub(crate) fn remove_instances(&mut self, run: RunId, task: TaskIndex, indexes: &Range<u32>) {
        self.instances.remove_instances(run, task, indexes);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Why the ready instances of a task are not dispatched.
    pub(crate) fn blocked(&self, run: RunId, task: TaskIndex) -> Vec<Blocked> {
        self.instances.find_blockers(run, task)
    }

    /// The sum of the weights of the tenants that have work.
    pub(crate) fn weight(&self) -> u32 {
        self.instances.weight()
    }

    /// Adds the shard's ready instances to the counts of all shards.
    pub(crate) fn count_ready(&self, counts: &mut ReadyCounts) {
        let mut oversized: HashMap<&Arc<str>, u64> = self.instances.oversized_by_queue().collect();
        for (queue, ready) in self.instances.ready_by_queue() {
            counts.add(queue, ready, oversized.remove(queue).unwrap_or(0));
        }
    }
}

/// Bounds.
impl Queue {
    pub(crate) fn set_bounds(&mut self, bounds: Bounds) {
        self.instances.set_bounds(bounds);
    }

    pub(crate) fn set_tenant(&mut self, tenant: &TenantId, bounds: TenantBounds) {
        self.instances.set_tenant(tenant, bounds);
    }

    pub(crate) fn set_pool(&mut self, tenant: &TenantId, pool: &str, slots: u32) {
        self.instances.set_pool(tenant, pool, slots);
    }

    /// Sets how many attempts the workers of each queue take: into their free slots now, and into
    /// the slots that become free until the next turn publishes. Attempts that exist and are
    /// `unpublished`, by queue, are on their way to these slots.
    pub(crate) fn set_demand(&mut self, demands: &[Demand], unpublished: &HashMap<Arc<str>, u32>) {
        let served: HashSet<&str> = demands.iter().map(|demand| &*demand.queue).collect();
        let unserved: Vec<Arc<str>> = self
            .instances
            .queues()
            .filter(|(name, bounds)| bounds.workers > 0 && !served.contains(&***name))
            .map(|(name, _)| Arc::clone(name))
            .collect();
        for queue in unserved {
            self.instances.set_queue(&queue, QueueBounds::default());
        }
        for demand in demands {
            let prefetch = self.completion_rate.prefetch(&demand.queue);
            let unpublished = unpublished.get(&demand.queue).copied().unwrap_or(0);
            let bounds = QueueBounds {
                free_slots: demand
                    .free_slots
                    .saturating_add(prefetch.saturating_sub(demand.prefetched))
                    .saturating_sub(unpublished),
                workers: demand.workers,
                memory_bytes: demand.memory_bytes.unwrap_or(u64::MAX),
            };
            self.instances.set_queue(&demand.queue, bounds);
        }
    }

    /// Begins a turn.
    pub(crate) fn start_turn(&mut self, now: Timestamp) {
        self.completion_rate.start_turn();
        self.advance_time(now);
    }

    /// Counts an attempt of this queue that has ended.
    pub(crate) fn record_end(&mut self, queue: &Arc<str>) {
        self.completion_rate.record_end(queue);
    }
}

/// Expansions.
impl Queue {
    pub(crate) fn push_expansion(&mut self, expansion: Expansion) {
        self.to_expand.push_back(expansion);
    }

    pub(crate) fn pop_expansion(&mut self) -> Option<Expansion> {
        self.to_expand.pop_front()
    }

    pub(crate) fn has_expansions(&self) -> bool {
        !self.to_expand.is_empty()
    }
}
