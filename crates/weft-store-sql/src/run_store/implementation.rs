//! [`RunStore`] over a database.

use crate::Database;
use async_trait::async_trait;
use std::sync::Arc;
use weft_core::{
    asset::AssetName,
    document::TaskIndex,
    id::TenantId,
    run::Instance,
    run_id::RunId,
    suspicion::{Blamed, Crash},
    time::{DurationMs, Timestamp},
    wait::{TaskEnd, Wait},
};
use weft_store::{
    Awaited, Command, CommandId, CommitError, CrashUpdate, DagKey, DagState, HeldRun, Lost, Output,
    ResumeState, Rows, RunBefore, RunStore, ShardId, ShardLease, ShardSettings, ShardState,
    StoreError, StoredRun, StoredUpdate, StoredVersion, Taken, Turn, Unreadable, VersionId,
    WaitingDag,
};

#[async_trait]
impl RunStore for Database {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.lease_clock().await
    }

    async fn share_of_shards(&self, scheduler: &str, lease: DurationMs) -> Result<u32, StoreError> {
        self.fair_share(scheduler, lease).await
    }

    async fn lease_shards(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError> {
        self.lease(scheduler, lease, at_most).await
    }

    async fn release_shard(&self, lease: ShardLease) -> Result<(), StoreError> {
        self.release_one(lease).await
    }

    async fn release_shards(&self, scheduler: &str) -> Result<(), StoreError> {
        self.release(scheduler).await
    }

    async fn settings(&self, shard: ShardId) -> Result<ShardSettings, StoreError> {
        self.shard_settings(shard).await
    }

    async fn shard_state(&self, shard: ShardId) -> Result<ShardState, StoreError> {
        self.state(shard).await
    }

    async fn give_up_shard(&self, lease: ShardLease, lost: Lost) -> Result<(), StoreError> {
        self.give_up(lease, lost).await
    }

    async fn record_lost_turns(&self, lease: ShardLease, turns: u64) -> Result<(), StoreError> {
        self.record_lost(lease, turns).await
    }

    async fn dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Rows<DagState, DagKey>, StoreError> {
        self.shard_dags(shard, after, limit).await
    }

    async fn versions(
        &self,
        versions: &[VersionId],
    ) -> Result<Rows<StoredVersion, VersionId>, StoreError> {
        self.stored_versions(versions).await
    }

    async fn version(&self, version: VersionId) -> Result<Option<StoredVersion>, StoreError> {
        self.stored_version(version).await
    }

    async fn active_runs(
        &self,
        shard: ShardId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        self.runs_in_progress(shard, after, limit).await
    }

    async fn run(
        &self,
        run: RunId,
    ) -> Result<Option<Result<StoredRun, Unreadable<RunId>>>, StoreError> {
        self.one_run(run).await
    }

    async fn dags_of_runs(&self, runs: &[RunId]) -> Result<Vec<(RunId, DagKey)>, StoreError> {
        self.dags_with_runs(runs).await
    }

    async fn queued_runs(
        &self,
        dag: DagKey,
        now: Timestamp,
        without: &[Arc<str>],
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError> {
        self.runs_in_queue(dag, now, without, limit).await
    }

    async fn starts_by_key(
        &self,
        dag: DagKey,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Arc<str>)>, StoreError> {
        self.recent_starts(dag, after, limit).await
    }

    async fn count_queued_scheduled(&self, dag: DagKey, limit: u32) -> Result<u32, StoreError> {
        self.scheduled_in_queue(dag, limit).await
    }

    async fn dags_with_queued_runs(
        &self,
        shard: ShardId,
        now: Timestamp,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<DagKey>, StoreError> {
        self.dags_in_queue(shard, now, after, limit).await
    }

    async fn next_queued(
        &self,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.next_in_queue(shard, now).await
    }

    async fn commands(
        &self,
        shard: ShardId,
        after: Option<CommandId>,
        limit: u32,
    ) -> Result<Rows<Command, (CommandId, RunId)>, StoreError> {
        self.waiting_commands(shard, after, limit).await
    }

    async fn outputs(
        &self,
        run: RunId,
        instances: &[Instance],
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        self.outputs_of(run, instances).await
    }

    async fn outputs_of_task(
        &self,
        run: RunId,
        task: TaskIndex,
        from: u32,
        limit: u32,
    ) -> Result<Vec<(Instance, Output)>, StoreError> {
        self.outputs_from(run, task, from, limit).await
    }

    async fn resume_states(
        &self,
        instances: &[(RunId, Instance)],
    ) -> Result<Vec<ResumeState>, StoreError> {
        self.resume_states_of(instances).await
    }

    async fn runs_before(
        &self,
        dates: &[(DagKey, Timestamp)],
    ) -> Result<Vec<Option<RunBefore>>, StoreError> {
        self.before(dates).await
    }

    async fn task_ends(
        &self,
        tasks: &[(RunId, TaskIndex)],
    ) -> Result<Vec<(RunId, TaskIndex, TaskEnd)>, StoreError> {
        self.ends_of_tasks(tasks).await
    }

    async fn asset_changes(
        &self,
        assets: &[(TenantId, AssetName)],
    ) -> Result<Vec<i64>, StoreError> {
        self.changes_of_assets(assets).await
    }

    async fn awaited(&self, waits: &[(TenantId, Wait)]) -> Result<Vec<Awaited>, StoreError> {
        self.look_up_waits(waits).await
    }

    async fn waiting_dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<WaitingDag>, StoreError> {
        self.dags_waiting_for_assets(shard, after, limit).await
    }

    async fn waiting_updates(
        &self,
        dag: DagKey,
        taken: &[Taken],
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError> {
        self.updates_waiting_for(dag, taken, limit).await
    }

    async fn crashes(&self, shard: ShardId) -> Result<Rows<(Blamed, Crash), RunId>, StoreError> {
        self.crashes_of_shard(shard).await
    }

    async fn record_crashes(&self, updates: &[CrashUpdate]) -> Result<(), StoreError> {
        self.write_crashes(updates).await
    }

    async fn replace_held_runs(
        &self,
        lease: ShardLease,
        held: &[HeldRun],
    ) -> Result<(), StoreError> {
        self.write_held_runs(lease, held).await
    }

    async fn commit(&self, turn: &Turn) -> Result<(), CommitError> {
        self.commit_turn(turn).await
    }
}
