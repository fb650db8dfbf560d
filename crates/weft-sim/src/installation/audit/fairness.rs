//! No tenant starves another: a tenant with ready work that nothing blocks is
//! passed over by others only as often as their weights allow.

use super::{
    Auditor,
    state::{Done, Fairness},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_core::{document::TaskIndex, id::TenantId, run::InstanceState, run_id::RunId};
use weft_store::{ShardId, ShardSettings};

/// Takes beyond the exact share that rounding and ties may cost.
const SLACK: u64 = 2;

/// Ready work of a shard.
pub(super) type Waiting = BTreeSet<(RunId, TaskIndex)>;

impl Fairness {
    /// Another scheduler, or other weights: it begins anew.
    pub(super) fn forget(&mut self, shard: ShardId) {
        self.passed.retain(|(of, _, _), _| *of != shard);
    }
}

impl Auditor {
    /// What is ready by what is committed.
    pub(super) fn ready(&self, shard: ShardId) -> Waiting {
        let runs = self.running.values().flatten();
        runs.map(|id| (*id, &self.runs[id]))
            .filter(|(_, run)| run.shard == shard)
            .flat_map(|(id, run)| {
                let tasks = run.parsed.plan.tasks();
                tasks
                    .filter(|task| run.accounts[task.as_usize()].ready > 0)
                    .map(move |task| (id, task))
            })
            .collect()
    }

    pub(super) fn check_fairness(
        &mut self,
        start: u64,
        shard: ShardId,
        ready: &Waiting,
        done: &Done,
    ) -> Result<(), String> {
        if done.dispatched.is_empty() {
            return Ok(());
        }
        let read = self.read_by_start.get(&start);
        let Some(settings) = read.and_then(|read| read.settings.get(&shard)) else {
            return Ok(());
        };
        // An attempt that could not be made occupied its slots until it failed.
        let mut ended_at_once: BTreeSet<&TenantId> = BTreeSet::new();
        let mut takes: BTreeMap<Arc<str>, BTreeMap<TenantId, u64>> = BTreeMap::new();
        for (id, instance) in &done.dispatched {
            let run = &self.runs[id];
            let queue = &run.accounts[instance.task.as_usize()].queue;
            let of_queue = takes.entry(Arc::clone(queue)).or_default();
            *of_queue.entry(run.tenant.clone()).or_default() += 1;
            let is_active = matches!(
                run.machine.instance(*instance),
                Some(InstanceState::Queued { .. } | InstanceState::Running { .. })
            );
            if !is_active {
                ended_at_once.insert(&run.tenant);
            }
        }
        let mut passed_over: BTreeSet<(Arc<str>, TenantId)> = BTreeSet::new();
        for (id, task) in ready {
            let run = &self.runs[id];
            let account = &run.accounts[task.as_usize()];
            let was_blocked = ended_at_once.contains(&run.tenant);
            if account.ready > 0 && !was_blocked && !self.is_blocked(*id, *task, settings) {
                passed_over.insert((Arc::clone(&account.queue), run.tenant.clone()));
            }
        }
        for tenant in &settings.tenants {
            for (queue, takes) in &takes {
                let key = (shard, Arc::clone(queue), tenant.tenant.clone());
                let waits = passed_over.contains(&(Arc::clone(queue), tenant.tenant.clone()));
                if !waits || takes.contains_key(&tenant.tenant) {
                    self.fairness.passed.remove(&key);
                    continue;
                }
                let by_others: u64 = takes.values().sum();
                let passed = self.fairness.passed.entry(key).or_default();
                *passed += by_others;
                let most = share_of_others(settings, &tenant.tenant, tenant.weight);
                if *passed > most {
                    return Err(format!(
                        "{} waits for the queue {queue} and was passed over {passed} times; its weight allows {most}",
                        tenant.tenant
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether a bound blocks a task of a running run.
    fn is_blocked(&self, id: RunId, task: TaskIndex, settings: &ShardSettings) -> bool {
        let run = &self.runs[&id];
        let account = &run.accounts[task.as_usize()];
        let full = |active: Option<&u64>, most: Option<u32>| {
            most.is_some_and(|most| active.copied().unwrap_or(0) >= u64::from(most))
        };
        let tenant = settings.tenants.iter().find(|row| row.tenant == run.tenant);
        let of_tenant = tenant.and_then(|tenant| tenant.max_active_tasks);
        let pool_full = account.pool.as_ref().is_some_and(|pool| {
            let mut pools = settings.pools.iter();
            let row = pools.find(|row| row.tenant == run.tenant && row.name == *pool);
            let slots = u64::from(row.map_or(0, |row| row.slots));
            let key = (run.tenant.clone(), pool.clone());
            let taken = self.active.pools.get(&key).copied().unwrap_or(0);
            taken + account.slots > slots
        });
        pool_full
            || full(
                self.active.shards.get(&run.shard),
                settings.max_active_tasks,
            )
            || full(self.active.tenants.get(&run.tenant), of_tenant)
            || full(
                self.active.dags.get(&run.dag),
                run.parsed.dag.max_active_tasks,
            )
    }
}

/// How many takes of the others come between two of a tenant at the most.
fn share_of_others(settings: &ShardSettings, tenant: &TenantId, weight: u32) -> u64 {
    let others = settings.tenants.iter().filter(|row| row.tenant != *tenant);
    let takes = others.map(|row| u64::from(row.weight.div_ceil(weight.max(1))) + 1);
    takes.sum::<u64>() + SLACK
}
