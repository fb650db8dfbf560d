//! The runs and DAGs of a shard that are in memory.

use super::dag_entry::DagEntry;
use crate::{active_run::ActiveRun, output_memory::OutputMemory};
use std::collections::{BTreeSet, HashMap};
use weft_broker::AttemptKey;
use weft_core::{
    id::{DagId, TenantId},
    run::{Instance, InstanceState},
    run_id::RunId,
};
use weft_store::DagKey;

/// Runs by id, and DAGs by key with their active runs.
#[derive(Debug)]
pub(crate) struct Runs {
    by_id: HashMap<RunId, Box<ActiveRun>>,
    dags: HashMap<DagKey, DagEntry>,
    dag_keys: HashMap<TenantId, HashMap<DagId, DagKey>>,
    /// Where the outputs of the runs are counted.
    memory: OutputMemory,
}

/// Runs.
impl Runs {
    pub(crate) fn new(memory: OutputMemory) -> Self {
        Self {
            by_id: HashMap::new(),
            dags: HashMap::new(),
            dag_keys: HashMap::new(),
            memory,
        }
    }

    pub(crate) fn get(&self, run: RunId) -> Option<&ActiveRun> {
        self.by_id.get(&run).map(|active| &**active)
    }

    pub(crate) fn get_mut(&mut self, run: RunId) -> Option<&mut ActiveRun> {
        self.by_id.get_mut(&run).map(|active| &mut **active)
    }

    pub(crate) fn contains(&self, run: RunId) -> bool {
        self.by_id.contains_key(&run)
    }

    pub(crate) fn insert(&mut self, mut active: ActiveRun) {
        active.charge_to(&self.memory);
        self.by_id.insert(active.id, Box::new(active));
    }

    pub(crate) fn remove(&mut self, run: RunId) -> Option<Box<ActiveRun>> {
        self.by_id.remove(&run)
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// All runs, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &ActiveRun> {
        self.by_id.values().map(|active| &**active)
    }

    /// Drops the outputs that can be read again, but for those of runs that need theirs soon.
    pub(crate) fn drop_committed_outputs(&mut self, are_needed: impl Fn(RunId) -> bool) {
        for active in self.by_id.values_mut() {
            if !are_needed(active.id) {
                active.drop_committed_outputs();
            }
        }
    }

    /// The state of an instance.
    pub(crate) fn instance(&self, run: RunId, instance: Instance) -> Option<InstanceState> {
        self.get(run)?.run.instance(instance)
    }

    /// Whether an attempt is its instance's current one, queued or running.
    pub(crate) fn is_current(&self, key: &AttemptKey) -> bool {
        match self.instance(key.run, key.attempt.instance) {
            Some(InstanceState::Queued { attempt } | InstanceState::Running { attempt }) => {
                attempt == key.attempt
            }
            Some(_) | None => false,
        }
    }

    /// Whether an attempt is its instance's current one and has started.
    pub(crate) fn is_running(&self, key: &AttemptKey) -> bool {
        let state = self.instance(key.run, key.attempt.instance);
        matches!(state, Some(InstanceState::Running { attempt }) if attempt == key.attempt)
    }

    /// Whether an attempt is its instance's current one and has not started.
    pub(crate) fn is_queued(&self, key: &AttemptKey) -> bool {
        let state = self.instance(key.run, key.attempt.instance);
        matches!(state, Some(InstanceState::Queued { attempt }) if attempt == key.attempt)
    }
}

/// DAGs.
impl Runs {
    pub(crate) fn dag(&self, dag: DagKey) -> Option<&DagEntry> {
        self.dags.get(&dag)
    }

    pub(crate) fn dag_mut(&mut self, dag: DagKey) -> Option<&mut DagEntry> {
        self.dags.get_mut(&dag)
    }

    pub(crate) fn contains_dag(&self, dag: DagKey) -> bool {
        self.dags.contains_key(&dag)
    }

    pub(crate) fn dag_keys(&self) -> impl Iterator<Item = DagKey> {
        self.dags.keys().copied()
    }

    /// The DAG of this id.
    pub(crate) fn dag_of_id(&self, tenant: &TenantId, id: &DagId) -> Option<DagKey> {
        self.dag_keys.get(tenant)?.get(id).copied()
    }

    pub(crate) fn insert_dag(&mut self, dag: DagKey, entry: DagEntry) {
        let state = entry.state();
        let of_tenant = self.dag_keys.entry(state.tenant.clone()).or_default();
        of_tenant.insert(state.id.clone(), dag);
        self.dags.insert(dag, entry);
    }

    /// Removes DAGs that were deleted and have no active run.
    pub(crate) fn retain_dags(&mut self, existing: &BTreeSet<DagKey>) {
        self.dags
            .retain(|key, entry| existing.contains(key) || entry.has_active_runs());
        for of_tenant in self.dag_keys.values_mut() {
            of_tenant.retain(|_id, key| existing.contains(key));
        }
    }
}
