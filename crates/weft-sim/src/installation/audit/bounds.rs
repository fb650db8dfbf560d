//! Every limit: installation, tenant, DAG, pool, `max_active` of a task, runs of a DAG.
//!
//! A limit that is lowered ends nothing that is active, so what is checked is
//! that no turn dispatches beyond a limit that its scheduler has read.

use super::{
    Auditor,
    state::{Active, Done, Watched},
};
use std::sync::Arc;
use weft_store::ShardId;

impl Active {
    /// Stores the current state of a run.
    pub(super) fn recount(&mut self, run: &mut Watched) {
        for task in run.parsed.plan.tasks() {
            let counts = run.machine.counts(task);
            self.set(
                run,
                task.as_usize(),
                counts.queued + counts.running,
                counts.ready,
            );
        }
    }

    /// Nothing of a run is active any more.
    pub(super) fn give_up(&mut self, run: &mut Watched) {
        for task in 0..run.accounts.len() {
            self.set(run, task, 0, 0);
        }
    }

    fn set(&mut self, run: &mut Watched, task: usize, active: u64, ready: u64) {
        let account = &mut run.accounts[task];
        account.ready = ready;
        let before = std::mem::replace(&mut account.active, active);
        if before == active {
            return;
        }
        let change = |total: &mut u64, each: u64| *total = *total + active * each - before * each;
        change(self.shards.entry(run.shard).or_default(), 1);
        change(self.tenants.entry(run.tenant.clone()).or_default(), 1);
        change(self.dags.entry(run.dag).or_default(), 1);
        let queue = (run.shard, Arc::clone(&account.queue), run.tenant.clone());
        change(self.queues.entry(queue).or_default(), 1);
        if let Some(pool) = &account.pool {
            let key = (run.tenant.clone(), pool.clone());
            change(self.pools.entry(key).or_default(), account.slots);
        }
    }
}

impl Auditor {
    pub(super) fn check_bounds(
        &self,
        start: u64,
        shard: ShardId,
        done: &Done,
    ) -> Result<(), String> {
        for (dag, _run) in &done.started {
            let running = self.running.get(dag).map_or(0, |runs| runs.len() as u64);
            let most = u64::from(self.max_active_runs.get(dag).copied().unwrap_or(u32::MAX));
            within(running, most, || format!("runs of the DAG {dag:?}"))?;
        }
        let read = self.read_by_start.get(&start);
        let Some(settings) = read.and_then(|read| read.settings.get(&shard)) else {
            return Err("a turn was committed before the settings were read".into());
        };
        for (id, instance) in &done.dispatched {
            let run = &self.runs[id];
            if let Some(most) = settings.max_active_tasks {
                let active = self.active.shards.get(&shard).copied().unwrap_or(0);
                within(active, most.into(), || "tasks of the shard".into())?;
            }
            let tenant = settings.tenants.iter().find(|row| row.tenant == run.tenant);
            if let Some(most) = tenant.and_then(|tenant| tenant.max_active_tasks) {
                let active = self.active.tenants.get(&run.tenant).copied().unwrap_or(0);
                within(active, most.into(), || format!("tasks of {}", run.tenant))?;
            }
            if let Some(most) = run.parsed.dag.max_active_tasks {
                let active = self.active.dags.get(&run.dag).copied().unwrap_or(0);
                within(active, most.into(), || format!("tasks of {:?}", run.dag))?;
            }
            let account = &run.accounts[instance.task.as_usize()];
            if let Some(pool) = &account.pool {
                let row = settings
                    .pools
                    .iter()
                    .find(|row| row.tenant == run.tenant && row.name == *pool);
                let slots = row.map_or(0, |row| row.slots);
                let key = (run.tenant.clone(), pool.clone());
                let taken = self.active.pools.get(&key).copied().unwrap_or(0);
                within(taken, slots.into(), || format!("slots of the pool {pool}"))?;
            }
            let task = &run.parsed.dag.tasks[instance.task.as_usize()];
            if let Some(most) = task.max_active {
                let what = || format!("instances of the task {} in run {id}", task.id);
                within(account.active, u64::from(most.max(1)), what)?;
            }
        }
        Ok(())
    }
}

pub(super) fn within(active: u64, most: u64, what: impl FnOnce() -> String) -> Result<(), String> {
    if active <= most {
        return Ok(());
    }
    Err(format!(
        "{active} {} are active at once, and {most} are allowed",
        what()
    ))
}
