//! The trait by which a scheduler uses the store.

use crate::{
    Awaited, Command, CommandId, CommitError, CrashUpdate, DagKey, DagState, HeldRun, Lost, Output,
    ResumeState, Rows, RunBefore, ShardId, ShardLease, ShardSettings, ShardState, StoreError,
    StoredRun, StoredUpdate, StoredVersion, Taken, Turn, Unreadable, VersionId, WaitingDag,
};
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

/// The scheduler's side of the database. Every call is one transaction.
///
/// A row that can't be read is returned as such, with its key, beside those that can be: it fails
/// no call. [`StoreError::Corrupt`] is for what has no key of its own.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// The database's clock, the only one by which due times and leases go.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Registers `scheduler` as live for the length of a lease, and returns its fair share of
    /// the shards among all live schedulers.
    async fn share_of_shards(&self, scheduler: &str, lease: DurationMs) -> Result<u32, StoreError>;

    /// Renews the leases of `scheduler` and takes over shards without an owner or with an
    /// expired lease, raising their epoch, until it owns `at_most`. Returns all that it owns
    /// now: more than `at_most` if it owned more before.
    async fn lease_shards(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError>;

    /// Releases a shard before its lease ends.
    async fn release_shard(&self, lease: ShardLease) -> Result<(), StoreError>;

    /// Releases all shards of `scheduler` before their leases end, and removes its registration.
    async fn release_shards(&self, scheduler: &str) -> Result<(), StoreError>;

    /// Tenants, pools and limits of a shard.
    async fn settings(&self, shard: ShardId) -> Result<ShardSettings, StoreError>;

    /// The state of a shard; read each second.
    async fn shard_state(&self, shard: ShardId) -> Result<ShardState, StoreError>;

    /// Gives up a shard whose memory and database differ: records the acknowledged turns that
    /// the database lost, and releases the shard if it is held under this lease, or under an
    /// earlier one that the loss brought back. The next lease has a later epoch than `lease`, by
    /// more than `lost.epochs`. Not idempotent: repeated, it counts the turns twice.
    async fn give_up_shard(&self, lease: ShardLease, lost: Lost) -> Result<(), StoreError>;

    /// Records acknowledged turns that the database lost before this lease, which its holder noticed;
    /// the next takeover does not count them again. Under a lease that is over it changes nothing.
    async fn record_lost_turns(&self, lease: ShardLease, turns: u64) -> Result<(), StoreError>;

    /// The DAGs of a shard that were not deleted, by key, after `after`.
    async fn dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Rows<DagState, DagKey>, StoreError>;

    /// The versions of these that exist, with their documents, in no order.
    async fn versions(
        &self,
        versions: &[VersionId],
    ) -> Result<Rows<StoredVersion, VersionId>, StoreError>;

    /// A version with its document; [`StoreError::Corrupt`] where its row can't be read.
    async fn version(&self, version: VersionId) -> Result<Option<StoredVersion>, StoreError>;

    /// The runs of a shard that have started and not ended, by id, after `after`, with their events.
    async fn active_runs(
        &self,
        shard: ShardId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError>;

    /// One run with its events, whatever its state.
    async fn run(
        &self,
        run: RunId,
    ) -> Result<Option<Result<StoredRun, Unreadable<RunId>>>, StoreError>;

    /// The DAGs of those of these runs that exist, in no order. It reads neither their rows nor
    /// their events, so that it answers for runs that can't be read.
    async fn dags_of_runs(&self, runs: &[RunId]) -> Result<Vec<(RunId, DagKey)>, StoreError>;

    /// The queued runs of a DAG whose `not_before` has come by `now`, by (logical date, id), without
    /// those that have one of these keys.
    async fn queued_runs(
        &self,
        dag: DagKey,
        now: Timestamp,
        without: &[Arc<str>],
        limit: u32,
    ) -> Result<Rows<StoredRun, RunId>, StoreError>;

    /// When runs of a DAG that have a key started, after `after`, and their keys, by time. The latest
    /// of them, if they are more than `limit`.
    async fn starts_by_key(
        &self,
        dag: DagKey,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Timestamp, Arc<str>)>, StoreError>;

    /// How many queued runs of a DAG are [`crate::RunKind::Scheduled`] or [`crate::RunKind::Assets`],
    /// counted up to `limit`.
    async fn count_queued_scheduled(&self, dag: DagKey, limit: u32) -> Result<u32, StoreError>;

    /// The DAGs of a shard, paused ones left out, that have a queued run whose `not_before` has
    /// come by `now`, by key, after `after`.
    async fn dags_with_queued_runs(
        &self,
        shard: ShardId,
        now: Timestamp,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<DagKey>, StoreError>;

    /// The earliest `not_before` after `now` of any queued run of the shard.
    async fn next_queued(
        &self,
        shard: ShardId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// The commands of a shard that were not carried out, by id, after `after`.
    async fn commands(
        &self,
        shard: ShardId,
        after: Option<CommandId>,
        limit: u32,
    ) -> Result<Rows<Command, (CommandId, RunId)>, StoreError>;

    /// The outputs of these instances; those without one are left out.
    async fn outputs(
        &self,
        run: RunId,
        instances: &[Instance],
    ) -> Result<Vec<(Instance, Output)>, StoreError>;

    /// The outputs of a task's instances by map index, from `from` on.
    async fn outputs_of_task(
        &self,
        run: RunId,
        task: TaskIndex,
        from: u32,
        limit: u32,
    ) -> Result<Vec<(Instance, Output)>, StoreError>;

    /// What these deferred instances, of any runs, left for their next attempt, in no order.
    async fn resume_states(
        &self,
        instances: &[(RunId, Instance)],
    ) -> Result<Vec<ResumeState>, StoreError>;

    /// The runs and updates that these waits are for, in the order of the waits; all of one shard. For a task
    /// this is its run. [`Awaited::NoRun`] for a wait that is not looked up.
    async fn awaited(&self, waits: &[(TenantId, Wait)]) -> Result<Vec<Awaited>, StoreError>;

    /// The run before each of these dates, of its DAG: of the scheduled and backfilled ones that have begun, that
    /// with the latest earlier date. In the order of the dates.
    async fn runs_before(
        &self,
        dates: &[(DagKey, Timestamp)],
    ) -> Result<Vec<Option<RunBefore>>, StoreError>;

    /// How these tasks of runs that have ended ended, in no order. One that is no part of its run is left out.
    async fn task_ends(
        &self,
        tasks: &[(RunId, TaskIndex)],
    ) -> Result<Vec<(RunId, TaskIndex, TaskEnd)>, StoreError>;

    /// How often each of these assets has changed, in their order; 0 of one that was never updated. Between
    /// two calls that answer with the same number no update was committed.
    async fn asset_changes(&self, assets: &[(TenantId, AssetName)])
    -> Result<Vec<i64>, StoreError>;

    /// The shard's DAGs that are neither paused nor without an active version, and for which assets were updated
    /// since the last run that was created of updates, by key, after `after`.
    async fn waiting_dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<WaitingDag>, StoreError>;

    /// The last of these DAG's updates that no run was created of, at most `limit` of each asset up to the given id, in the order
    /// in which they came.
    async fn waiting_updates(
        &self,
        dag: DagKey,
        taken: &[Taken],
        limit: u32,
    ) -> Result<Vec<StoredUpdate>, StoreError>;

    /// What counts against tasks of the shard's DAGs; of what was absolved that of runs
    /// that go on.
    async fn crashes(&self, shard: ShardId) -> Result<Rows<(Blamed, Crash), RunId>, StoreError>;

    /// Records changes about crashes in order, all or nothing. It is idempotent, also when
    /// another scheduler repeats it.
    async fn record_crashes(&self, updates: &[CrashUpdate]) -> Result<(), StoreError>;

    /// Replaces what people are shown of the shard's runs that no scheduler can continue. It is
    /// idempotent; under a lease that is over it changes nothing.
    async fn replace_held_runs(
        &self,
        lease: ShardLease,
        held: &[HeldRun],
    ) -> Result<(), StoreError>;

    /// Commits everything of a turn, or nothing; durable when it returns.
    ///
    /// An instance that it stores with a wait for something which has come already is woken: the same
    /// transaction writes a [`crate::CommandKind::Wake`] for it, and nothing else takes what came. What
    /// a refused command of that kind brought is available again.
    async fn commit(&self, turn: &Turn) -> Result<(), CommitError>;
}
