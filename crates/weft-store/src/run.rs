//! A run, as a scheduler takes it up.

use crate::{DagKey, StoredUpdate, VersionId};
use std::sync::Arc;
use weft_core::{
    id::{DagId, TenantId},
    run::{Instance, RunState},
    run_id::RunId,
    time::Timestamp,
    wait::Wait,
};

/// Everything of a run that the machine needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Id of the run.
    pub id: RunId,
    /// Tenant that owns the run.
    pub tenant: TenantId,
    /// DAG of the run.
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
    /// What it counts by, if its DAG bounds runs by key: see [`weft_core::concurrency`].
    pub concurrency_key: Option<Arc<str>>,
    /// Not started earlier.
    pub not_before: Timestamp,
    /// When it was made.
    pub created: Timestamp,
    /// The W3C `traceparent` that it began under.
    pub trace: Option<Arc<str>>,
    /// Who called it, if its kind is [`RunKind::Called`].
    pub caller: Option<Caller>,
    /// What happened to it, as `weft_core::run::record` writes it, in order; empty while it is queued.
    pub events: Vec<String>,
    /// The sequence number that its next chunk of events gets.
    pub next_seq: i64,
}

/// A run that no scheduler of this version can continue: its row, its version or its events can't
/// be read, or its events can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRun {
    /// Id of the held run.
    pub run: RunId,
    /// Why, for people.
    pub why: String,
}

/// What a deferral left for the next attempt of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeState {
    /// Run of the instance.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// JSON.
    pub state: Arc<str>,
    /// What it waits for, while it is deferred.
    pub wait: Option<Wait>,
    /// What woke it, if it waited for something: JSON.
    pub woken: Option<Arc<str>>,
}

/// The task instance that called a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its run.
    pub run: RunId,
    /// Task and map index.
    pub instance: Instance,
    /// The DAG of its run, after those of the runs that called that one: the first caller first.
    pub dags: Vec<DagId>,
}

/// What the store knows of what an instance waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// The run.
    Run {
        /// Its id.
        run: RunId,
        /// Its DAG.
        dag: DagId,
        /// Pinned when it was made.
        version: VersionId,
        /// Its state.
        state: RunState,
    },
    /// There is no such run.
    NoRun,
    /// There is no such DAG.
    NoDag,
    /// The last of the updates that it waits for.
    Update(StoredUpdate),
    /// There is no such update yet.
    NoUpdate,
}

/// The run of a DAG for the date before another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunBefore {
    /// Its id.
    pub run: RunId,
    /// Pinned when it was made.
    pub version: VersionId,
    /// Its state.
    pub state: RunState,
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
    /// A task of another run.
    Called,
    /// Updates of assets.
    Assets,
}
