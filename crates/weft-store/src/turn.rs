//! The writes of one turn of a scheduler, which the store commits in one transaction.
//!
//! Each object is listed at most once, in the state it has at the end of the
//! turn, however often it changed during the turn.

use crate::{Caller, CommandId, DagKey, RunKind, ShardLease, VersionId};
use std::{fmt, str::FromStr, sync::Arc};
use weft_core::{
    asset::{AssetName, AssetUpdate},
    digest::Digest,
    document::TaskIndex,
    id::TenantId,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};

/// One turn.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Compared with the shard's row before anything is written.
    pub lease: ShardLease,
    /// One more than the turn before, whose number is kept with the shard
    /// ([`crate::ShardState::turn`]). The number that was committed last is
    /// answered with success and writes nothing, so that a commit whose answer
    /// was lost can be repeated. A gap means that the database lost turns.
    pub number: i64,
    /// Runs that timetables and tasks made. Written first.
    pub new_runs: Vec<NewRun>,
    /// Runs whose state or counts changed.
    pub runs: Vec<RunUpdate>,
    /// What happened, to be read back by recovery and by people; one for each run touched.
    pub events: Vec<EventChunk>,
    /// Tasks that start over: their instances become history. Written before `instances`.
    pub cleared: Vec<ClearedTask>,
    /// Attempts that ended without ending their instance.
    pub attempts: Vec<AttemptRecord>,
    /// Instances that changed: inserted, or replaced.
    pub instances: Vec<InstanceRow>,
    /// What instances of `instances` ask people since they deferred.
    pub approvals: Vec<Asked>,
    /// Deadlines that passed.
    pub missed: Vec<MissedDeadline>,
    /// What attempts that succeeded updated. One that is there already is not written again.
    pub updates: Vec<Updated>,
    /// Mapped tasks whose counts changed.
    pub tasks: Vec<TaskSummary>,
    /// Commands that were carried out or refused.
    pub commands: Vec<CommandDone>,
    /// DAGs whose timetable went on.
    pub timetables: Vec<TimetableUpdate>,
}

/// A run that a timetable or a task made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRun {
    /// Id of the run.
    pub id: RunId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// DAG of the run.
    pub dag: DagKey,
    /// The version that is active now.
    pub version: VersionId,
    /// What made it.
    pub kind: RunKind,
    /// The date it is for.
    pub logical_date: Timestamp,
    /// Start and end of its data.
    pub interval: (Timestamp, Timestamp),
    /// A JSON object.
    pub params: Arc<str>,
    /// What it counts by, if its DAG bounds runs by key: see [`weft_core::concurrency`].
    pub concurrency_key: Option<Arc<str>>,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// When it is made.
    pub created: Timestamp,
    /// The W3C `traceparent` that it begins under.
    pub trace: Option<Arc<str>>,
    /// Who called it, if its kind is [`RunKind::Called`].
    pub caller: Option<Caller>,
    /// The updates that it is made of, if its kind is [`RunKind::Assets`]: the DAG's next such run is not
    /// made of them.
    pub taken: Vec<Taken>,
}

/// Updates of one asset that a run is made of: all that no earlier run of the DAG was made of, up to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The asset.
    pub asset: AssetName,
    /// The last update, as [`crate::WaitingAsset::newest`].
    pub newest: i64,
    /// How many they are.
    pub updates: u32,
}

/// An update of an asset by an attempt that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// Run of the attempt.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// The attempt's number.
    pub number: u32,
    /// The attempt's nonce.
    pub nonce: u64,
    /// The asset, and what was said of it.
    pub update: AssetUpdate,
    /// When.
    pub at: Timestamp,
}

/// A task that starts over, or instances of it: what they had becomes history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClearedTask {
    /// Run of the task.
    pub run: RunId,
    /// The task.
    pub task: TaskIndex,
    /// The instances from this map index on.
    pub from: u32,
    /// The instances with map indexes below it alone: some of them start over, or a task of many
    /// instances is cleared by several turns. `None` for all that are left, and the task's counts.
    pub below: Option<u32>,
}

/// A run's state at the end of the turn. A `Pending` run is queued.
#[derive(Debug, Clone, PartialEq)]
pub struct RunUpdate {
    /// Id of the run.
    pub id: RunId,
    /// State of the run at the end of the turn.
    pub state: RunState,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended; none again after a clear.
    pub ended: Option<Timestamp>,
    /// How many of its instances are in each state.
    pub counts: Counts,
}

/// What happened to one run in this turn.
#[derive(Debug, Clone, PartialEq)]
pub struct EventChunk {
    /// Run of the events.
    pub run: RunId,
    /// Position in the run's record: as [`crate::StoredRun::next_seq`], then one more each time.
    pub seq: i64,
    /// When the chunk was written.
    pub at: Timestamp,
    /// As `weft_core::run::record` writes it.
    pub body: String,
}

/// The states of an instance that has a row. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum InstanceTag {
    /// See `weft_core::run::InstanceState`; so for all.
    Queued = 1,
    /// Claimed by a worker.
    Running = 2,
    /// Waits for its retry.
    UpForRetry = 3,
    /// Gave its slot back.
    Deferred = 4,
    /// May be dispatched; stored only where an attempt came before.
    Ready = 5,
    /// Done.
    Success = 10,
    /// Failed for good.
    Failed = 11,
    /// Not to run.
    Skipped = 12,
    /// Can never run.
    UpstreamFailed = 13,
    /// The run was stopped before it ended.
    Cancelled = 14,
}

impl InstanceTag {
    /// Every state that is stored.
    pub const ALL: [Self; 10] = [
        Self::Queued,
        Self::Running,
        Self::UpForRetry,
        Self::Deferred,
        Self::Ready,
        Self::Success,
        Self::Failed,
        Self::Skipped,
        Self::UpstreamFailed,
        Self::Cancelled,
    ];

    /// The name in messages and in rows of attempts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::UpForRetry => "up_for_retry",
            Self::Deferred => "deferred",
            Self::Ready => "ready",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::UpstreamFailed => "upstream_failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for InstanceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no stored state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no state of an instance")]
pub struct InstanceTagError;

impl FromStr for InstanceTag {
    type Err = InstanceTagError;

    fn from_str(text: &str) -> Result<Self, InstanceTagError> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(InstanceTagError)
    }
}

/// An instance at the end of the turn. Instances that wait have no row.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceRow {
    /// Run of the instance.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// State of the instance at the end of the turn.
    pub state: InstanceTag,
    /// Why it has it, as `weft_core::run::Cause` names it in snake case.
    pub cause: &'static str,
    /// The number of its last attempt; 0 where there was none.
    pub number: u32,
    /// That attempt's nonce.
    pub nonce: u64,
    /// When that attempt was dispatched.
    pub queued: Option<Timestamp>,
    /// When that attempt started.
    pub started: Option<Timestamp>,
    /// When the instance ended.
    pub ended: Option<Timestamp>,
    /// When it goes on by itself (a retry, a deferral).
    pub due: Option<Timestamp>,
    /// Who ran the last attempt.
    pub worker: Option<Arc<str>>,
    /// What it returned.
    pub output: Option<Output>,
    /// What a deferral left for the next attempt: JSON.
    pub resume: Option<Arc<str>>,
    /// What it waits for, while it is deferred. The transaction that writes it takes what came
    /// before ([`crate::RunStore::commit`]).
    pub wait: Option<Wait>,
    /// What woke it, for the attempt that resumes: JSON.
    pub woken: Option<Arc<str>>,
    /// Why the last attempt failed: JSON (code, message, details, backtrace).
    pub error: Option<Arc<str>>,
    /// What the last attempt used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where the last attempt's log lies.
    pub log: Option<Arc<str>>,
}

/// What an instance asks people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Run of the instance.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// The number of the attempt that asked.
    pub number: u32,
    /// What, as [`weft_core::approval::ApprovalRequest`] writes it.
    pub request: Arc<str>,
    /// When.
    pub at: Timestamp,
}

/// A deadline that passed before what it is for had ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedDeadline {
    /// The run.
    pub run: RunId,
    /// A task of it, or the run as a whole.
    pub task: Option<TaskIndex>,
    /// When that was noticed.
    pub at: Timestamp,
}

/// An output, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// JSON text.
    Inline(Arc<str>),
    /// In the blob store.
    Blob {
        /// Its name there.
        digest: Digest,
        /// Size of the output, in bytes.
        bytes: u64,
    },
}

/// An attempt that ended without ending its instance, or whose instance went on to another.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Run of the attempt.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// Number of the attempt, from 1 on.
    pub number: u32,
    /// How it ended: `failed`, `lost`, `deferred`, `revoked`.
    pub end: &'static str,
    /// When it was dispatched.
    pub queued: Option<Timestamp>,
    /// When it started.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Timestamp,
    /// Who ran it.
    pub worker: Option<Arc<str>>,
    /// Why it failed: JSON.
    pub error: Option<Arc<str>>,
    /// What it used up: JSON.
    pub usage: Option<Arc<str>>,
    /// Where its log lies.
    pub log: Option<Arc<str>>,
}

/// The counts of a mapped task's instances.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskSummary {
    /// Run of the task.
    pub run: RunId,
    /// The task.
    pub task: TaskIndex,
    /// How many instances it has.
    pub instances: u32,
    /// How many are in each state.
    pub counts: Counts,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDone {
    /// Which command.
    pub id: CommandId,
    /// The run that it was given for.
    pub run: RunId,
    /// Why it was refused; none where it was carried out.
    pub refused: Option<String>,
}

/// A timetable that went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimetableUpdate {
    /// DAG of the timetable.
    pub dag: DagKey,
    /// The logical date of the last scheduled run that was made.
    pub last_scheduled: Timestamp,
    /// When the next one is made, for people; none where there is none.
    pub next: Option<Timestamp>,
}
