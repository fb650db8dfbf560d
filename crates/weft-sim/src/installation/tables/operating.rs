//! Changes that users make to the database through the server: each call is one transaction,
//! acknowledged when it returns.

use super::{CommandRow, DagRow, ShardRow, Tables, TenantRow};
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{
    CommandId, CommandKind, DagKey, DagState, FileEntry, RunKind, RunUpdate, ShardId, StoredRun,
    StoredVersion, VersionId,
};

/// A run to trigger.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name, drawn by the caller.
    pub id: RunId,
    /// DAG to run.
    pub dag: DagKey,
    /// Version that the run is pinned to.
    pub version: VersionId,
    /// What makes it.
    pub kind: RunKind,
    /// The date it is for.
    pub logical_date: Timestamp,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// What it counts by, if its DAG bounds runs by key.
    pub concurrency_key: Option<Arc<str>>,
}

impl Tables {
    /// Adds a shard without an owner.
    pub fn add_shard(&mut self, shard: ShardId) {
        self.shards.insert(shard, ShardRow::default());
    }

    /// Bounds the active task instances of a shard.
    pub fn put_shard_limit(&mut self, shard: ShardId, max_active_tasks: Option<u32>) {
        if let Some(row) = self.shards.get_mut(&shard) {
            row.max_active_tasks = max_active_tasks;
        }
        self.changed(shard);
    }

    /// Makes a tenant or changes its bounds; its shard stays.
    pub fn put_tenant(
        &mut self,
        tenant: &TenantId,
        shard: ShardId,
        max_active_tasks: Option<u32>,
        weight: u32,
    ) {
        let row = self.tenants.entry(tenant.clone()).or_insert(TenantRow {
            shard,
            max_active_tasks: None,
            weight: 100,
        });
        row.max_active_tasks = max_active_tasks;
        row.weight = weight;
        let shard = row.shard;
        self.changed(shard);
    }

    /// Makes a pool or changes its slots.
    pub fn put_pool(&mut self, tenant: &TenantId, name: &str, slots: u32) {
        self.pools.insert((tenant.clone(), name.to_owned()), slots);
        let shard = self.tenants[tenant].shard;
        self.changed(shard);
    }

    /// A new DAG without a version, not paused.
    pub fn add_dag(&mut self, tenant: &TenantId, id: DagId, now: Timestamp) -> DagKey {
        let key = DagKey(self.dags.last_key_value().map_or(1, |(key, _)| key.0 + 1));
        let state = DagState {
            key,
            tenant: tenant.clone(),
            id,
            active: None,
            paused: false,
            held: false,
            last_scheduled: None,
            scheduled_since: now,
        };
        let shard = self.tenants[tenant].shard;
        self.dags.insert(key, DagRow { shard, state });
        self.changed(shard);
        key
    }

    /// A new version of a DAG, active from now on.
    pub fn deploy(
        &mut self,
        dag: DagKey,
        document: Arc<str>,
        digest: Digest,
        now: Timestamp,
    ) -> VersionId {
        self.last_version += 1;
        let id = VersionId(self.last_version);
        let version = StoredVersion {
            id,
            dag,
            digest,
            document,
            files: vec![FileEntry {
                name: String::new(),
                digest,
            }],
        };
        self.versions.insert(id, version);
        self.activate(dag, id, now);
        id
    }

    /// Makes a version of a DAG the active one.
    pub fn activate(&mut self, dag: DagKey, version: VersionId, now: Timestamp) {
        let Some(row) = self.dags.get_mut(&dag) else {
            return;
        };
        if row.state.active.is_none() {
            row.state.scheduled_since = now;
        }
        row.state.active = Some(version);
        let shard = row.shard;
        self.changed(shard);
    }

    /// Pauses or unpauses a DAG.
    pub fn set_paused(&mut self, dag: DagKey, paused: bool, now: Timestamp) {
        let Some(row) = self.dags.get_mut(&dag) else {
            return;
        };
        if row.state.paused == paused {
            return;
        }
        row.state.paused = paused;
        if !paused && row.state.last_scheduled.is_none() {
            row.state.scheduled_since = now;
        }
        let shard = row.shard;
        self.changed(shard);
    }

    /// Queues a run; false where there is one for its date, or the id is taken.
    pub fn trigger(&mut self, wanted: &Wanted, now: Timestamp) -> bool {
        let dated = is_dated(wanted.kind);
        if self.runs.contains_key(&wanted.id)
            || (dated && self.has_run_for(wanted.dag, wanted.logical_date))
        {
            return false;
        }
        let Some(dag) = self.dags.get(&wanted.dag) else {
            return false;
        };
        let shard = dag.shard;
        let stored = StoredRun {
            id: wanted.id,
            tenant: dag.state.tenant.clone(),
            dag: wanted.dag,
            version: wanted.version,
            kind: wanted.kind,
            logical_date: wanted.logical_date,
            interval: (wanted.logical_date, wanted.logical_date),
            params: "{}".into(),
            concurrency_key: wanted.concurrency_key.clone(),
            not_before: wanted.not_before,
            created: now,
            trace: None,
            caller: None,
            events: Vec::new(),
            next_seq: 0,
        };
        self.insert_run(stored, shard);
        true
    }

    /// Ends a run as one ended in the past.
    pub fn end_by_hand(&mut self, update: RunUpdate) {
        let id = update.id;
        if let Some(row) = self.runs.get_mut(&id) {
            row.update = Some(update);
            self.file(id);
        }
    }

    /// Takes a command of this id, which a scheduler sees from `visible` on.
    pub fn insert_command(
        &mut self,
        id: CommandId,
        run: RunId,
        kind: CommandKind,
        visible: Timestamp,
    ) {
        let Some(shard) = self.runs.get(&run).map(|row| row.shard) else {
            return;
        };
        let row = CommandRow {
            run,
            kind,
            shard,
            visible,
        };
        self.commands.insert(id, row);
        self.waiting.entry(shard).or_default().insert(id);
    }

    /// Whether a scheduled or backfilled run of a DAG exists for this date.
    pub fn has_run_for(&self, dag: DagKey, date: Timestamp) -> bool {
        self.dates.contains(&(dag, date))
    }

    fn changed(&mut self, shard: ShardId) {
        if let Some(row) = self.shards.get_mut(&shard) {
            row.version += 1;
        }
    }
}

/// Whether a DAG has one run of this kind, or of another such kind, for a date.
pub(super) const fn is_dated(kind: RunKind) -> bool {
    match kind {
        RunKind::Scheduled | RunKind::Backfill => true,
        RunKind::Manual | RunKind::Called | RunKind::Assets => false,
    }
}
