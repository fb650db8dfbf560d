//! Settings and DAGs that were read from the database.

use super::due_runs;
use crate::{
    context::Context,
    grants::TenantPolicy,
    shard::{Shard, dag_entry::DagEntry, queue::Queue, runs::Runs, settings::Settings},
    versions::Version,
};
use std::collections::BTreeSet;
use weft_core::{
    concurrency::Concurrency,
    fair_queue::{Bounds, TenantBounds},
    id::TenantId,
    timetable::Timetable,
};
use weft_store::{DagState, ShardSettings};

/// Takes over bounds, policies and pools.
pub(crate) fn apply_settings(
    settings: &mut Settings,
    queue: &mut Queue,
    cx: &mut Context,
    read: &ShardSettings,
) {
    queue.set_bounds(Bounds {
        max_active: read.max_active_tasks,
    });
    for (index, tenant) in read.tenants.iter().enumerate() {
        let bounds = TenantBounds {
            max_active: tenant.max_active_tasks,
            weight: tenant.weight,
        };
        let bounds = cx.faults.tenant_bounds(bounds, index == 0);
        queue.set_tenant(&tenant.tenant, bounds);
        let generation = cx.next_policy_generation();
        let policy = TenantPolicy::parse(tenant.policy.as_deref(), generation);
        if let Some(error) = policy.error() {
            tracing::error!(tenant = %tenant.tenant, error, operation = "parse policy", "a tenant's policy can't be parsed; it denies everything");
        }
        settings.set_policy(tenant.tenant.clone(), policy);
    }
    let pools: BTreeSet<(TenantId, String)> = read
        .pools
        .iter()
        .map(|pool| (pool.tenant.clone(), pool.name.clone()))
        .collect();
    for (tenant, name) in settings.replace_pools(pools) {
        queue.set_pool(&tenant, &name, 0);
    }
    for pool in &read.pools {
        let slots = cx.faults.pool_slots(pool.slots);
        queue.set_pool(&pool.tenant, &pool.name, slots);
    }
}

/// Whether a DAG's row differs from the one in memory.
pub(crate) fn is_changed(runs: &Runs, state: &DagState) -> bool {
    runs.dag(state.key)
        .is_none_or(|entry| entry.state() != state)
}

/// Takes over a DAG's row; `version` is its active version, if it can be read.
pub(crate) fn apply_dag(
    shard: &mut Shard,
    cx: &Context,
    state: DagState,
    version: Option<&Version>,
) {
    let (runs, schedule) = (&mut shard.runs, &mut shard.schedule);
    if state.held {
        shard.queue.hold_dag(state.key);
    } else {
        shard.queue.resume_dag(state.key);
    }
    let (dag, is_paused) = (state.key, state.paused);
    let max_active_runs = version.and_then(|version| version.dag.max_active_runs);
    let timetable = version.and_then(|version| version.timetable.as_ref());
    let mut entry = DagEntry::new(
        state,
        max_active_runs.unwrap_or(cx.options.max_active_runs),
        timetable.is_some_and(Timetable::is_continuous),
    );
    if let Some(before) = runs.dag_mut(dag) {
        entry.take_over(before);
    }
    let unbounded = Concurrency::default();
    entry.set_key_bounds(version.map_or(&unbounded, |version| &version.dag.concurrency));
    runs.insert_dag(dag, entry);
    schedule.mark_startable(dag);
    let version = version.filter(|_| !is_paused);
    due_runs::plan_next_run(runs, schedule, dag, version, cx.now());
}
