//! What a scheduler asks of the database.

pub(crate) mod commit;
mod implementation;
pub(crate) mod lease;
pub(crate) mod reading;

use crate::{
    crashes::CrashNews,
    turn::{Output, Turn},
};
use async_trait::async_trait;
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    document::TaskIndex,
    id::{DagId, TaskId, TenantId},
    run::{Instance, Marked},
    run_id::RunId,
    suspicion::{Blamed, Crash},
    time::{DurationMs, Timestamp},
};

/// The unit of scheduler ownership: a group of tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub i32);

/// The row of a DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DagKey(pub i64);

/// The row of a version of a DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionId(pub i64);

/// The row of a command; later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub i64);

/// A shard that is owned, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardLease {
    /// Which shard.
    pub shard: ShardId,
    /// Rises with each change of owner; every transaction compares it.
    pub epoch: i64,
    /// By the database's clock.
    pub until: Timestamp,
}

/// Everything of a run that the machine needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Which run.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// Of which DAG.
    pub dag: DagKey,
    /// Pinned when it was made.
    pub version: VersionId,
    /// What made it.
    pub kind: RunKind,
    /// The date that it is for.
    pub logical_date: Timestamp,
    /// The span of data that it is for: start and end.
    pub interval: (Timestamp, Timestamp),
    /// A JSON object, defaults filled in.
    pub params: Arc<str>,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// The W3C `traceparent` that it began under.
    pub trace: Option<Arc<str>>,
    /// What happened to it, as `weft_core::run::record` writes it, in order; empty while it is queued.
    pub events: Vec<String>,
    /// The sequence number that its next chunk of events gets.
    pub next_seq: i64,
}

/// What made a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunKind {
    /// Somebody, or a program of theirs.
    Manual,
    /// The timetable. Unique by (DAG, logical date), together with `Backfill`.
    Scheduled,
    /// A backfill over a range of dates.
    Backfill,
}

/// A DAG as the scheduler sees it, without its document.
#[derive(Debug, Clone, PartialEq)]
pub struct DagState {
    /// Its row.
    pub key: DagKey,
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub id: DagId,
    /// The version that new runs get; none while nothing is active.
    pub active: Option<VersionId>,
    /// No run starts while it is paused; those that run go on.
    pub paused: bool,
    /// The logical date of the last scheduled run that was made, if any.
    pub last_scheduled: Option<Timestamp>,
    /// When it was first unpaused or activated: without catchup nothing before it is made.
    pub scheduled_since: Timestamp,
}

/// A version with its document.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredVersion {
    /// Its row.
    pub id: VersionId,
    /// Of which DAG.
    pub dag: DagKey,
    /// The file that was deployed.
    pub digest: Digest,
    /// The `weft.dag/1` document of this DAG alone (`Dag` of `weft_core::document::published`), as JSON.
    pub document: Arc<str>,
    /// The files of its tasks by name; of a component without a manifest, the
    /// one entry with an empty name that `Code::Own` stands for.
    pub files: Vec<FileEntry>,
}

/// A file that tasks of a version run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// As the document names it; empty for the describing component itself.
    pub name: String,
    /// Its bytes' digest, under which it stands in the blob store.
    pub digest: Digest,
}

/// What bounds the runs of a shard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShardSettings {
    /// Rises with every change to anything that stands here or in [`DagState`].
    pub version: i64,
    /// Task instances at once over all tenants; without one the workers' slots are the bound.
    pub max_active_tasks: Option<u32>,
    /// One for each tenant of the shard.
    pub tenants: Vec<TenantSettings>,
    /// Every pool of the shard.
    pub pools: Vec<Pool>,
}

/// What bounds one tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct TenantSettings {
    /// Which tenant.
    pub tenant: TenantId,
    /// Its policy file, TOML; none where the default holds.
    pub policy: Option<Arc<str>>,
    /// Task instances at once.
    pub max_active_tasks: Option<u32>,
    /// Its share against other tenants, from 1 to 1000; 100 is usual.
    pub weight: u32,
}

/// A pool of slots that tasks of one tenant share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Whose.
    pub tenant: TenantId,
    /// Its name.
    pub name: String,
    /// How many slots it has.
    pub slots: u32,
}

/// Something that somebody wants done to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Its place in the order.
    pub id: CommandId,
    /// To which run.
    pub run: RunId,
    /// What.
    pub kind: CommandKind,
}

/// What can be wanted of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandKind {
    /// End it as cancelled.
    Cancel,
    /// Run these tasks again.
    Clear {
        /// Which.
        tasks: Vec<TaskId>,
        /// And everything downstream of them.
        downstream: bool,
    },
    /// Give an instance a state by hand.
    Mark {
        /// Its task.
        task: TaskId,
        /// Its map index; 0 of a task that isn't mapped.
        index: u32,
        /// The state.
        as_state: Marked,
    },
    /// A deferred instance goes on before its time.
    Wake {
        /// Its task.
        task: TaskId,
        /// Its map index; 0 of a task that isn't mapped.
        index: u32,
    },
}

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Does not answer, or is busy for too long: the same call may succeed later.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
    /// No space is left, or it can't be written.
    #[error("the database can't be written: {0}")]
    Full(String),
    /// What stands there is not what this version of Weft wrote.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(String),
    /// A statement or type that doesn't fit the schema: a defect of Weft.
    #[error("a defect in Weft's use of the database: {0}")]
    Defect(String),
}

/// Why a turn was not committed. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else owns the shard: stop at once.
    #[error("the shard {0:?} is owned by another scheduler")]
    Fenced(ShardId),
    /// A run for this date exists already: leave the new run out.
    #[error("there is a run for the date of {0} already")]
    RunExists(RunId),
    /// Another run has the id that was drawn for a new one, or two new ones have the same:
    /// draw another.
    #[error("the id {0} is taken by another run")]
    IdTaken(RunId),
    /// Another reason; [`StoreError::Unavailable`] and [`StoreError::Full`] may pass,
    /// anything else lies in the turn itself: find the run that breaks it by halving.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The scheduler's side of the database. Every call is one transaction.
#[async_trait]
pub trait RunStore: Send + Sync {
    /// The database's clock, the only one by which due times and leases go.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Says that `scheduler` is there, for as long as a lease, and returns how many of the
    /// shards are its share among all schedulers that are.
    async fn share_of_shards(&self, scheduler: &str, lease: DurationMs) -> Result<u32, StoreError>;

    /// Renews the shards that `scheduler` owns and takes of those that nobody owns
    /// or whose lease ran out, raising their epoch, until it owns `at_most`. Returns all
    /// that it owns now: more than `at_most` where it owned more before.
    async fn lease_shards(
        &self,
        scheduler: &str,
        lease: DurationMs,
        at_most: u32,
    ) -> Result<Vec<ShardLease>, StoreError>;

    /// Gives a shard back before its lease ends.
    async fn release_shard(&self, lease: ShardLease) -> Result<(), StoreError>;

    /// Gives all shards of `scheduler` back before their leases end; it is not there any more.
    async fn release_shards(&self, scheduler: &str) -> Result<(), StoreError>;

    /// Tenants, pools and limits of a shard.
    async fn settings(&self, shard: ShardId) -> Result<ShardSettings, StoreError>;

    /// Only [`ShardSettings::version`]; asked each second.
    async fn settings_version(&self, shard: ShardId) -> Result<i64, StoreError>;

    /// The DAGs of a shard that were not deleted, by key, after `after`.
    async fn dags(
        &self,
        shard: ShardId,
        after: Option<DagKey>,
        limit: u32,
    ) -> Result<Vec<DagState>, StoreError>;

    /// A version with its document.
    async fn version(&self, version: VersionId) -> Result<Option<StoredVersion>, StoreError>;

    /// The runs of a shard that have started and not ended, by id, after `after`, with their events.
    async fn active_runs(
        &self,
        shard: ShardId,
        after: Option<RunId>,
        limit: u32,
    ) -> Result<Vec<StoredRun>, StoreError>;

    /// One run with its events, whatever its state.
    async fn run(&self, run: RunId) -> Result<Option<StoredRun>, StoreError>;

    /// The queued runs of a DAG whose `not_before` has come by `now`, by (logical date, id).
    async fn queued_runs(
        &self,
        dag: DagKey,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredRun>, StoreError>;

    /// The DAGs of a shard, paused ones left out, that have such a run; at most `limit`.
    async fn dags_with_queued_runs(
        &self,
        shard: ShardId,
        now: Timestamp,
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
    ) -> Result<Vec<Command>, StoreError>;

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

    /// What these deferred instances left for their next attempt.
    async fn resume_states(
        &self,
        run: RunId,
        instances: &[Instance],
    ) -> Result<Vec<(Instance, Arc<str>)>, StoreError>;

    /// What counts against tasks of the shard's DAGs; of what was absolved that of runs
    /// that go on.
    async fn crashes(&self, shard: ShardId) -> Result<Vec<(Blamed, Crash)>, StoreError>;

    /// Keeps what became known of crashes, in order, all or nothing. Told again it changes
    /// nothing, whoever tells it.
    async fn keep_crashes(&self, news: &[CrashNews]) -> Result<(), StoreError>;

    /// Commits everything of a turn, or nothing; durable when it returns.
    async fn commit(&self, turn: &Turn) -> Result<(), CommitError>;
}
