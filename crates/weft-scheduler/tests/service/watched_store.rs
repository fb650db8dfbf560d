//! A database whose calls a test counts, and whose turns it can stop.

use crate::harness::Installation;
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
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
use weft_scheduler::{Deps, SchedulerOptions};
use weft_store::{
    Awaited, Command, CommandId, CommitError, CrashUpdate, DagKey, DagState, HeldRun, InstanceTag,
    Lost, Output, ResumeState, Rows, RunBefore, RunStore, ShardId, ShardLease, ShardSettings,
    ShardState, StoreError, StoredRun, StoredUpdate, StoredVersion, Taken, Turn, Unreadable,
    VersionId, WaitingDag,
};
use weft_store_sql::Database;

/// The database, watched.
#[derive(Clone)]
pub(crate) struct WatchedStore {
    database: Database,
    watch: Arc<Mutex<Watch>>,
}

/// What was called.
#[derive(Default)]
struct Watch {
    calls: BTreeMap<&'static str, usize>,
    /// The rows of each committed turn.
    rows: Vec<usize>,
    /// How many instances of parts of tasks each committed turn cleared.
    cleared: Vec<usize>,
    /// The instances that each committed turn queued.
    dispatched: Vec<usize>,
    /// No further turn is committed after so many large ones.
    stops_after: Option<usize>,
    large: usize,
    bound: usize,
    /// The next commit never returns.
    hangs: bool,
    /// The next leases are as before another takeover, which got the same epochs.
    shares_epochs: bool,
}

impl WatchedStore {
    /// A database in which a turn of at least `bound` rows is large, as is a portion of a clear.
    pub(crate) fn new(database: Database, bound: usize) -> Self {
        let watch = Watch {
            bound,
            ..Watch::default()
        };
        Self {
            database,
            watch: Arc::new(Mutex::new(watch)),
        }
    }

    /// Starts a scheduler of an installation over its database, watched as of [`Self::new`].
    pub(crate) fn start_scheduler(
        installation: &mut Installation,
        options: SchedulerOptions,
        bound: usize,
    ) -> Self {
        let store = Self::new(installation.database.clone(), bound);
        let deps = Deps {
            store: Arc::new(store.clone()),
            ..installation.deps()
        };
        installation.start_scheduler_over(options, deps);
        store
    }

    /// Has every commit wait for ever after some further large turns.
    pub(crate) fn stop_after(&self, turns: usize) {
        let mut watch = self.watch.lock().expect("no test panics with it");
        watch.stops_after = Some(watch.large + turns);
    }

    /// Has the next commit never return; those after it do.
    pub(crate) fn hang_once(&self) {
        self.watch.lock().expect("no test panics with it").hangs = true;
    }

    /// Has the next leases name other turns than the database has, as where it lost their takeover
    /// and gave the same epochs to another scheduler.
    pub(crate) fn share_epochs_once(&self) {
        let mut watch = self.watch.lock().expect("no test panics with it");
        watch.shares_epochs = true;
    }

    async fn lease_watched(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError> {
        let mut leases = self
            .database
            .lease_shards(scheduler, lease, at_most)
            .await?;
        let mut watch = self.watch.lock().expect("no test panics with it");
        if !leases.is_empty() && std::mem::take(&mut watch.shares_epochs) {
            for lease in &mut leases {
                lease.turn -= 1;
            }
        }
        Ok(leases)
    }

    fn take_hang(&self) -> bool {
        let mut watch = self.watch.lock().expect("no test panics with it");
        std::mem::take(&mut watch.hangs)
    }

    /// Whether commits wait.
    pub(crate) fn is_stopped(&self) -> bool {
        let watch = self.watch.lock().expect("no test panics with it");
        watch.stops_after.is_some_and(|most| watch.large >= most)
    }

    /// The rows of each turn that was committed.
    pub(crate) fn rows(&self) -> Vec<usize> {
        let watch = self.watch.lock().expect("no test panics with it");
        watch.rows.clone()
    }

    /// The instances that each turn cleared in part of a task.
    pub(crate) fn cleared(&self) -> Vec<usize> {
        let watch = self.watch.lock().expect("no test panics with it");
        watch.cleared.clone()
    }

    /// The instances that each turn queued.
    pub(crate) fn dispatched(&self) -> Vec<usize> {
        let watch = self.watch.lock().expect("no test panics with it");
        watch.dispatched.clone()
    }

    /// How often each call was made.
    pub(crate) fn calls(&self) -> BTreeMap<&'static str, usize> {
        let watch = self.watch.lock().expect("no test panics with it");
        watch.calls.clone()
    }

    fn count(&self, call: &'static str) {
        let mut watch = self.watch.lock().expect("no test panics with it");
        *watch.calls.entry(call).or_default() += 1;
    }

    async fn commit_watched(&self, turn: &Turn) -> Result<(), CommitError> {
        if self.is_stopped() || self.take_hang() {
            std::future::pending::<()>().await;
        }
        self.database.commit(turn).await?;
        let rows = turn.instances.len() + turn.attempts.len();
        let is_portion = turn.cleared.iter().any(|cleared| cleared.below.is_some());
        let queued = turn.instances.iter();
        let queued = queued.filter(|row| row.state == InstanceTag::Queued);
        let mut watch = self.watch.lock().expect("no test panics with it");
        watch.rows.push(rows);
        watch.dispatched.push(queued.count());
        let cleared = turn.cleared.iter();
        let cleared =
            cleared.filter_map(|part| Some(part.below?.saturating_sub(part.from) as usize));
        watch.cleared.push(cleared.sum());
        watch.large += usize::from(is_portion || rows >= watch.bound);
        Ok(())
    }
}

macro_rules! watched {
    ($($name:ident($($arg:ident: $of:ty),*) -> $result:ty;)*) => {
        #[async_trait]
        impl RunStore for WatchedStore {
            $(async fn $name(&self, $($arg: $of),*) -> $result {
                self.count(stringify!($name));
                self.database.$name($($arg),*).await
            })*

            async fn commit(&self, turn: &Turn) -> Result<(), CommitError> {
                self.count("commit");
                self.commit_watched(turn).await
            }

            async fn lease_shards(
                &self,
                scheduler: &str,
                lease: DurationMs,
                at_most: u32,
            ) -> Result<Vec<ShardLease>, StoreError> {
                self.count("lease_shards");
                self.lease_watched(scheduler, lease, at_most).await
            }
        }
    };
}

watched! {
    now() -> Result<Timestamp, StoreError>;
    share_of_shards(scheduler: &str, lease: DurationMs) -> Result<u32, StoreError>;
    release_shard(lease: ShardLease) -> Result<(), StoreError>;
    release_shards(scheduler: &str) -> Result<(), StoreError>;
    settings(shard: ShardId) -> Result<ShardSettings, StoreError>;
    shard_state(shard: ShardId) -> Result<ShardState, StoreError>;
    give_up_shard(lease: ShardLease, lost: Lost) -> Result<(), StoreError>;
    record_lost_turns(lease: ShardLease, turns: u64) -> Result<(), StoreError>;
    dags(shard: ShardId, after: Option<DagKey>, limit: u32) -> Result<Rows<DagState, DagKey>, StoreError>;
    version(version: VersionId) -> Result<Option<StoredVersion>, StoreError>;
    active_runs(shard: ShardId, after: Option<RunId>, limit: u32) -> Result<Rows<StoredRun, RunId>, StoreError>;
    run(run: RunId) -> Result<Option<Result<StoredRun, Unreadable<RunId>>>, StoreError>;
    queued_runs(dag: DagKey, now: Timestamp, without: &[Arc<str>], limit: u32) -> Result<Rows<StoredRun, RunId>, StoreError>;
    starts_by_key(dag: DagKey, after: Timestamp, limit: u32) -> Result<Vec<(Timestamp, Arc<str>)>, StoreError>;
    count_queued_scheduled(dag: DagKey, limit: u32) -> Result<u32, StoreError>;
    dags_with_queued_runs(shard: ShardId, now: Timestamp, after: Option<DagKey>, limit: u32) -> Result<Vec<DagKey>, StoreError>;
    next_queued(shard: ShardId, now: Timestamp) -> Result<Option<Timestamp>, StoreError>;
    commands(shard: ShardId, after: Option<CommandId>, limit: u32) -> Result<Rows<Command, (CommandId, RunId)>, StoreError>;
    outputs(run: RunId, instances: &[Instance]) -> Result<Vec<(Instance, Output)>, StoreError>;
    outputs_of_task(run: RunId, task: TaskIndex, from: u32, limit: u32) -> Result<Vec<(Instance, Output)>, StoreError>;
    awaited(waits: &[(TenantId, Wait)]) -> Result<Vec<Awaited>, StoreError>;
    runs_before(dates: &[(DagKey, Timestamp)]) -> Result<Vec<Option<RunBefore>>, StoreError>;
    task_ends(tasks: &[(RunId, TaskIndex)]) -> Result<Vec<(RunId, TaskIndex, TaskEnd)>, StoreError>;
    asset_changes(assets: &[(TenantId, AssetName)]) -> Result<Vec<i64>, StoreError>;
    resume_states(instances: &[(RunId, Instance)]) -> Result<Vec<ResumeState>, StoreError>;
    versions(versions: &[VersionId]) -> Result<Rows<StoredVersion, VersionId>, StoreError>;
    dags_of_runs(runs: &[RunId]) -> Result<Vec<(RunId, DagKey)>, StoreError>;
    waiting_dags(shard: ShardId, after: Option<DagKey>, limit: u32) -> Result<Vec<WaitingDag>, StoreError>;
    waiting_updates(dag: DagKey, taken: &[Taken], limit: u32) -> Result<Vec<StoredUpdate>, StoreError>;
    crashes(shard: ShardId) -> Result<Rows<(Blamed, Crash), RunId>, StoreError>;
    replace_held_runs(lease: ShardLease, held: &[HeldRun]) -> Result<(), StoreError>;
    record_crashes(updates: &[CrashUpdate]) -> Result<(), StoreError>;
}
