//! No tenant takes a slot while another that waits occupied less for its weight.
//!
//! What tenants occupy is counted from committed turns, over the slots that they have now and
//! those of the last minute. The scheduler counts when notices arrive, so the two differ by what
//! happens between a notice and its commit: the check leaves [`SLACK_SLOTS`] for that.

use super::{
    Auditor,
    state::{Done, Fairness, Occupied},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::time::Instant;
use weft_core::{
    document::TaskIndex, fair_queue::DEFAULT_WEIGHT, id::TenantId, inputs, run::InstanceState,
    run_id::RunId,
};
use weft_store::{ShardId, ShardSettings};

/// How many slots a tenant may have beyond its share.
const SLACK_SLOTS: f64 = 2.0;
/// After so many seconds a third of what a tenant occupied is still counted.
const MEMORY_SECONDS: f64 = 60.0;

/// Ready work of a shard.
pub(super) type Waiting = BTreeSet<(RunId, TaskIndex)>;

impl Occupied {
    /// Counts what was active until now.
    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.until).as_secs_f64();
        let left = (-passed / MEMORY_SECONDS).exp();
        self.lately = self.lately * left + slots(self.active) * (1.0 - left);
        self.until = now;
    }

    /// The slots that it is counted for, if it has so many now.
    fn with_active(&self, active: u64) -> f64 {
        self.lately + slots(active)
    }
}

impl Fairness {
    /// Another scheduler, which knows what is active and not what was.
    pub(super) fn forget(&mut self, shard: ShardId) {
        self.occupied.retain(|(of, _, _), _| *of != shard);
    }

    /// Counts until now what was active before a turn.
    fn advance(&mut self, shard: ShardId, now: Instant) {
        let of_shard = self
            .occupied
            .iter_mut()
            .filter(|((of, ..), _)| *of == shard);
        of_shard.for_each(|(_, occupied)| occupied.advance(now));
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

    /// Follows what a turn of a shard changed, and checks it if `is_checked`.
    pub(super) fn follow_fairness(
        &mut self,
        start: u64,
        shard: ShardId,
        ready: &Waiting,
        done: &Done,
        is_checked: bool,
    ) -> Result<(), String> {
        let now = Instant::now();
        self.fairness.advance(shard, now);
        let verdict = if is_checked {
            self.check_fairness(start, shard, ready, done)
        } else {
            Ok(())
        };
        for ((of, queue, tenant), active) in &self.active.queues {
            if *of == shard {
                let key = (shard, Arc::clone(queue), tenant.clone());
                let occupied = self.fairness.occupied.entry(key);
                let occupied = occupied.or_insert_with(|| Occupied::since(now));
                occupied.active = *active;
            }
        }
        verdict
    }

    fn check_fairness(
        &self,
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
        let taken = self.taken(done);
        let waiting = self.passed_over(ready, &taken, settings);
        for ((queue, waits), (run, task)) in &waiting {
            let before = |tenant: &TenantId| {
                let key = (shard, Arc::clone(queue), tenant.clone());
                self.fairness.occupied.get(&key).copied()
            };
            let weight = weight_of(settings, waits);
            // It had at most so many when others took.
            let waiter = before(waits).map_or(0.0, |waiter| waiter.with_active(waiter.active));
            for taker in &taken.takers[queue] {
                let key = (shard, Arc::clone(queue), taker.clone());
                let active = self.active.queues.get(&key).copied().unwrap_or(0);
                // It had at least so many when it took the last one.
                let active = active.saturating_sub(1);
                let had = before(taker).map_or(slots(active), |taker| taker.with_active(active));
                let others = weight_of(settings, taker);
                let excess = (had - SLACK_SLOTS) / others - (waiter + SLACK_SLOTS) / weight;
                if excess > 0.0 {
                    return Err(format!(
                        "{taker} took a slot of the queue {queue}, counted for {had:.1} slots by the weight {others}, \
                         and {waits} waits with the task {} of {run}, counted for {waiter:.1} slots by the weight {weight}",
                        task.0,
                    ));
                }
            }
        }
        Ok(())
    }

    /// Which tenants took slots of which queues in a turn.
    fn taken(&self, done: &Done) -> Taken {
        let mut taken = Taken::default();
        for (id, instance) in &done.dispatched {
            let run = &self.runs[id];
            let queue = &run.accounts[instance.task.as_usize()].queue;
            let takers = taken.takers.entry(Arc::clone(queue)).or_default();
            takers.insert(run.tenant.clone());
            let is_active = matches!(
                run.machine.instance(*instance),
                Some(InstanceState::Queued { .. } | InstanceState::Running { .. })
            );
            if !is_active {
                taken.ended_at_once.insert(run.tenant.clone());
            }
        }
        taken
    }

    /// Tenants that had ready work of a queue before and after a turn that nothing blocked, and
    /// took no slot of it while others did.
    fn passed_over(
        &self,
        ready: &Waiting,
        taken: &Taken,
        settings: &ShardSettings,
    ) -> BTreeMap<(Arc<str>, TenantId), (RunId, TaskIndex)> {
        let mut passed_over = BTreeMap::new();
        for (id, task) in ready {
            let run = &self.runs[id];
            let account = &run.accounts[task.as_usize()];
            let took = taken.takers.get(&account.queue);
            // While its inputs are read, others go first.
            let is_complete = inputs::needs(&run.parsed.dag, *task).next().is_none();
            // It may travel with a live attempt of its run, and end with that one.
            let may_travel = run.accounts.iter().any(|other| {
                let like = (&other.queue, &other.pool, other.slots);
                other.active > 0 && like == (&account.queue, &account.pool, account.slots)
            });
            let waits = account.ready > 0
                && !may_travel
                && is_complete
                && !run.is_written_in_portions
                && took.is_some_and(|takers| !takers.contains(&run.tenant))
                && !taken.ended_at_once.contains(&run.tenant)
                && !self.is_blocked(*id, *task, settings);
            if waits {
                passed_over.insert(
                    (Arc::clone(&account.queue), run.tenant.clone()),
                    (*id, *task),
                );
            }
        }
        passed_over
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

/// Takers of a turn.
#[derive(Default)]
struct Taken {
    takers: BTreeMap<Arc<str>, BTreeSet<TenantId>>,
    /// An attempt that could not be made occupied its slots until it failed.
    ended_at_once: BTreeSet<TenantId>,
}

fn weight_of(settings: &ShardSettings, tenant: &TenantId) -> f64 {
    let row = settings.tenants.iter().find(|row| row.tenant == *tenant);
    f64::from(row.map_or(DEFAULT_WEIGHT, |row| row.weight.max(1)))
}

fn slots(active: u64) -> f64 {
    f64::from(u32::try_from(active).unwrap_or(u32::MAX))
}
